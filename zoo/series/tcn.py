"""TCN: dilated causal convolutions over each sensor's own history, the same for all sensors."""

from __future__ import annotations

import keras
from keras import layers, ops

from zoo.series import parts
from zoo.series.sensors import Sensors
from zoo.series.temporal import dilations, gated, newest


def features(
    given: dict[str, keras.KerasTensor],
    sensors: Sensors,
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
    own = parts.history(given, sensors)
    rows = [own.changes, own.mask]
    rows += [look(own.last + own.changes) - own.last for look in parts.graphs(sensors)]
    x = layers.Dense(width, name="encoder_in")(ops.concatenate(rows, axis=-1))
    skips = []
    for number, gap in enumerate(dilations(sensors.steps), start=1):
        y = gated(x, gap, width, f"encoder_time{number}")
        skips.append(layers.Dense(width, name=f"encoder_skip{number}")(newest(y)))
        y = layers.Dense(width, name=f"encoder_mix{number}")(y)
        x = y + x[:, gap:]
    seen = ops.concatenate([*skips, parts.by_node(own.last)], axis=-1)
    told = [seen, parts.who(own.target, sensors, node_width), *parts.when(given, sensors, week)]
    x = layers.Dense(2 * width, name="encoder_join")(ops.concatenate(told, axis=-1))
    x = parts.residual(x, 2 * width, depth, dropout)
    return {"nodes": x, "last": own.target, "spread": parts.spread_of(own.target, sensors)}
