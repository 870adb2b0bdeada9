"""Graph WaveNet: dilated causal convolutions along time, diffusion along the roads and a learned graph."""

from __future__ import annotations

import keras
from keras import layers, ops

from zoo.series import blocks
from zoo.series.sensor_stats import SensorStatistics


def features(
    given: dict[str, keras.KerasTensor],
    sensors: SensorStatistics,
    width: int = 16,
    depth: int = 1,
    node_width: int = 16,
    dropout: float = 0.15,
    week: bool = False,
) -> dict[str, keras.KerasTensor]:
    """Return the features of each sensor.

    Wu et al. 2019 (arXiv 1906.00121): gated convolutions, and after each a diffusion of one step along every given
    graph and along the one learned, softmax(relu(E1 E2^T)). One step a layer instead of two, since the layers follow
    one another; LayerNormalization instead of BatchNormalization, which has no moving statistics to freeze.

    Args:
        given: as from `blocks.inputs`.
        sensors: statistics of the city; `graph.transition` makes graphs of its roads.
        width: channels of the convolutions; the features per sensor are four times as many.
        depth: residual blocks after the convolutions.
        node_width: size of the sensor embedding.
        dropout: dropout rate.
        week: use the day of the week; needs two weeks of data or more.
    """
    own = blocks.history(given, sensors)
    x = ops.concatenate([own.changes, own.mask, own.last + own.changes], axis=-1)
    x = layers.Dense(width, name="encoder_in")(x)
    given_graphs, learned, skips = blocks.graphs(sensors), _learned_graph(own.target, sensors), []
    for number, gap in enumerate(blocks.dilations(sensors.steps), start=1):
        y = blocks.gated(x, gap, width, f"encoder_time{number}")
        skips.append(layers.Dense(2 * width, name=f"encoder_skip{number}")(blocks.last_step(y)))
        seen = [y, *(look(y) for look in given_graphs), ops.einsum("nm,btmc->btnc", learned, y)]
        y = layers.Dense(width, name=f"encoder_mix{number}")(ops.concatenate(seen, axis=-1))
        y = layers.Dropout(dropout, name=f"encoder_dropout{number}")(y)
        x = layers.LayerNormalization(name=f"encoder_norm{number}")(y + x[:, gap:])
    skips.append(blocks.last_step(x))
    joined = [
        ops.concatenate([*skips, blocks.flatten_steps(own.last)], axis=-1),
        blocks.sensor_embedding(own.target, sensors, node_width),
        *blocks.time_embedding(given, sensors, week),
    ]
    x = layers.Dense(4 * width, name="encoder_join")(ops.concatenate(joined, axis=-1))
    x = blocks.residual(x, 4 * width, depth, dropout)
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
