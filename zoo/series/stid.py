"""STID: dense layers over each sensor's own history, told who it is and when it is."""

from __future__ import annotations

import keras
from keras import layers, ops

from zoo.series import blocks
from zoo.series.sensor_stats import SensorStatistics


def features(
    given: dict[str, keras.KerasTensor],
    sensors: SensorStatistics,
    width: int = 128,
    depth: int = 2,
    node_width: int = 16,
    dropout: float = 0.2,
    week: bool = False,
) -> dict[str, keras.KerasTensor]:
    """Return the features of each sensor.

    Shao et al. 2022, "Spatial-Temporal Identity" (arXiv 2208.05233), with three changes that few days of data ask
    for: history relative to its last observation, waves instead of a table for the time of day, and, where there are
    graphs, what the neighbours show as further history.

    Args:
        given: as `parts.inputs` makes them.
        sensors: of the city.
        width: numbers a sensor.
        depth: residual blocks.
        node_width: numbers learned of each sensor.
        dropout: share left out in training.
        week: learn the day of the week; wants two weeks of data or more.
    """
    own = blocks.history(given, sensors)
    told = [own.changes, own.last, own.mask]
    for look in blocks.graphs(sensors):
        seen = look(own.last + own.changes)
        newest = seen[:, sensors.steps - 1 :]
        told += [seen - newest, newest - own.last]
    x = ops.concatenate(
        [
            blocks.by_node(ops.concatenate(told, axis=1)),
            blocks.sensor_embedding(own.target, sensors, node_width),
            *blocks.time_embedding(given, sensors, week),
        ],
        axis=2,
    )
    x = blocks.residual(layers.Dense(width, name="encoder_in")(x), width, depth, dropout)
    return {"nodes": x, "last": own.target, "spread": blocks.target_scale(own.target, sensors)}
