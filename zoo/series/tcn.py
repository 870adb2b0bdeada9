"""TCN: dilated causal convolutions over each sensor's own history, the same for all sensors."""

from __future__ import annotations

import keras
from keras import layers, ops

from zoo.series import blocks
from zoo.series.sensor_stats import SensorStatistics


def features(
    given: dict[str, keras.KerasTensor],
    sensors: SensorStatistics,
    width: int = 32,
    depth: int = 1,
    node_width: int = 16,
    dropout: float = 0.15,
    week: bool = False,
) -> dict[str, keras.KerasTensor]:
    """Return the features of each sensor.

    Bai et al. 2018, "An empirical evaluation of generic convolutional and recurrent networks" (arXiv 1803.01271),
    with the gates of WaveNet and a skip of every layer's last row; sensor and time embeddings come after
    the convolutions, which stay independent of the city.

    Args:
        given: as from `blocks.inputs`.
        sensors: statistics of the city; its graphs add channels with neighbors' values.
        width: channels of the convolutions; the features per sensor are twice as many.
        depth: residual blocks after the convolutions.
        node_width: size of the sensor embedding.
        dropout: dropout rate.
        week: use the day of the week; needs two weeks of data or more.
    """
    own = blocks.history(given, sensors)
    rows = [own.changes, own.mask]
    rows += [look(own.last + own.changes) - own.last for look in blocks.graphs(sensors)]
    x = layers.Dense(width, name="encoder_in")(ops.concatenate(rows, axis=-1))
    skips = []
    for number, gap in enumerate(blocks.dilations(sensors.steps), start=1):
        y = blocks.gated(x, gap, width, f"encoder_time{number}")
        skips.append(layers.Dense(width, name=f"encoder_skip{number}")(blocks.last_step(y)))
        y = layers.Dense(width, name=f"encoder_mix{number}")(y)
        x = y + x[:, gap:]
    seen = ops.concatenate([*skips, blocks.flatten_steps(own.last)], axis=-1)
    joined = [
        seen,
        blocks.sensor_embedding(own.target, sensors, node_width),
        *blocks.time_embedding(given, sensors, week),
    ]
    x = layers.Dense(2 * width, name="encoder_join")(ops.concatenate(joined, axis=-1))
    x = blocks.residual(x, 2 * width, depth, dropout)
    return {"nodes": x, "last": own.target, "spread": blocks.target_scale(own.target, sensors)}
