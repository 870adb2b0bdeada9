"""Backbones of series: shapes, what a fresh forecast says, holes, plain Keras, both backends, and that one learns."""

import keras
import numpy as np
import pytest

from heads.forecast import PinballLoss, QuantileForecastHead
from zoo.series.blocks import dilations
from zoo.series.build import build, names
from zoo.series.sensor_stats import SensorStatistics, measure_statistics, transition

STEPS, NODES, AHEAD = 12, 4, 3
RING = transition(np.roll(np.eye(NODES), 1, axis=1))
SENSORS = SensorStatistics(STEPS, NODES, (50.0, 0.0), (10.0, 2.0), (RING,))
SMALL = {"width": 8, "node_width": 3}
each = pytest.mark.parametrize("name", names())


@pytest.fixture(scope="module")
def models():
    """Each backbone with its head, in one flat model; weights of the head random, so that something comes out."""
    made = {}
    for name in names():
        keras.utils.set_random_seed(1)
        backbone = build(name, SENSORS, **SMALL)
        made[name] = keras.Model(backbone.input, QuantileForecastHead(AHEAD)(backbone.output), name=name)
    return made


def batch(size=2, seed=0):
    """A full history of random walks."""
    rng = np.random.default_rng(seed)
    series = 50 + rng.normal(size=(size, STEPS, NODES, 2)).cumsum(axis=1)
    return {
        "series": series.astype("float32"),
        "mask": np.ones_like(series, "float32"),
        "time_of_day": rng.uniform(0, 1, size).astype("float32"),
        "day_of_week": rng.integers(0, 7, size).astype("int32"),
    }


def said(model, given):
    """The forecast as an array."""
    return keras.ops.convert_to_numpy(model(given))


def awakened(model):
    """The same network with a head that no longer says nothing."""
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    kernel, bias = twin.get_layer("head_quantiles").get_weights()
    noise = np.random.default_rng(0).normal(size=kernel.shape) * 0.3
    twin.get_layer("head_quantiles").set_weights([noise, bias])
    return twin


@each
def test_a_fresh_forecast_says_that_it_stays_as_it_is(models, name):
    """A constant series to the digit, whatever its level; intervals stand around it."""
    given = batch()
    given["series"][:] = 87.5
    forecast = said(models[name], given)
    assert forecast.shape == (2, AHEAD, NODES, 3) and forecast.dtype == np.float32
    np.testing.assert_allclose(forecast[..., 1], 87.5, rtol=1e-6)
    np.testing.assert_allclose(forecast[..., 2] - 87.5, 10 * np.log1p(np.exp(-2)), rtol=1e-3)


@each
def test_what_is_missing_has_no_say(models, name):
    """Any number may stand where the mask is 0; the last observed value is what stays."""
    given, other = batch(), batch()
    given["mask"][:, [2, 3, 11]] = 0
    given["mask"][1, :, 2] = 0
    other["mask"] = given["mask"]
    gap = given["mask"] == 0
    gap[1, 0, 2] = False  # a sensor never observed keeps what the reader wrote into its first row
    other["series"][gap] = -9999.0
    model = awakened(models[name])
    np.testing.assert_allclose(said(model, given), said(model, other), rtol=1e-4)
    np.testing.assert_allclose(said(models[name], given)[0, 0, :, 1], given["series"][0, 10, :, 0], rtol=1e-6)


@each
def test_every_row_sensor_and_hour_counts(models, name):
    """A change of the oldest row, the other channel, the hour changes the forecast; so does it at a neighbour."""
    model, given = awakened(models[name]), batch(1)
    before = said(model, given)
    for place in [(0, 0, 1, 0), (0, 5, 1, 1)]:
        changed = {key: value.copy() for key, value in given.items()}
        changed["series"][place] += 40
        assert np.abs(said(model, changed) - before)[0, :, 1].max() > 0
        assert np.abs(said(model, changed) - before)[0, :, 0].max() > 0  # sensor 0 looks at sensor 1
    assert np.abs(said(model, {**given, "time_of_day": given["time_of_day"] + 0.4}) - before).max() > 1e-3


