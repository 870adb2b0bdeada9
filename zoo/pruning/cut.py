"""Remove channels: a smaller model of the same layers, with the weights of the channels that stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from zoo.peft.rewrite import array_of
from zoo.pruning.channels import Channels

TOLERANCE = 1e-4  # of the largest output
WIDTHS = ("filters", "units", "projection_dim", "target_shape")  # keys of configs that count channels


def cut(model: keras.Model, channels: Channels, keep: np.ndarray) -> keras.Model:
    """Return a smaller model that computes the same as `mask` does.

    Args:
        model: a functional model; it is not changed.
        channels: of the model.
        keep: (channels.count,) bool, which channels stay.

    Example:
        >>> import zoo
        >>> from zoo.pruning.channels import trace_channels
        >>> model = zoo.build("mobilenet_025", 32, weights="random", levels=()).model
        >>> channels = trace_channels(model)
        >>> keep = channels.fixed | (np.arange(channels.count) % 2 == 0)
        >>> cut(model, channels, keep).count_params() < 0.6 * model.count_params()
        True
    """
    counts = {layer: (key, int(keep[own].sum())) for layer, (key, own) in channels.widths.items()}
    smaller = resize(model, counts)
    for layer in model.layers:
        if layer.weights:
            axes: dict[str, list[tuple[int, np.ndarray]]] = {}
            for slot in channels.slots:
                if slot.layer == layer.name:
                    axes.setdefault(slot.weight, []).append((slot.axis, keep[slot.channels]))
            values = [_select(array_of(w), axes.get(w.name, ())) for w in layer.weights]
            twin = smaller.get_layer(layer.name)
            twin.set_weights(values)
            if hasattr(
                twin, "finalize_state"
            ):  # Normalization computes with constants derived from its weights
                twin.finalize_state()
    return smaller


def _select(values: np.ndarray, axes: Any) -> np.ndarray:
    for axis, kept in axes:
        values = np.compress(kept, values, axis)
    return values


def resize(model: keras.Model, counts: Mapping[str, tuple[str, int]]) -> keras.Model:
    """Return a model of the same layers in which some have other numbers of channels; its weights are random.

    Args:
        model: a functional model.
        counts: layer -> (key of its config, number of channels).
    """
    config = model.get_config()
    for entry in config["layers"]:
        entry.pop("build_config", None)  # shapes of the weights; they follow from the input
        if entry["name"] in counts:
            key, count = counts[entry["name"]]
            old = entry["config"][key]
            entry["config"][key] = (*old[:-1], count) if key == "target_shape" else count
    return type(model).from_config(config)


def read_widths(config: Mapping[str, Any]) -> dict[str, tuple[str, int]]:
    """Return the numbers of channels of a model's layers, as `resize` takes them.

    Args:
        config: of the model, from `get_config()` or a file.
    """
    found = {}
    for entry in config["layers"]:
        for key in WIDTHS:
            value = entry["config"].get(key)
            if value is not None:
                found[entry["name"]] = (key, value[-1] if key == "target_shape" else value)
    return found


def find_part(part: keras.Model, whole: keras.Model) -> keras.Model:
    """Return the part of a resized model that corresponds to a part of the model before.

    Args:
        part: a model of one input, such as the backbone of a detector.
        whole: a model with layers of the same names.
    """
    # An operation of a part may be called again later in the whole; its first call is the part's.
    first = {op.name: keras.tree.flatten(op._inbound_nodes[0].outputs)[0] for op in whole.operations}
    outputs = keras.tree.map_structure(lambda t: first[t._keras_history.operation.name], part.output)
    return keras.Model(whole.inputs[0], outputs, name=part.name)


@contextmanager
def mask(model: keras.Model, channels: Channels, keep: np.ndarray) -> Iterator[keras.Model]:
    """Lend a model with zeros in place of all weights that `cut` removes; its weights come back afterwards."""
    before = model.get_weights()
    weights = {(layer.name, w.name): w for layer in model.layers for w in layer.weights}
    try:
        for slot in channels.slots:
            variable = weights[slot.layer, slot.weight]
            kept = keep[slot.channels].reshape(-1, *[1] * (-1 - slot.axis))
            variable.assign(np.where(kept, array_of(variable), 0))
        yield model
    finally:
        model.set_weights(before)


def largest_difference(
    model: keras.Model, smaller: keras.Model, channels: Channels, keep: np.ndarray, seed: int = 0
) -> float:
    """Return how far a cut model is from the masked one on random images, as a share of the largest output."""
    rng = np.random.default_rng(seed)
    images = rng.uniform(0, 255, (2, *model.inputs[0].shape[1:])).astype("float32")
    with mask(model, channels, keep):
        wanted = [np.asarray(x) for x in keras.tree.flatten(model(images, training=False))]
    found = [np.asarray(x) for x in keras.tree.flatten(smaller(images, training=False))]
    largest = max(float(np.abs(x).max()) for x in wanted)
    return max(float(np.abs(x - y).max()) for x, y in zip(wanted, found, strict=True)) / max(largest, 1e-9)
