"""Shared parts of time-series backbones: inputs, scaler, last observation, embeddings of sensor and time, graphs.

The first word of a layer's name is its role: `scale` the scaler, `graph` prior knowledge of the roads, `node`
weights of single sensors, `time` the clock, `encoder` weights that cities can share; a head's layers begin with `head`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from keras import layers, ops

from zoo.series.sensor_stats import SensorStatistics

HARMONICS = 3  # of the day; few, so that few days of data suffice


@dataclass(frozen=True)
class History:
    """Scaled history of each sensor, relative to its last observation.

    Attributes:
        changes: (batch, steps, nodes, channels), value minus the last observed one; 0 where missing.
        last: (batch, 1, nodes, channels), the last observed value, or the input if there is none.
        mask: (batch, steps, nodes, channels), 1 observed, 0 missing.
        target: (batch, nodes, 1), the first channel's last observed value, in its own unit.
    """

    changes: keras.KerasTensor
    last: keras.KerasTensor
    mask: keras.KerasTensor
    target: keras.KerasTensor


def inputs(sensors: SensorStatistics) -> dict[str, keras.KerasTensor]:
    """Return the inputs of every time-series backbone.

    `series` (batch, steps, nodes, channels) float32 in original units, any finite number where missing; `mask`, of
    the same shape, 1 observed, 0 missing; `time_of_day` (batch,) float32 of the last row, 0 midnight to below 1;
    `day_of_week` (batch,) int32 of the last row, 0 Monday to 6.
    """
    shape = (sensors.steps, sensors.nodes, sensors.channels)
    return {
        "series": keras.Input(shape, name="series"),
        "mask": keras.Input(shape, name="mask"),
        "time_of_day": keras.Input((), name="time_of_day"),
        "day_of_week": keras.Input((), dtype="int32", name="day_of_week"),
    }


def history(given: dict[str, keras.KerasTensor], sensors: SensorStatistics) -> History:
    """Scale the inputs and subtract the last observation.

    Forecasts become corrections of the last value, which generalises to levels not seen in training or in another city
    (as reversible normalisation, Kim et al. 2022, with the last value as in NLinear, Zeng et al. 2023, arXiv
    2205.13504).
    """
    scale = layers.Normalization(
        mean=list(sensors.mean), variance=[spread**2 for spread in sensors.spread], name="scale_series"
    )
    mask, scaled = given["mask"], scale(given["series"])
    age = ops.cumsum(ops.ones_like(mask), axis=1)
    newest = ops.expand_dims(ops.argmax(age * mask, axis=1), axis=1)
    last = ops.take_along_axis(scaled, newest, axis=1)
    target = ops.take_along_axis(given["series"], newest, axis=1)[:, 0, :, 0:1]
    return History((scaled - last) * mask, last, mask, target)


def target_scale(target: keras.KerasTensor, sensors: SensorStatistics) -> keras.KerasTensor:
    """Return the first channel's standard deviation per sensor, (batch, nodes, 1), for the head."""
    return layers.Rescaling(0.0, offset=sensors.spread[0], name="scale_spread")(target)


def flatten_steps(x: keras.KerasTensor) -> keras.KerasTensor:
    """Reshape (batch, steps, nodes, channels) to (batch, nodes, steps * channels)."""
    _, steps, nodes, channels = x.shape
    return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, nodes, steps * channels))


def graphs(sensors: SensorStatistics) -> list[Callable[[keras.KerasTensor], keras.KerasTensor]]:
    """Return, for each graph, a function that averages neighbors' rows, (batch, steps, nodes, channels) in and out.

    The graphs are prior knowledge: not trainable, and saved with the model.
    """

    def aggregate(number: int, graph: np.ndarray) -> Callable[[keras.KerasTensor], keras.KerasTensor]:
        layer = layers.Dense(sensors.nodes, use_bias=False, trainable=False, name=f"graph_{number}")
        layer.build((None, sensors.nodes))
        layer.set_weights([graph.T])
        return lambda x: ops.transpose(layer(ops.transpose(x, (0, 1, 3, 2))), (0, 1, 3, 2))

    return [aggregate(number, graph) for number, graph in enumerate(sensors.graphs)]


