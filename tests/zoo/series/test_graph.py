"""Graphs by hand."""

import numpy as np
import pytest

from zoo.series.sensor_stats import correlation, transition


def test_rows_of_a_walk_sum_to_one_without_the_sensor_itself():
    roads = np.array([[9, 1, 3], [1, 9, 0], [0, 0, 9]])
    found = transition(roads)
    assert found.tolist() == [[0, 0.25, 0.75], [1, 0, 0], [0, 0, 0]] and found.dtype == np.float32
    assert roads[0, 0] == 9


@pytest.mark.parametrize(
    ("roads", "match"),
    [
        (np.ones((2, 3)), "square, received shape"),
        (np.array([[1, -2], [0, 1]]), "row 1, column 2 of the adjacency is -2"),
        (np.array([[1, 0], [np.nan, 1]]), "row 2, column 1 of the adjacency is nan"),
    ],
)
def test_impossible_roads_are_refused(roads, match):
    with pytest.raises(ValueError, match=match):
        transition(roads)


def test_sensors_find_those_that_move_with_them():
    """Two families of random walks, some values missing; one sensor is constant, one opposed."""
    rng = np.random.default_rng(0)
    walks = rng.normal(size=(400, 2)).cumsum(axis=0)
    values = np.stack([*walks.T, *walks.T, np.zeros(400), -walks[:, 0]], axis=1)
    values += rng.normal(size=values.shape) * 0.1
    values[:, 4] = 7.0
    values[rng.random(values.shape) < 0.2] = np.nan
    found = correlation(values, neighbors=1, gap=3)
    assert found[[0, 1, 2, 3]].argmax(axis=1).tolist() == [2, 3, 0, 1]
    assert found[:4].sum(axis=1) == pytest.approx(1) and np.isfinite(found).all()
    assert found[4].sum() == 0 and found[5, [0, 2, 5]].sum() == 0


def test_too_few_rows_are_said():
    with pytest.raises(ValueError, match="more rows than the gap"):
        correlation(np.ones((5, 2)), gap=6)
