"""Sounds by their spectra and levels."""

import numpy as np
import pytest

from cityzoo.demo.sounds import RATE
from cityzoo.demo.sounds.synthesis import make_noise, make_tone, mix_at_snr, scale_level, shift_doppler


def spectrum(sound):
    """(Hz, power) of a sound of one second."""
    return np.fft.rfftfreq(len(sound), 1 / RATE), np.abs(np.fft.rfft(sound)) ** 2


def test_tone_and_its_overtones():
    """Peaks at 1 and 2 kHz with a quarter of the power; an overtone above 8 kHz is left out."""
    hertz, power = spectrum(make_tone(np.full(RATE, 1000.0), (1.0, 0.5)))
    assert power[hertz == 2000] == pytest.approx(power[hertz == 1000] / 4, rel=1e-3)
    assert np.abs(make_tone(np.full(RATE, 5000.0), (0.0, 1.0))).max() == 0


def test_slope_of_noise():
    """Pink noise loses 3 dB an octave."""
    hertz, power = spectrum(make_noise(RATE, np.random.default_rng(0), 1.0))
    bands = [power[(hertz >= low) & (hertz < 2 * low)].mean() for low in (200, 400, 800, 1600)]
    assert 10 * np.log10(bands[0] / bands[3]) / 3 == pytest.approx(3.0, abs=0.4)


def test_doppler():
    """At 20 m/s, far away: 1000 Hz / (1 - 20 / 343) before, / (1 + 20 / 343) after it has passed."""
    heard = shift_doppler(np.full(20 * RATE, 1000.0), 20.0, 2.0, 10.0)
    assert heard[0] == pytest.approx(1000 / (1 - 20 / 343), rel=1e-3)
    assert heard[-1] == pytest.approx(1000 / (1 + 20 / 343), rel=1e-3)
    assert heard[10 * RATE] == pytest.approx(1000.0)


@pytest.mark.parametrize("snr", [20.0, 0.0])
def test_signal_to_noise_ratio(snr):
    """Of a tone over half of the time: its level is taken where it sounds."""
    tone = make_tone(np.full(RATE, 440.0)) * (np.arange(RATE) < RATE / 2)
    noise = make_noise(RATE, np.random.default_rng(1))
    mixed = mix_at_snr(tone, noise, snr)
    half = mixed[RATE // 2 :]
    factor = np.sqrt(np.mean(half**2)) / np.sqrt(np.mean(noise[RATE // 2 :] ** 2))
    signal = mixed[: RATE // 2] - factor * noise[: RATE // 2]
    assert 20 * np.log10(signal.std() / (factor * scale_level(noise).std())) == pytest.approx(snr, abs=0.3)
    assert np.abs(mixed).max() == pytest.approx(0.7)
