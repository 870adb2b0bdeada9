"""Quantiles that do not cross, the loss by hand, widths that make intervals hold."""

import keras
import numpy as np
import pytest

from heads.forecast import PinballLoss, QuantileForecastHead, apply_conformal, conformal_offsets

TEN = (0.1, 0.5, 0.9)


def model_of(head, width=8, nodes=3):
    """A head alone."""
    given = {"nodes": (nodes, width), "last": (nodes, 1), "spread": (nodes, 1)}
    features = {name: keras.Input(shape, name=name) for name, shape in given.items()}
    return keras.Model(features, head(features))


def features(rng, batch=16, width=8, nodes=3):
    """Of random sensors."""
    return {
        "nodes": rng.normal(size=(batch, nodes, width)).astype("float32"),
        "last": rng.uniform(0, 70, (batch, nodes, 1)).astype("float32"),
        "spread": np.full((batch, nodes, 1), 10, "float32"),
    }


@pytest.mark.parametrize("quantiles", [TEN, (0.5,), (0.05, 0.25, 0.5, 0.75, 0.95), (0.5, 0.9)])
def test_quantiles_never_cross(quantiles):
    """Whatever the weights."""
    rng = np.random.default_rng(0)
    model = model_of(QuantileForecastHead(4, quantiles))
    layer = model.get_layer("head_quantiles")
    layer.set_weights([rng.normal(size=w.shape) * 5 for w in layer.weights])
    found = model.predict_on_batch(features(rng))
    assert found.shape == (16, 4, 3, len(quantiles)) and (np.diff(found, axis=-1) >= 0).all()


def test_the_median_is_a_correction_in_standard_deviations():
    model, given = model_of(QuantileForecastHead(2)), features(np.random.default_rng(0), batch=1)
    kernel, bias = model.get_layer("head_quantiles").get_weights()
    bias[1], bias[4] = 0.25, -1  # of steps 1 and 2
    model.get_layer("head_quantiles").set_weights([kernel, bias])
    found = model.predict_on_batch(given)[0, :, :, 1] - given["last"][0, :, 0]
    np.testing.assert_allclose(found, [[2.5] * 3, [-10] * 3], rtol=1e-4)


def test_the_loss_by_hand():
    """Two windows, the second with one value in four observed: each window counts the same."""
    truth = np.array([[[1.0, 2.0], [3.0, 4.0]], [[np.nan, np.nan], [10.0, np.nan]]])
    forecast = np.zeros((2, 2, 2, 3))
    forecast[1, 1, 0] = [11, 12, 14]
    first = (0.1 + 0.5 + 0.9) / 3 * 2.5
    second = (0.9 * 1 + 0.5 * 2 + 0.1 * 4) / 3
    loss = PinballLoss(TEN)
    np.testing.assert_allclose(np.asarray(loss.call(truth, forecast)), [first, second], rtol=1e-6)
    assert float(PinballLoss(TEN, spread=2.0)(truth, forecast)) == pytest.approx((first + second) / 4)
    assert float(loss(np.full((1, 2, 2), np.nan), forecast[:1])) == 0


def test_missing_targets_leave_no_trace_in_gradients():
    """Finite everywhere and 0 where nothing was observed."""
    model, rng = model_of(QuantileForecastHead(2)), np.random.default_rng(0)
    given, truth = features(rng, batch=4), rng.uniform(0, 70, (4, 2, 3))
    truth[:, 0] = np.nan
    model.compile(keras.optimizers.SGD(1.0), PinballLoss(TEN, 10.0))
    model.fit(given, truth, verbose=0)
    kernel = model.get_layer("head_quantiles").get_weights()[0].reshape(8, 2, 3)
    assert np.isfinite(kernel).all() and np.all(kernel[:, 0] == 0) and np.any(kernel[:, 1] != 0)


def test_the_loss_comes_back_from_its_config():
    loss = PinballLoss((0.2, 0.5), 3.0)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.quantiles == (0.2, 0.5) and again.spread == 3.0


