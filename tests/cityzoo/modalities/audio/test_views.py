"""Windows of long sounds, lengths, and what training reads."""

import numpy as np
import pytest

from cityzoo.modalities.audio.data import count_samples
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
