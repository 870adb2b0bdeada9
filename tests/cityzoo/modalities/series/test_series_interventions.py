"""Hidden and shifted measurements: forecasts that follow a sensor, its neighbors, or a stranger."""

from types import SimpleNamespace

import numpy as np
import pytest

from cityzoo.data.series.series import Series
from cityzoo.data.series.windows import make_inputs, windows_of
from cityzoo.evaluation.interventions.changed_examples import measure_changed
from cityzoo.modalities.series import SERIES
from cityzoo.modalities.series.interventions import change_sensors, find_neighbors, watch

SENSORS, DAYS, HOURS = 6, 24, 24


@pytest.fixture(scope="module")
def windows():
    """A ring of six sensors that measure nearly the same, each linked with the next one; hourly values of 24 days."""
    rng = np.random.default_rng(0)
    values = np.cumsum(rng.normal(0, 1, (DAYS * HOURS, 1)), axis=0) + rng.normal(0, 0.1, SENSORS)
    values = values[..., None]
    times = np.datetime64("2026-05-01", "s") + np.arange(len(values)) * np.timedelta64(3600, "s")
    ring = np.roll(np.eye(SENSORS), 1, axis=1)
    series = Series(values, times, tuple("abcdef"), ("flow",), ("veh/h",), adjacency=ring)
    return windows_of("test", series, range(len(values) // 2, len(values)), 3, 2)


def forecaster(follow):
    """A modality whose forecast of a sensor is the last value of another one; 0 where that is hidden."""

    def predict(model, examples, output):
        last = make_inputs(examples.series, examples.origins, examples.history)["series"][:, -1, :, 0]
        return [np.repeat(row[follow][None, :, None], examples.horizon, axis=0) for row in last]

    names = ("select", "groups", "interventions", "score_changed", "unit")
    return SimpleNamespace(predict=predict, **{name: getattr(SERIES, name) for name in names})


def measure(windows, follow):
    found = measure_changed(
        forecaster(np.array(follow)), None, SimpleNamespace(quantiles=(0.5,)), windows, 0, 500
    )
    return found, {name: row["reliance"] for name, row in found["changes"].items()}


def test_only_the_histories_of_the_chosen_sensors_change(windows):
    """Windows do not overlap; hidden is the watched sensor, and nothing but its three hours."""
    assert find_neighbors(windows)[0][2].tolist() == [1, 3] or find_neighbors(windows)[0][2].tolist() == [
        3,
        1,
    ]
    own = next(change_sensors(windows, 0))
    assert (np.diff(own.examples.origins) >= 5).all() and own.matters
    hidden = np.argwhere(np.isnan(own.examples.series.values[..., 0]))
    assert len(hidden) == 3 * len(own.examples) and set(watch(windows).ravel()) == set(range(SENSORS))
    expected = [
        (o - back, s)
        for o, s in zip(own.examples.origins, watch(own.examples)[:, 0], strict=True)
        for back in (2, 1, 0)
    ]
    np.testing.assert_array_equal(hidden, expected)


def test_a_forecast_of_itself_relies_on_its_own_history(windows):
    found, reliance = measure(windows, range(SENSORS))
    assert reliance["own history hidden"] > 0.5 and not found["flagged"]
    assert reliance["neighbors hidden"] == reliance["others shifted by a standard deviation"] == 0


def test_a_forecast_of_its_neighbor_relies_on_it(windows):
    found, reliance = measure(windows, [1, 2, 3, 4, 5, 0])
    assert reliance["neighbors shifted by a standard deviation"] > 0.1 and not found["flagged"]


def test_a_forecast_of_a_stranger_is_flagged():
    """The values of the third sensor along the ring, which is no neighbor, are those of the sensor."""
    rng = np.random.default_rng(1)
    half = np.cumsum(rng.normal(0, 1, (DAYS * HOURS, 3)), axis=0)
    values = np.concatenate([half, half], axis=1)[..., None]
    times = np.datetime64("2026-05-01", "s") + np.arange(len(values)) * np.timedelta64(3600, "s")
    series = Series(
        values,
        times,
        tuple("abcdef"),
        ("flow",),
        ("veh/h",),
        adjacency=np.roll(np.eye(SENSORS), 1, axis=1),
    )
    windows = windows_of("test", series, range(len(values) // 2, len(values)), 3, 2)
    found, reliance = measure(windows, [3, 4, 5, 0, 1, 2])
    assert found["flagged"] == ["others shifted by a standard deviation"]
    assert reliance["own history hidden"] < 0
