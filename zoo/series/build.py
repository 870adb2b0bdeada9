"""Build a time-series backbone by name, and transfer a model to another city."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.registry import unknown
from zoo.series.sensor_stats import SensorStatistics

if TYPE_CHECKING:
    import keras

BACKBONES = ("graph_wavenet", "stid", "tcn")  # functions of `zoo.series.backbones`


def names() -> list[str]:
    """Return every backbone's name, sorted.

    Example:
        >>> names()
        ['graph_wavenet', 'stid', 'tcn']
    """
    return sorted(BACKBONES)


def rows() -> dict[str, str]:
    """Return name -> the first line of its function's docstring.

    Example:
        >>> rows()["stid"].startswith("STID")
        True
    """
    tree = ast.parse(
        Path(__file__).with_name("backbones.py").read_text(encoding="utf-8")
    )  # without loading Keras
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    return {name: str(ast.get_docstring(functions[name])).splitlines()[0] for name in names()}


def build(name: str, sensors: SensorStatistics, **options: Any) -> keras.Model:
    """Build a backbone from the history of all sensors to features of each sensor, as one flat graph.

    Args:
        name: one of `names()`.
        sensors: statistics of the city, as `sensor_stats.measure_statistics` returns them.
        options: fields of `backbones.Options` that differ from the backbone's defaults.

    Returns:
        A model that takes a dict, as `blocks.inputs` describes, and returns {"nodes": (batch, nodes, width) features,
        "last": (batch, nodes, 1) last observed value and "spread": (batch, nodes, 1) standard deviation, in the unit
        of the first channel}, float32. Plain Keras loads it.

    Raises:
        ValueError: unknown name.

    Example:
        >>> model = build("stid", SensorStatistics(12, 3, (50.0,), (10.0,)), width=8)
        >>> model.output["nodes"].shape
        (None, 3, 8)
    """
    import keras

    from zoo.series import backbones, blocks

    if name not in BACKBONES:
        raise unknown("time-series backbone", name, names())
    given = blocks.inputs(sensors)
    function, defaults = backbones.BACKBONES[name]
    return keras.Model(given, function(given, sensors, replace(defaults, **options)), name=name)


OWN = ("node", "graph", "head_widths")  # weights of single sensors or their data
ADAPTED = ("node", "head")  # trains while the encoder is frozen
NEVER = ("graph", "head_widths")  # set, not trained


def copy_encoder_weights(
    source: keras.Model, target: keras.Model, rows: Sequence[int | None] | None = None
) -> list[str]:
    """Copy the shared weights of one forecasting model to another; return the names of the copied layers.

    Encoder, clock, head and embeddings of known sensors are copied; those of new sensors start as the mean of the old
    ones. Graphs, scaler and conformal widths remain those of the new data.

    Args:
        source: a trained model of any city, with or without the package's loss.
        target: a fresh model of the same backbone with the same options, for the new data.
        rows: for each sensor of the target its place among those of the source, None for a new one; None: all are new.

    Raises:
        ValueError: no common encoder, or a layer has another shape.
    """
    layers = {layer.name: layer for layer in source.layers if layer.weights}
    copied = []
    for layer in target.layers:
        known = layers.get(layer.name)
        if known is None or not layer.weights or layer.name.startswith(OWN):
            continue
        here, there = ([tuple(w.shape) for w in each.weights] for each in (layer, known))
        if here != there:
            raise ValueError(
                f"layer '{layer.name}' has weights {there} in the old model and {here} in the new one: "
                "give the same options, number of graphs, channels, steps and horizon"
            )
        layer.set_weights(known.get_weights())
        copied.append(layer.name)
    if not any(name.startswith("encoder") for name in copied):
        raise ValueError(
            f"'{source.name}' and '{target.name}' share no encoder: give two models of the same backbone"
        )
    for layer in target.layers:
        if layer.name.startswith("node") and layer.name in layers:
            (known,) = layers[layer.name].get_weights()
            average = known.mean(axis=0)
            places = rows or [None] * layer.weights[0].shape[0]
            layer.set_weights([np.stack([average if row is None else known[row] for row in places])])
    return copied


def freeze_encoder(model: keras.Model) -> list[str]:
    """Train only node embeddings and head; return the names of the trainable layers. Compile afterwards."""
    for layer in model.layers:
        layer.trainable = layer.name.startswith(ADAPTED) and not layer.name.startswith(NEVER)
    return [layer.name for layer in model.layers if layer.trainable and layer.weights]


def unfreeze(model: keras.Model) -> list[str]:
    """Train everything but graphs and conformal widths; return the names of the layers. Compile afterwards."""
    for layer in model.layers:
        layer.trainable = not layer.name.startswith(NEVER)
    return [layer.name for layer in model.layers if layer.trainable and layer.weights]
