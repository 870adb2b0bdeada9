"""Backbones for sensor series: one function each, from the inputs of `blocks.inputs` to features of each sensor.

`sensors` are the statistics of the city, with graphs made of its roads or correlations.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers, ops

from zoo.series import blocks
from zoo.series.sensor_stats import SensorStatistics

Tensors = dict[str, keras.KerasTensor]


@dataclass(frozen=True)
class Options:
    """Size of a backbone.

    Attributes:
        width: channels; STID has as many features per sensor, TCN twice as many, Graph WaveNet four times.
        depth: residual blocks at the end.
        dropout: dropout rate.
        node_width: size of the sensor embedding.
        week: use the day of the week; needs two weeks of data or more.
    """

    width: int
    depth: int
    dropout: float
    node_width: int = 16
    week: bool = False


def stid(given: Tensors, sensors: SensorStatistics, options: Options) -> Tensors:
    """STID: dense layers over each sensor's own history, joined with embeddings of sensor and time.

    Shao et al. 2022, "Spatial-Temporal Identity" (arXiv 2208.05233), with three changes for few days of data:
    history relative to its last observation, waves instead of a table for the time of day, and, if there are graphs,
    the neighbors' values as additional history.
    """
    own = blocks.history(given, sensors)
    rows = [own.changes, own.last, own.mask]
    for look in blocks.graphs(sensors):
        seen = look(own.last + own.changes)
        newest = seen[:, sensors.steps - 1 :]
        rows += [seen - newest, newest - own.last]
    x = blocks.flatten_steps(ops.concatenate(rows, axis=1))
    return _with_embeddings(x, own, given, sensors, options, options.width, "encoder_in")


def tcn(given: Tensors, sensors: SensorStatistics, options: Options) -> Tensors:
    """TCN: dilated causal convolutions over each sensor's own history, the same for all sensors.

    Bai et al. 2018, "An empirical evaluation of generic convolutional and recurrent networks" (arXiv 1803.01271),
    with the gates of WaveNet and a skip of every layer's last row; sensor and time embeddings come after
    the convolutions, which stay independent of the city. Graphs add channels with neighbors' values.
    """
    own, width = blocks.history(given, sensors), options.width
    rows = [own.changes, own.mask]
    rows += [look(own.last + own.changes) - own.last for look in blocks.graphs(sensors)]
    x = layers.Dense(width, name="encoder_in")(ops.concatenate(rows, axis=-1))
    skips = []
    for number, gap in enumerate(blocks.dilations(sensors.steps), start=1):
        y = blocks.gated(x, gap, width, f"encoder_time{number}")
        skips.append(layers.Dense(width, name=f"encoder_skip{number}")(blocks.last_step(y)))
        y = layers.Dense(width, name=f"encoder_mix{number}")(y)
        x = y + x[:, gap:]
    x = ops.concatenate([*skips, blocks.flatten_steps(own.last)], axis=-1)
    return _with_embeddings(x, own, given, sensors, options, 2 * width)


def graph_wavenet(given: Tensors, sensors: SensorStatistics, options: Options) -> Tensors:
    """Graph WaveNet: dilated causal convolutions along time, diffusion along the roads and a learned graph.

    Wu et al. 2019 (arXiv 1906.00121): gated convolutions, and after each a diffusion of one step along every given
    graph and along the one learned, softmax(relu(E1 E2^T)). One step a layer instead of two, since the layers follow
    one another; LayerNormalization instead of BatchNormalization, which has no moving statistics to freeze.
    """
    own, width = blocks.history(given, sensors), options.width
    x = ops.concatenate([own.changes, own.mask, own.last + own.changes], axis=-1)
    x = layers.Dense(width, name="encoder_in")(x)
    given_graphs, learned, skips = blocks.graphs(sensors), _learned_graph(own.target, sensors), []
    for number, gap in enumerate(blocks.dilations(sensors.steps), start=1):
        y = blocks.gated(x, gap, width, f"encoder_time{number}")
        skips.append(layers.Dense(2 * width, name=f"encoder_skip{number}")(blocks.last_step(y)))
        seen = [y, *(look(y) for look in given_graphs), ops.einsum("nm,btmc->btnc", learned, y)]
        y = layers.Dense(width, name=f"encoder_mix{number}")(ops.concatenate(seen, axis=-1))
        y = layers.Dropout(options.dropout, name=f"encoder_dropout{number}")(y)
        x = layers.LayerNormalization(name=f"encoder_norm{number}")(y + x[:, gap:])
    x = ops.concatenate([*skips, blocks.last_step(x), blocks.flatten_steps(own.last)], axis=-1)
    return _with_embeddings(x, own, given, sensors, options, 4 * width)


BACKBONES = {
    "graph_wavenet": (graph_wavenet, Options(width=16, depth=1, dropout=0.15)),
    "stid": (stid, Options(width=128, depth=2, dropout=0.2)),
    "tcn": (tcn, Options(width=32, depth=1, dropout=0.15)),
}


def _with_embeddings(
    x: keras.KerasTensor,
    own: blocks.History,
    given: Tensors,
    sensors: SensorStatistics,
    options: Options,
    width: int,
    name: str = "encoder_join",
) -> Tensors:
    embeddings = [
        blocks.sensor_embedding(own.target, sensors, options.node_width),
        *blocks.time_embedding(given, sensors, options.week),
    ]
    x = layers.Dense(width, name=name)(ops.concatenate([x, *embeddings], axis=-1))
    x = blocks.residual(x, width, options.depth, options.dropout)
    return {"nodes": x, "last": own.target, "spread": blocks.target_scale(own.target, sensors)}


def _learned_graph(target: keras.KerasTensor, sensors: SensorStatistics) -> keras.KerasTensor:
    # (nodes, nodes), one for the whole batch; the embeddings belong to the sensors: another city trains its own.
    numbers = ops.max(blocks.numbers(target), axis=0)
    small = keras.initializers.RandomNormal(stddev=1.0)
    looks, seen = (
        layers.Embedding(sensors.nodes, 10, embeddings_initializer=small, name=f"node_{word}")(numbers)
        for word in ("looks", "seen")
    )
    return ops.softmax(ops.relu(ops.matmul(looks, ops.transpose(seen))), axis=-1)
