"""Simulated cameras miss what they are told to miss, and their files read as those of `watch`."""

import numpy as np
import pytest

from cityzoo.loop.camera_counts import read_counts
from cityzoo.loop.simulated_cameras import CameraErrors, write_watched
from cityzoo.traffic_signals.demand import draw_days


@pytest.fixture(scope="module")
def days():
    return draw_days(3, past=3)


def test_cameras_without_errors_count_every_vehicle(days, tmp_path):
    """In every quarter of an hour."""
    perfect = CameraErrors(missed=(0, 0, 0), bias=0, twice=0, rain=0, gap=0)
    counts = read_counts(write_watched(days, tmp_path, perfect))
    assert counts.dates == days.dates
    np.testing.assert_array_equal(counts.values, days.counts.sum(axis=-1))
    np.testing.assert_array_equal(counts.low, counts.values)


def test_errors_have_the_size_that_they_are_given(days, tmp_path):
    """A tenth missed, with limits that reach to four hundredths; gaps are not observed."""
    counts = read_counts(write_watched(days, tmp_path, CameraErrors((0.1,) * 3, 0, 0, 0, gap=1)))
    real, seen = days.counts.sum(axis=-1), counts.is_observed
    assert 0.9 < seen.mean() < 0.999
    assert counts.values[seen].sum() / real[seen].sum() == pytest.approx(0.9, abs=0.01)
    assert counts.high[seen].sum() / real[seen].sum() == pytest.approx(0.96, abs=0.01)
    assert counts.low[seen].sum() / real[seen].sum() == pytest.approx(0.85, abs=0.01)