def test_widths_make_intervals_hold_on_other_data():
    """Errors grow and lean upwards with the step, the forecast says otherwise; a value in five is missing."""
    rng, quantiles = np.random.default_rng(0), (0.05, 0.1, 0.5, 0.9, 0.95)
    offsets = np.array([-1.1, -1.0, 0.0, 1.0, 1.1])

    def drawn(windows):
        truth = rng.gumbel(size=(windows, 3, 5)) * np.array([1.0, 2.0, 4.0])[:, None] - 0.3665
        truth[rng.random(truth.shape) < 0.2] = np.nan
        return truth, np.broadcast_to(offsets, (*truth.shape, 5))

    widths = conformal_offsets(*drawn(2000), quantiles)
    assert widths.shape == (3, 5) and (widths[:, 2] == 1).all()
    truth, forecast = drawn(2000)
    wider = forecast * widths[:, None]
    for i in (1, 3):
        below = (truth <= wider[..., i])[np.isfinite(truth)].mean()
        assert below == pytest.approx(quantiles[i], abs=0.02)
    assert (np.diff(wider, axis=-1) >= 0).all()


def test_widths_are_one_where_nothing_was_observed():
    truth = np.full((4, 2, 3), np.nan)
    assert (conformal_offsets(truth, np.zeros((4, 2, 3, 3)), TEN) == 1).all()


def test_widths_move_intervals_and_nothing_else():
    model, given = model_of(QuantileForecastHead(2)), features(np.random.default_rng(0))
    before = model.predict_on_batch(given)
    apply_conformal(model, np.array([[2.0, 1.0, 0.0], [1.0, 1.0, 3.0]]))
    after = model.predict_on_batch(given)
    np.testing.assert_array_equal(before[..., 1], after[..., 1])
    lower = [(found - found[..., 1:2])[:, 0, :, 0] for found in (before, after)]
    np.testing.assert_allclose(lower[1], 2 * lower[0], rtol=1e-4)
    assert (after[:, 0, :, 2] == after[:, 0, :, 1]).all()


@pytest.mark.parametrize("quantiles", [(0.1, 0.9), (0.9, 0.5), (0.0, 0.5), (0.5, 1.0), ()])
def test_impossible_quantiles_are_refused(quantiles):
    with pytest.raises(ValueError, match="quantiles must increase"):
        QuantileForecastHead(12, quantiles)


def test_the_penalty_of_rules_by_hand():
    """Bounds: 3 of 12 quantiles are 1, 2 and 3 outside; sums: 10 in, 7 out, 1 more than a fifth of 10 allows."""
    from heads.forecast import PinballLoss, RuledPinballLoss

    y = np.zeros((1, 1, 4))
    forecast = np.array([[[[4.0, 5, 6], [5, 5, 5], [7, 7, 10], [-1, 0, 2]]]])
    rules = {"least": [-np.inf, -np.inf, -np.inf, 0], "most": [np.inf, np.inf, 7, 0]}
    plain = float(PinballLoss(spread=2.0)(y, forecast))
    bounded = RuledPinballLoss((0.1, 0.5, 0.9), 2.0, **rules, weight=3.0)
    assert float(bounded(y, forecast)) - plain == pytest.approx(3 * (1 + 2 + 3) / 12 / 2, abs=1e-5)
    free = {"least": [-np.inf] * 4, "most": [np.inf] * 4}
    balanced = RuledPinballLoss((0.1, 0.5, 0.9), 2.0, **free, balances=[([0, 1], [2], 0.2)], weight=3.0)
    assert float(balanced(y, forecast)) - plain == pytest.approx(3 * 1 / 2, abs=1e-5)
    # Two steps: nodes 0 and 3 rise, node 1 falls; node 0 goes back by 1, 0, 2, node 1 by 0, 3, 0, of 9 quantiles.
    later = np.array([[[[3.0, 5, 4], [4, 8, 5], [0, 0, 0], [-1, 0, 2]]]])
    both = np.concatenate([forecast, later], axis=1)
    directed = RuledPinballLoss(spread=2.0, **free, directions=[1, -1, 0, 1], weight=3.0)
    zeros = np.zeros((1, 2, 4))
    plain_both = float(PinballLoss(spread=2.0)(zeros, both))
    assert float(directed(zeros, both)) - plain_both == pytest.approx(3 * (1 + 2 + 3) / 9 / 2, abs=1e-5)
    assert float(directed(y, forecast)) == pytest.approx(plain)  # a single step cannot go back
    again = RuledPinballLoss.from_config(directed.get_config())
    assert float(again(zeros, both)) == pytest.approx(float(directed(zeros, both)))
    again = RuledPinballLoss.from_config(balanced.get_config())
    assert float(again(y, forecast)) == pytest.approx(float(balanced(y, forecast)))
