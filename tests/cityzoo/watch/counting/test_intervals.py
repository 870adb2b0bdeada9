"""Counts per interval by hand, unobserved time, and the coverage of the error bar."""

import math

import numpy as np
import pytest

from cityzoo.watch.counting import count_intervals


def test_intervals_partition_the_crossings():
    times = [0.0, 59.9, 60.0, 119.0, 149.0]
    rows = count_intervals({"nominal": times}, [(0, 150)], 0, 150, 60)
    assert [(row.start, row.end, row.counted) for row in rows] == [(0, 60, 2), (60, 120, 2), (120, 150, 1)]
    assert all(row.low == row.value == row.high == row.counted for row in rows)


def test_unobserved_time_is_never_zero():
    (row,) = count_intervals({"nominal": []}, [], 0, 60, 60)
    assert math.isnan(row.value) and math.isnan(row.low) and row.observed_share == 0
    (row,) = count_intervals({"nominal": []}, [(0, 30)], 0, 60, 60)
    assert (row.value, row.low, row.observed_share) == (0, 0, 0.5)
    assert row.high > 1, "a vehicle may have passed in the time that is missing"


def test_gaps_inside_an_interval_add_up():
    (row,) = count_intervals({"nominal": [5, 25]}, [(0, 10), (20, 30), (50, 80)], 0, 60, 60)
    assert row.observed_share == pytest.approx(0.5)
    assert row.value == pytest.approx(4)


@pytest.mark.parametrize("rate", [3, 20])
@pytest.mark.parametrize("share", [0.3, 0.8])
def test_error_bar_covers_the_truth(rate, share):
    random = np.random.default_rng(7)
    hits = []
    for _ in range(600):
        truth = np.sort(random.uniform(0, 60, random.poisson(rate)))
        (row,) = count_intervals({"nominal": truth[truth < 60 * share]}, [(0, 60 * share)], 0, 60, 60)
        hits.append(row.low <= len(truth) <= row.high)
    assert np.mean(hits) >= 0.93
