"""Clocks, drifts and gaps of simulated sensors."""

import numpy as np
import pytest

from cityzoo.demo.sensors.faults import Outage, apply_outages, drift, generator, local_clock, plan_outages
from cityzoo.errors import InputError


def test_clocks_are_put_back_in_autumn():
    times = np.array(["2025-10-26T00:30", "2025-10-26T01:30"], "datetime64[s]")
    hours, days = local_clock(times)
    assert hours.tolist() == [2.5, 2.5] and days.tolist() == [6, 6]


def test_a_drift_forgets_as_said():
    path = drift(generator(0, 0), (4000, 8), memory=10)
    assert path.std() == pytest.approx(1, abs=0.1)
    assert np.mean(path[10:] * path[:-10]) == pytest.approx(np.exp(-1), abs=0.08)


def test_outages_take_all_channels():
    values = np.ones((100, 3, 2))
    left = apply_outages(values, (Outage(1, 10, 20), Outage(-1, 50, 52)), 0.0, generator(0, 0))
    gone = np.isnan(left)
    assert gone.sum() == 10 * 2 + 2 * 3 * 2 and gone[10:20, 1].all() and gone[50:52].all()


def test_outages_are_as_many_as_said():
    outages = plan_outages(generator(0, 1), 24 * 400, 100, 3600)
    assert sum(each.sensor < 0 for each in outages) == 19  # one in 21 days
    assert 800 < sum(each.sensor >= 0 for each in outages) < 1200  # one a sensor in 40 days
    assert all(0 <= each.begin <= each.end <= 24 * 400 for each in outages)


def test_streams_of_one_seed_differ_and_negative_seeds_are_refused():
    assert generator(1, 0).random() != generator(1, 1).random()
    with pytest.raises(InputError, match="seed -1: expected 0 or more"):
        generator(-1, 0)
