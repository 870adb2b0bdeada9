"""STID: dense layers over each sensor's own history, joined with embeddings of sensor and time."""

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

    Shao et al. 2022, "Spatial-Temporal Identity" (arXiv 2208.05233), with three changes for few days of data:
    history relative to its last observation, waves instead of a table for the time of day, and, if there are graphs,
    the neighbors' values as additional history.

    Args:
        given: as from `blocks.inputs`.
        sensors: statistics of the city.
        width: features per sensor.
        depth: residual blocks.
        node_width: size of the sensor embedding.
        dropout: dropout rate.
        week: use the day of the week; needs two weeks of data or more.
    """
    own = blocks.history(given, sensors)
    joined = [own.changes, own.last, own.mask]
    for look in blocks.graphs(sensors):
        seen = look(own.last + own.changes)
        newest = seen[:, sensors.steps - 1 :]
        joined += [seen - newest, newest - own.last]
    x = ops.concatenate(
        [
            blocks.flatten_steps(ops.concatenate(joined, axis=1)),
            blocks.sensor_embedding(own.target, sensors, node_width),
            *blocks.time_embedding(given, sensors, week),
        ],
        axis=2,
    )
    x = blocks.residual(layers.Dense(width, name="encoder_in")(x), width, depth, dropout)
    return {"nodes": x, "last": own.target, "spread": blocks.target_scale(own.target, sensors)}
