"""Voice activity: bursts are found where they are; silence, noise and steady tones are none."""

import sys

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.listen import RATE
from cityzoo.listen.voice_activity import EnergyGate, VoiceSegmenter, WebRtcGate, open_gate

RNG = np.random.default_rng(0)


def segment(samples, gate=None):
    """All pieces of a sound that comes in blocks of odd lengths."""
    segmenter, pieces = VoiceSegmenter(gate or EnergyGate()), []
    for start in range(0, len(samples), 1234):
        pieces += segmenter.push(samples[start : start + 1234].astype(np.float32))
    return [*pieces, *segmenter.flush()]


def syllables(seconds):
    """Noise in the band of voices whose level rises and falls four times a second."""
    count = int(seconds * RATE)
    spectrum = np.fft.rfft(RNG.normal(size=count))
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    sound = np.fft.irfft(spectrum * ((hertz > 200) & (hertz < 3000)), count)
    return 0.1 * sound / sound.std() * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * np.arange(count) / RATE))


@pytest.mark.parametrize("noise", [0.0, 0.001, 0.01])
def test_bursts_are_found(noise):
    """From 2 to 3.5 s and from 6 to 7 s, within 0.4 s before and 0.7 s after, whatever the noise."""
    sound = RNG.normal(0, 1, 10 * RATE) * noise
    sound[2 * RATE : int(3.5 * RATE)] += syllables(1.5)
    sound[6 * RATE : 7 * RATE] += syllables(1)
    pieces = segment(sound)
    ends = [piece.start + len(piece.samples) / RATE for piece in pieces]
    assert len(pieces) == 2
    assert 1.6 <= pieces[0].start <= 2 and 3.4 <= ends[0] <= 4.2
    assert 5.6 <= pieces[1].start <= 6 and 6.9 <= ends[1] <= 7.7
    assert (
        pieces[0].samples == sound.astype(np.float32)[int(pieces[0].start * RATE) :][: len(pieces[0].samples)]
    ).all()


@pytest.mark.parametrize("level", [0.0, 0.0001, 0.01, 0.3])
def test_steady_sounds_are_no_speech(level):
    """Silence, hiss and loud noise from the first sample on."""
    assert segment(RNG.normal(0, 1, 5 * RATE) * level) == []
    assert segment(level * np.sin(2 * np.pi * 440 * np.arange(5 * RATE) / RATE)) == []


def test_clicks_are_no_speech():
    """A tenth of a second."""
    sound = np.zeros(3 * RATE)
    sound[RATE : RATE + 1600] = syllables(0.1)
    assert segment(sound) == []


def test_noise_that_begins_is_soon_the_floor():
    """A machine is switched on: at most one piece, then it is the new silence."""
    sound = np.concatenate([RNG.normal(0, 0.001, 3 * RATE), RNG.normal(0, 0.1, 30 * RATE)])
    pieces = segment(sound)
    assert sum(len(piece.samples) for piece in pieces) < 8 * RATE


def test_long_speech_is_cut():
    """At 15 s."""
    pieces = segment(np.concatenate([np.zeros(RATE), syllables(20), np.zeros(RATE)]))
    assert len(pieces) == 2 and len(pieces[0].samples) == 15 * RATE


def test_webrtc():
    """Its answers are used."""
    pytest.importorskip("webrtcvad", reason="webrtcvad is not installed")
    assert segment(np.zeros(2 * RATE), WebRtcGate()) == []


def test_missing_webrtc(monkeypatch):
    """One line with the package."""
    monkeypatch.setitem(sys.modules, "webrtcvad", None)
    with pytest.raises(InputError, match="pip install webrtcvad-wheels"):
        open_gate("webrtc")
    with pytest.raises(InputError, match="energy, webrtc"):
        open_gate("silero")