@each
def test_plain_keras_loads_it_in_safe_mode(models, name, tmp_path):
    """No layer of our own, graphs and widths come along."""
    model = awakened(models[name])
    widths = np.full((AHEAD, 3), 1.5)
    model.get_layer("head_widths").set_weights([widths])
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(loaded.get_layer("graph_0").get_weights()[0], RING.T)
    np.testing.assert_allclose(said(loaded, batch()), said(model, batch()), rtol=1e-6)


def test_the_week_is_learned_where_asked():
    """Only then is the day's embedding there."""
    plain, week = (build("stid", SENSORS, **SMALL, week=word) for word in (False, True))
    assert week.count_params() - plain.count_params() == 7 * 4 + 4 * 8


@pytest.mark.parametrize("steps", [2, 3, 12, 24, 100, 288])
def test_dilations_reach_the_first_row(steps):
    assert sum(dilations(steps)) == steps - 1


def test_stid_learns_what_persistence_cannot():
    """Waves of two phases: told sensor and hour, half of the error is gone in a moment."""
    rows, day = 600, 48
    phase = 2 * np.pi * (np.arange(rows)[:, None] / day + np.array([0.0, 0.5]))
    values = (50 + 10 * np.sin(phase)).astype("float32")
    sensors = measure_statistics(values[..., None], STEPS)
    first = np.arange(rows - STEPS - AHEAD + 1)
    series = values[first[:, None] + np.arange(STEPS)][..., None]
    truth = values[first[:, None] + STEPS + np.arange(AHEAD)]
    given = {
        "series": series,
        "mask": np.ones_like(series),
        "time_of_day": ((first + STEPS - 1) % day / day).astype("float32"),
        "day_of_week": np.zeros(len(first), "int32"),
    }
    keras.utils.set_random_seed(0)
    backbone = build("stid", sensors, width=16, node_width=4, dropout=0.0)
    head = QuantileForecastHead(AHEAD)
    model = keras.Model(backbone.input, head(backbone.output))
    model.compile(keras.optimizers.Adam(0.01), head.loss(sensors.spread[0]))
    model.fit(given, truth, batch_size=64, epochs=6, verbose=0)
    error = np.abs(model.predict_on_batch(given)[..., 1] - truth).mean()
    assert error < 0.5 * np.abs(series[:, -1:, :, 0] - truth).mean()
    assert isinstance(model.loss, PinballLoss)


def test_unknown_names_are_said():
    with pytest.raises(ValueError, match="did you mean 'stid'"):
        build("stidd", SENSORS)


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ({"steps": 1}, "2 rows"),
        ({"nodes": 0}, "1 sensor"),
        ({"spread": (0.0,)}, "above 0"),
        ({"mean": (np.nan,)}, "finite"),
        ({"mean": (1.0, 2.0)}, "each channel"),
        ({"graphs": (np.full((3, 3), np.inf),)}, "NaN or infinite"),
    ],
)
def test_impossible_sensors_are_refused(words, match):
    with pytest.raises(ValueError, match=match):
        SensorStatistics(**{"steps": 12, "nodes": 3, "mean": (1.0,), "spread": (1.0,), **words})


def test_sensors_are_measured_over_what_was_observed():
    series = np.array([[[1.0, 5.0], [np.nan, 5.0]], [[3.0, 6.0], [5.0, np.nan]]])
    found = measure_statistics(series, 2)
    assert found.mean == pytest.approx((3, 16 / 3)) and found.spread[0] == pytest.approx(np.sqrt(8 / 3))
    series[..., 1] = 5
    with pytest.raises(ValueError, match="channel 1 is 5 in every training row"):
        measure_statistics(series, 2)
    series[..., 1] = np.nan
    with pytest.raises(ValueError, match="channel 1 is missing"):
        measure_statistics(series, 2)
