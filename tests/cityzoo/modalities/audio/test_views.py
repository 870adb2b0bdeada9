"""Windows of long sounds, lengths, and what training reads."""

import numpy as np
import pytest

from cityzoo.data.audio import AudioExample, AudioSet
from cityzoo.modalities.audio.data import count_samples, slices
from cityzoo.modalities.audio.views import windows


@pytest.mark.parametrize("length, count", [(100, 1), (101, 2), (150, 2), (151, 3), (1000, 19)])
def test_windows_overlap_by_half_and_cover_everything(length, count):
    clip = np.arange(length, dtype=np.float32)
    found = windows(clip, 100)
    assert found.shape == (count, 100)
    assert set(found.ravel()) == set(clip)
    assert np.diff(found[:, 0]).max(initial=0) <= 50


@pytest.mark.parametrize("seconds", [0.1, 0.333, 1.0, 2.7])
def test_lengths_fit_the_backbone(seconds):
    assert count_samples(seconds) % 80 == 0
    assert abs(count_samples(seconds) / 16_000 - seconds) <= 0.0025


def test_slices_by_duration_level_noise_and_group():
    examples = [
        AudioExample("a.wav", group="ann", seconds=0.4, level_db=-50.0, snr_db=5.0),
        AudioExample("b.wav", group="bob", seconds=0.5, level_db=-30.0, snr_db=20.0),
        AudioExample("c.wav", group="bob", seconds=9.0, level_db=-30.0, snr_db=20.0),
    ]
    found = slices(AudioSet("val", ("x",), tuple(examples)))
    rows = {
        by: {name: np.flatnonzero(mask).tolist() for name, mask in each.items()} for by, each in found.items()
    }
    assert rows == {
        "duration": {"up to 0.5 s": [0, 1], "over 5 s": [2]},
        "level": {"up to -40 dB": [0], "-40 to -20 dB": [1, 2]},
        "signal-to-noise": {"up to 10 dB": [0], "10 to 30 dB": [1, 2]},
        "group": {"ann": [0], "bob": [1, 2]},
    }
