"""False accepts per hour, worked out by hand."""

import numpy as np
import pytest

from cityzoo.metrics.false_accepts import false_accept_metrics, peaks, threshold_at_rate


def test_neighboring_windows_are_one_alarm():
    assert peaks(np.array([0.9, 0.9, 0.1, 0.3, 0.2, 0.8])).tolist() == [0.9, 0.3, 0.8]
    assert peaks(np.array([0.5])).tolist() == [0.5]


@pytest.mark.parametrize("rate, reached", [(0.5, 1), (1.0, 2), (1.4, 2), (1.5, 3), (2.0, 3)])
def test_no_more_alarms_reach_the_threshold_than_allowed(rate, reached):
    alarms = np.array([0.9, 0.7, 0.4])
    threshold = threshold_at_rate(alarms, hours=2.0, per_hour=rate)
    assert np.sum(alarms >= threshold) == reached


def test_equal_scores_are_rejected_together():
    assert threshold_at_rate(np.array([0.7, 0.7, 0.7]), hours=1.0, per_hour=2.0) > 0.7


def test_misses_at_the_wanted_rate():
    # Two hours with alarms at .9 (glass), .6 (siren) and .2; one an hour may be false: the threshold lies above .2.
    streams = [np.array([[0.6, 0.1], [0.1, 0.1], [0.2, 0.9]]), np.array([[0.2, 0.1]])]
    positives = [
        (np.array([0.8, 0.1]), 0),  # found
        (np.array([0.15, 0.1]), 0),  # below the threshold
        (np.array([0.3, 0.5]), 1),  # found
        (np.array([0.7, 0.6]), 1),  # taken for a siren
    ]
    found = false_accept_metrics(streams, 2.0, positives, ["siren", "glass"], per_hour=1.0)
    assert found["threshold"] == pytest.approx(0.2)
    assert found["per_hour"] == 1.0
    assert found["miss_rate"] == 0.5
    assert found["false_rejects"] == {"siren": 0.5, "glass": 0.5}
    assert found["smallest_rate"] == 0.5
    none_allowed = found["rates"]["0.1"]
    assert none_allowed["threshold"] == pytest.approx(0.9)
    assert none_allowed["per_hour"] == 0.0
    assert none_allowed["miss_rate"] == 1.0
