"""TCN: dilated causal convolutions over each sensor's own history, the same for all sensors."""

from __future__ import annotations

import keras
from keras import layers, ops

from zoo.series import blocks
from zoo.series.sensor_stats import SensorStatistics
from zoo.series.temporal_conv import dilations, gated, last_step


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
    with the gates of WaveNet and a skip of every layer's last row; who and when come behind the convolutions, so
    that those know nothing of a city.

    Args:
        given: as `parts.inputs` makes them.
        sensors: of the city; its graphs add what neighbours show to the channels.
        width: channels of the convolutions; twice as many numbers a sensor come out.
        depth: residual blocks behind the convolutions.
        node_width: numbers learned of each sensor.
        dropout: share left out in training.
        week: learn the day of the week; wants two weeks of data or more.
    """
    own = blocks.history(given, sensors)
    rows = [own.changes, own.mask]
    rows += [look(own.last + own.changes) - own.last for look in blocks.graphs(sensors)]
    x = layers.Dense(width, name="encoder_in")(ops.concatenate(rows, axis=-1))
    skips = []
    for number, gap in enumerate(dilations(sensors.steps), start=1):
        y = gated(x, gap, width, f"encoder_time{number}")
        skips.append(layers.Dense(width, name=f"encoder_skip{number}")(last_step(y)))
        y = layers.Dense(width, name=f"encoder_mix{number}")(y)
        x = y + x[:, gap:]
    seen = ops.concatenate([*skips, blocks.by_node(own.last)], axis=-1)
    told = [
        seen,
        blocks.sensor_embedding(own.target, sensors, node_width),
        *blocks.time_embedding(given, sensors, week),
    ]
    x = layers.Dense(2 * width, name="encoder_join")(ops.concatenate(told, axis=-1))
    x = blocks.residual(x, 2 * width, depth, dropout)
    return {"nodes": x, "last": own.target, "spread": blocks.target_scale(own.target, sensors)}
