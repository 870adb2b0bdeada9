"""Quantile forecasts of series: quantiles that never cross, their masked loss, and conformal widths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

TINY = 1e-6
SPACING = -2.0  # softplus(-2) = .13 standard deviations between the initial quantiles


@dataclass(frozen=True)
class QuantileForecastHead:
    """Quantiles for each sensor and each step ahead; the median is the forecast.

    The median is a correction of the last observed value. The others differ from it by sums of softplus, and therefore
    cannot cross (the idea of Gasthaus et al. 2019, "Probabilistic forecasting with spline
    quantile function RNNs"), multiplied by `head_widths`, initially 1, set by `apply_conformal`.

    Attributes:
        horizon: number of steps ahead.
        quantiles: increasing, between 0 and 1, including .5.

    Raises:
        ValueError: no step ahead, or quantiles not increasing, out of range or without .5.

    Example:
        >>> features = {"nodes": keras.Input((3, 8)), "last": keras.Input((3, 1)), "spread": keras.Input((3, 1))}
        >>> QuantileForecastHead(horizon=12)(features).shape
        (None, 12, 3, 3)
        >>> QuantileForecastHead(quantiles=(0.1, 0.9))
        Traceback (most recent call last):
        ...
        ValueError: quantiles must increase, lie between 0 and 1 and include 0.5, received (0.1, 0.9)
    """

    horizon: int = 12
    quantiles: tuple[float, ...] = (0.1, 0.5, 0.9)

    def __post_init__(self) -> None:
        if self.horizon < 1:
            raise ValueError(f"the horizon must be at least 1 step, received horizon={self.horizon}")
        edges = (0.0, *self.quantiles, 1.0)
        if 0.5 not in self.quantiles or any(a >= b for a, b in zip(edges, edges[1:], strict=False)):
            raise ValueError(
                f"quantiles must increase, lie between 0 and 1 and include 0.5, received {self.quantiles}"
            )

    @property
    def median(self) -> int:
        """Return the index of the median among the quantiles."""
        return self.quantiles.index(0.5)

    def __call__(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Return (batch, horizon, nodes, quantiles) float32 in the target's unit.

        Args:
            features: `nodes` (batch, nodes, width); `last` (batch, nodes, 1), last observed value, and `spread`
                (batch, nodes, 1), standard deviation of the target, both in its unit.
        """
        nodes, count, at = features["nodes"].shape[1], len(self.quantiles), self.median
        bias = np.full((self.horizon, count), SPACING)
        bias[:, at] = 0.0  # an untrained head repeats the last value
        raw = layers.Dense(
            self.horizon * count,
            kernel_initializer="zeros",
            bias_initializer=keras.initializers.Constant(bias.ravel().tolist()),
            dtype="float32",
            name="head_quantiles",
        )(features["nodes"])
        raw = ops.transpose(ops.reshape(raw, (-1, nodes, self.horizon, count)), (0, 2, 1, 3))
        last, spread = (
            ops.expand_dims(ops.expand_dims(features[k][:, :, 0], 1), 3) for k in ("last", "spread")
        )
        middle = raw[..., at : at + 1]
        steps = ops.softplus(raw)
        below = ops.flip(ops.cumsum(ops.flip(steps[..., :at], axis=-1), axis=-1), axis=-1)
        away = [-below, ops.zeros_like(middle), ops.cumsum(steps[..., at + 1 :], axis=-1)]
        widths = layers.EinsumDense(
            "bhnq,hq->bhnq",
            (self.horizon, nodes, count),
            kernel_initializer="ones",
            trainable=False,
            dtype="float32",
            name="head_widths",
        )
        away = widths(ops.concatenate(away, axis=-1))
        return layers.Identity(dtype="float32", name="forecast")(last + spread * (middle + away))

    def loss(self, spread: float) -> PinballLoss:
        """Return the loss that trains this head on a target of that standard deviation."""
        return PinballLoss(self.quantiles, spread)


@keras.saving.register_keras_serializable(package="cityzoo")
class PinballLoss(keras.losses.Loss):
    """Pinball loss of quantiles, over observed values only.

    q (y - f) where y > f, else (1 - q) (f - y) (Koenker & Bassett 1978, "Regression quantiles"), mean over the
    quantiles and the observed values of each window, in standard deviations of the target. Called with y_true
    (batch, horizon, nodes), NaN where missing, and y_pred (batch, horizon, nodes, quantiles), in the target's unit.

    Args:
        quantiles: as the head's.
        spread: standard deviation of the target.

    Example:
        >>> import numpy as np
        >>> y, f = np.array([[[10.0, np.nan]]]), np.array([[[[6.0, 9.0, 12.0], [0.0, 0.0, 0.0]]]])
        >>> round(float(PinballLoss((0.1, 0.5, 0.9))(y, f)), 4)  # (.4 + .5 + .2) / 3
        0.3667
    """

    def __init__(
        self,
        quantiles: tuple[float, ...] = (0.1, 0.5, 0.9),
        spread: float = 1.0,
        name: str = "pinball",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.quantiles, self.spread = tuple(quantiles), spread

    def call(self, y_true, y_pred):
        """Return the loss of each window, (batch,) float32."""
        y_pred = ops.cast(y_pred, "float32")
        y_true = ops.expand_dims(ops.cast(y_true, "float32"), -1)
        missing = ops.isnan(y_true)
        error = ops.where(missing, 0.0, ops.where(missing, 0.0, y_true) - y_pred) / self.spread
        q = ops.convert_to_tensor(self.quantiles, dtype="float32")
        each = ops.mean(ops.maximum(q * error, (q - 1.0) * error), axis=-1)
        observed = ops.cast(ops.logical_not(missing[..., 0]), "float32")
        return ops.sum(each, axis=(1, 2)) / ops.maximum(ops.sum(observed, axis=(1, 2)), 1.0)

    def get_config(self) -> dict:
        return {**super().get_config(), "quantiles": self.quantiles, "spread": self.spread}


@keras.saving.register_keras_serializable(package="cityzoo")
class RuledPinballLoss(PinballLoss):
    """Pinball loss, and a hinge penalty on quantiles out of bounds or in the wrong direction, and on sums of medians.

    Penalties are in standard deviations of the target, too: the mean over all quantiles of how far each is outside,
    over all quantiles and steps of monotone nodes of how far each goes back, and over all balances and steps of by how
    much the sums differ beyond their tolerance.

    Args:
        least, most: bounds of each of N nodes; infinite where there is none.
        balances: (positions that flow in, positions that flow out, share by which the sums may differ).
        directions: of each node, 1: never falls, -1: never rises, 0: both.
        weight: of the penalties.

    Example:
        >>> import numpy as np
        >>> y, f = np.full((1, 1, 2), 5.0), np.array([[[[5.0] * 3, [5.0, 5.0, 8.0]]]])
        >>> loss = RuledPinballLoss((0.1, 0.5, 0.9), 1.0, [0, 0], [9, 5], [([0], [1], 0.1)], weight=2.0)
        >>> plain = PinballLoss((0.1, 0.5, 0.9))
        >>> round(float(loss(y, f) - plain(y, f)), 4)  # 2 * 3 / 6
        1.0
    """

    def __init__(
        self,
        quantiles: tuple[float, ...] = (0.1, 0.5, 0.9),
        spread: float = 1.0,
        least: Sequence[float] = (),
        most: Sequence[float] = (),
        balances: Sequence[tuple[Sequence[int], Sequence[int], float]] = (),
        directions: Sequence[int] = (),
        weight: float = 1.0,
        name: str = "ruled_pinball",
        **kwargs: Any,
    ) -> None:
        super().__init__(quantiles, spread, name=name, **kwargs)
        self.least, self.most = list(map(float, least)), list(map(float, most))
        self.balances, self.weight = [tuple(each) for each in balances], float(weight)
        self.directions = list(map(int, directions))

    def call(self, y_true, y_pred):
        """Return the loss of each window, (batch,) float32."""
        found = super().call(y_true, y_pred)
        forecast = ops.cast(y_pred, "float32")
        bounds = np.clip([self.least, self.most], -1e30, 1e30).astype(np.float32)[..., None]
        outside = ops.relu(bounds[0] - forecast) + ops.relu(forecast - bounds[1])
        penalty = ops.mean(outside, axis=(1, 2, 3))
        if any(self.directions) and forecast.shape[1] > 1:
            ways = np.array(self.directions, np.float32)[:, None]
            back = ops.relu((forecast[:, :-1] - forecast[:, 1:]) * ways)
            penalty = penalty + ops.mean(back, axis=(1, 2, 3)) * (len(ways) / np.count_nonzero(ways))
        median = forecast[..., self.quantiles.index(0.5)]
        for inward, outward, tolerance in self.balances:
            sums = [ops.sum(ops.take(median, list(each), axis=2), axis=2) for each in (inward, outward)]
            larger = ops.maximum(ops.abs(sums[0]), ops.abs(sums[1]))
            apart = ops.relu(ops.abs(sums[0] - sums[1]) - tolerance * larger)
            penalty = penalty + ops.mean(apart, axis=1) / len(self.balances)
        return found + self.weight * penalty / self.spread

    def get_config(self) -> dict:
        own = {name: getattr(self, name) for name in ("least", "most", "balances", "directions", "weight")}
        return {**super().get_config(), **own}


def conformal_offsets(truth: np.ndarray, forecast: np.ndarray, quantiles: tuple[float, ...]) -> np.ndarray:
    """Return by which factor each quantile's distance to the median must grow to hold on held-out data.

    Romano et al. 2019, "Conformalized quantile regression" (arXiv 1905.03222), for each side and step, with factors
    instead of summands, which keeps narrow intervals narrow. Windows overlap, which voids the guarantee for
    exchangeable data: measure the coverage on later data.

    Args:
        truth: (windows, horizon, nodes) float, NaN where missing.
        forecast: (windows, horizon, nodes, quantiles) float32, of a head with widths of 1.
        quantiles: as the head's.

    Returns:
        (horizon, quantiles) float32, 1 for the median and where nothing was observed: for `apply_conformal`.

    Example:
        >>> truth = np.arange(100.0).reshape(100, 1, 1)
        >>> forecast = np.broadcast_to(np.array([40.0, 49.5, 59.0]), (100, 1, 1, 3))
        >>> conformal_offsets(truth, forecast, (0.1, 0.5, 0.9)).round(2)
        array([[4.17, 1.  , 4.17]], dtype=float32)
    """
    at = quantiles.index(0.5)
    widths = np.ones((truth.shape[1], len(quantiles)), np.float32)
    for i, q in enumerate(quantiles):
        away = forecast[..., i] - forecast[..., at]
        least = np.where(np.abs(away) < TINY, np.copysign(TINY, q - 0.5), away)
        ratios = ((truth - forecast[..., at]) / least).transpose(1, 0, 2).reshape(truth.shape[1], -1)
        for step in np.flatnonzero(np.isfinite(ratios).any(axis=1) & (i != at)):
            widths[step, i] = max(np.nanquantile(ratios[step], max(q, 1 - q)), 0.0)
    above, below = widths[:, at + 1 :], widths[:, :at][:, ::-1]  # outer ones at least as wide as inner ones
    widths[:, at + 1 :] = np.maximum.accumulate(above, axis=1)
    widths[:, :at] = np.maximum.accumulate(below, axis=1)[:, ::-1]
    return widths


def apply_conformal(model: keras.Model, widths: np.ndarray) -> None:
    """Set the widths of `conformal_offsets`, (horizon, quantiles), in the head of a model."""
    model.get_layer("head_widths").set_weights([widths])
