"""Augmentation of sounds: known sounds go in, what comes out is measured."""

import numpy as np
import pytest

from augment import audio
from augment.policy import Policy

RATE = 16_000
TIMES = np.arange(RATE // 2) / RATE
TONE = (0.3 * np.sin(2 * np.pi * 1000 * TIMES)).astype(np.float32)


def pitch_of(clip):
    return np.argmax(np.abs(np.fft.rfft(clip * np.hanning(len(clip))))) * RATE / len(clip)


def apply(name, value, clip=TONE, seed=0):
    return audio.TRANSFORMS[name][0](clip, np.random.default_rng(seed), value)


def test_speed_moves_pitch_and_duration_and_tempo_only_the_duration():
    faster, hurried = apply("speed", 1.25), apply("tempo", 1.25)
    assert len(faster) == pytest.approx(len(TONE) / 1.25, abs=2)
    assert pitch_of(faster) == pytest.approx(1250, abs=10)
    assert len(hurried) == pytest.approx(len(TONE) / 1.25, rel=0.1)
    assert pitch_of(hurried) == pytest.approx(1000, abs=10)


def test_gain_noise_equalizer_and_masks_do_as_they_say():
    assert np.abs(apply("gain", -20.0)).max() == pytest.approx(0.03, rel=1e-3)
    assert np.abs(apply("gain", 20.0)).max() == 1.0
    noise = apply("noise", 10.0) - TONE
    assert 10 * np.log10(np.mean(TONE**2) / np.mean(noise**2)) == pytest.approx(10, abs=0.1)
    octave_up = (0.3 * np.sin(2 * np.pi * 2000 * TIMES)).astype(np.float32)
    gains = [
        20 * np.log10(np.sqrt(np.mean(apply("equalize", 6.0, octave_up, seed) ** 2) * 2) / 0.3)
        for seed in range(300)
    ]
    assert np.std(gains) == pytest.approx(6, rel=0.15)
    assert np.mean(apply("equalize", 6.0) ** 2) == pytest.approx(np.mean(TONE**2), rel=0.01)  # 1 kHz stays
    flat = np.full(RATE, 0.1, np.float32)
    steps = [
        np.diff(np.log10(apply("envelope", 6.0, flat, seed)[[8000, 9600]]))[0] * 20 for seed in range(200)
    ]
    assert np.std(steps) == pytest.approx(6 * 15 / 17, rel=0.25)
    masked = apply("time_mask", 0.25, np.ones(1000, np.float32))
    assert np.sum(masked < 0.5) == 250
    hiss = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    kept = np.abs(np.fft.rfft(apply("frequency_mask", 0.3, hiss))) / np.abs(np.fft.rfft(hiss))
    assert {round(float(value), 2) for value in kept} == {0.01, 1.0}


def test_trim_removes_quiet_edges():
    padded = np.concatenate([np.full(1600, 1e-4, np.float32), TONE, np.full(3200, 1e-4, np.float32)])
    assert len(apply("trim", 30.0, padded)) == len(TONE)


def test_the_standard_policy_keeps_vowels_apart():
    """A tone of 1 kHz stays within what vocal tracts of adults differ by, while its duration varies by half."""
    chosen = [step for step in audio.get_policy("standard").steps if step.transform in ("speed", "tempo")]
    policy = Policy("both", tuple(chosen))
    clips = [audio.augment(TONE, 2 * RATE, policy, (0, 0, view)) for view in range(60)]
    pitches = [pitch_of(clip) for clip in clips]
    assert 840 < min(pitches) < 900 and 1130 < max(pitches) < 1190
    seconds = [np.count_nonzero(np.abs(clip) > 1e-3) / RATE for clip in clips]
    assert min(seconds) < 0.5 / 1.18 and max(seconds) > 0.5 / 0.85


@pytest.mark.parametrize("name", list(audio.POLICIES))
@pytest.mark.parametrize("samples", [1, 30, 3000, 40_000])
def test_every_policy_takes_clips_of_any_length(name, samples):
    clip = np.random.default_rng(1).uniform(-1, 1, samples).astype(np.float32)
    policy = audio.get_policy(name)
    found = audio.augment(clip, RATE, policy, (0, 5, 2))
    assert found.shape == (RATE,)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert (found == audio.augment(clip, RATE, policy, (0, 5, 2))).all()
    if name != "none":
        assert not (found == audio.augment(clip, RATE, policy, (0, 5, 3))).all()


def test_silence_stays_finite():
    silent = audio.augment(np.zeros(RATE, np.float32), RATE, audio.get_policy("strong"), (0, 0, 0))
    assert np.isfinite(silent).all()


def test_an_unknown_policy_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match="standard"):
        audio.get_policy("standards")