def numbers(target: keras.KerasTensor) -> keras.KerasTensor:
    """Return the index of each sensor, (batch, nodes) int32."""
    return ops.cast(ops.cumsum(ops.ones_like(target[:, :, 0]), axis=1) - 1.0, "int32")


def sensor_embedding(target: keras.KerasTensor, sensors: SensorStatistics, width: int) -> keras.KerasTensor:
    """Return a trained embedding of each sensor, (batch, nodes, width)."""
    small = keras.initializers.RandomNormal(stddev=0.1)
    layer = layers.Embedding(sensors.nodes, width, embeddings_initializer=small, name="node_embedding")
    return layer(numbers(target))


def time_embedding(
    given: dict[str, keras.KerasTensor], sensors: SensorStatistics, week: bool
) -> list[keras.KerasTensor]:
    """Return the time of day as waves and, with `week`, the day's embedding, each (batch, nodes, width).

    Waves instead of STID's table of 288 slots: they need no step size and train on few days.
    """
    angles = ops.expand_dims(given["time_of_day"], 1) * (2 * math.pi)
    waves = [wave(angles * k) for k in range(1, HARMONICS + 1) for wave in (ops.sin, ops.cos)]
    embeddings = [
        layers.RepeatVector(sensors.nodes, name="time_of_day_repeat")(ops.concatenate(waves, axis=1))
    ]
    if week:
        day = layers.Embedding(7, 4, name="time_day_of_week")(given["day_of_week"])
        embeddings.append(layers.RepeatVector(sensors.nodes, name="time_day_repeat")(day))
    return embeddings


def residual(x: keras.KerasTensor, width: int, depth: int, dropout: float) -> keras.KerasTensor:
    """Return x after residual blocks of two dense layers and an activation."""
    for number in range(1, depth + 1):
        y = layers.Dense(width, activation="relu", name=f"encoder_block{number}_in")(x)
        y = layers.Dropout(dropout, name=f"encoder_block{number}_dropout")(y)
        x = x + layers.Dense(width, name=f"encoder_block{number}_out")(y)
    x = layers.Activation("relu", name="encoder_act")(x)
    return layers.Dropout(dropout, name="encoder_dropout")(x)


def dilations(steps: int, most: int = 64) -> list[int]:
    """Return gaps that double until layers of two taps cover every row.

    Args:
        steps: rows of history.
        most: longest gap.

    Example:
        >>> dilations(12), dilations(24)
        ([1, 2, 4, 4], [1, 2, 4, 8, 8])
    """
    gaps: list[int] = []
    left = steps - 1
    while left:
        gaps.append(min(2 ** len(gaps), left, most))
        left -= gaps[-1]
    return gaps


def gated(x: keras.KerasTensor, gap: int, width: int, name: str) -> keras.KerasTensor:
    """Return tanh times sigmoid of each row and the one `gap` rows before, (batch, steps - gap, nodes, width).

    A causal convolution of two taps without padding (van den Oord et al. 2016, arXiv 1609.03499), as one matrix
    product: equal to a dilated convolution, and trains several times faster on CPUs.
    """
    steps = x.shape[1]
    taps = ops.concatenate([x[:, : steps - gap], x[:, gap:]], axis=-1)
    values = layers.Dense(width, activation="tanh", name=f"{name}_values")(taps)
    gate = layers.Dense(width, activation="sigmoid", name=f"{name}_gate")(taps)
    return values * gate


def last_step(x: keras.KerasTensor) -> keras.KerasTensor:
    """Return the last row, (batch, nodes, width)."""
    return x[:, x.shape[1] - 1]
