"""Features of examples by a run's backbone, and what its output makes of them, in the order of the examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.errors import InputError
from cityzoo.outputs.raw_outputs import replace_decoding

if TYPE_CHECKING:
    import keras

LEVELS = 2  # of a backbone, the coarsest ones
WIDEST = 2048  # features; more, such as those of TF-IDF, are projected onto as few
HEAD, NECK, CLASSES = "head_", "neck_", "classes."  # first letters of layers behind the backbone


def feature_model(model: keras.Model) -> keras.Model:
    """Return the part of a model from its input to the means of the backbone's coarsest levels.

    Raises:
        InputError: the model has no layers of a head.

    Example:
        >>> import keras
        >>> images = keras.Input((8, 8, 3))
        >>> level = keras.layers.Conv2D(4, 3, strides=2, padding="same")(images)
        >>> logits = keras.layers.Dense(2, name="head_logits")(keras.layers.GlobalAveragePooling2D()(level))
        >>> feature_model(keras.Model(images, logits)).output.shape
        (None, 4)
    """
    import keras

    levels = _find_levels(model)
    if not levels:
        raise InputError(f"model '{model.name}' has no layers of a head: give a run of train.py")
    pools = [_pool(level) for level in levels[-LEVELS:]]
    return cut_model(model, keras.ops.concatenate(pools, axis=-1) if pools[1:] else pools[0])


def grid_model(model: keras.Model, size: int) -> keras.Model:
    """Return the part of a model from its input to the means of cells of the backbone's coarsest levels.

    Args:
        model: see `feature_model`.
        size: cells in a row and in a column.

    Returns:
        A model whose output is (batch, size * size, features), cells row by row.

    Raises:
        InputError: the model has no layers of a head, or levels with fewer cells.

    Example:
        >>> import keras
        >>> images = keras.Input((8, 8, 3))
        >>> level = keras.layers.Conv2D(4, 3, strides=2, padding="same")(images)
        >>> mean = keras.layers.GlobalAveragePooling2D(name="head_mean")(level)
        >>> logits = keras.layers.Dense(2, name="head_logits")(mean)
        >>> grid_model(keras.Model(images, logits), 2).output.shape
        (None, 4, 4)
    """
    import keras

    levels = [level for level in _find_levels(model)[-LEVELS:] if len(level.shape) == 4]
    if not levels or any(min(level.shape[1:3]) < size for level in levels):
        raise InputError(f"model '{model.name}' has no grid of {size} x {size} cells: give fewer")
    pooled = [keras.layers.AdaptiveAveragePooling2D(size)(level) for level in levels]
    joined = keras.ops.concatenate(pooled, axis=-1) if pooled[1:] else pooled[0]
    return cut_model(model, keras.ops.reshape(joined, (-1, size * size, joined.shape[-1])))


def cut_model(model: keras.Model, tensor: keras.KerasTensor) -> keras.Model:
    """Return the part of a model from its input to a tensor of it, with what belongs to it, such as a tokenizer."""
    import keras

    made = keras.Model(model.input, tensor)
    for name in ("file", "tokenizer"):
        if hasattr(model, name):
            setattr(made, name, getattr(model, name))
    return made


def _find_levels(model: keras.Model) -> list[keras.KerasTensor]:
    """Tensors that layers of the neck or head take from the backbone, the coarsest last.

    What is computed from a layer of the neck or head, such as boxes, is none of the backbone's, whatever its name.
    """
    taken = {
        operation: [tensor for node in operation._inbound_nodes for tensor in node.input_tensors]
        for operation in model.operations  # each after those that it takes its inputs from
    }
    named = {operation for operation in taken if operation.name.startswith((HEAD, NECK, CLASSES))}
    behind = set(named)
    for operation, tensors in taken.items():
        if any(tensor._keras_history.operation in behind for tensor in tensors):
            behind.add(operation)
    found = {
        id(tensor): tensor
        for operation, tensors in taken.items()
        for tensor in tensors
        if operation in named and tensor._keras_history.operation not in behind
    }
    return sorted(
        found.values(), key=lambda tensor: -int(np.prod([side or 1 for side in tensor.shape[1:-1]]))
    )


def _pool(level: keras.KerasTensor) -> keras.KerasTensor:
    import keras

    axes = tuple(range(1, len(level.shape) - 1))
    return keras.ops.mean(level, axis=axes) if axes else level


def embed(modality: Any, model: keras.Model, output: Any, examples: Any) -> np.ndarray:
    """Return the features of every example, of length 1, (N, D) float32.

    Args:
        modality: of the examples.
        model: a whole, loaded model.
        output: what its outputs mean.
        examples: N of them.

    Raises:
        InputError: see `feature_model`.
    """
    found = predict_rows(modality, feature_model(model), output, examples, _project)
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)


def predict_rows(
    modality: Any,
    part: keras.Model,
    output: Any,
    examples: Any,
    decode: Callable[..., list[Any]] | None = None,
) -> np.ndarray:
    """Return what a part of a model makes of every example, seen once as it is, (N, D) float32.

    Args:
        modality: of the examples.
        part: see `cut_model`.
        output: of the whole model.
        examples: N of them.
        decode: of a batch, as `cityzoo.outputs.raw_outputs.replace_decoding` takes it; None: rows as they are.
    """
    plain = replace(output, flips=False) if getattr(output, "flips", False) else output
    return np.stack(modality.predict(part, examples, replace_decoding(plain, decode or _flatten))).astype(
        np.float32
    )


def _flatten(output: Any, values: Any, matrices: Any, examples: Sequence[Any]) -> list[np.ndarray]:
    return list(np.asarray(values, np.float32).reshape(len(examples), -1))


def _project(output: Any, values: Any, matrices: Any, examples: Sequence[Any]) -> list[np.ndarray]:
    rows = np.asarray(values, np.float32).reshape(len(examples), -1)
    if rows.shape[1] <= WIDEST:
        return list(rows)
    # Random directions keep distances (Johnson and Lindenstrauss); the same ones for every batch.
    rng = np.random.default_rng(0)
    return list(rows @ (rng.standard_normal((rows.shape[1], WIDEST), np.float32) / np.sqrt(WIDEST)))


def score(modality: Any, model: keras.Model, output: Any, examples: Any) -> tuple[list[Any], np.ndarray]:
    """Return the result for every example, and how unsure the model is of it, (N,) float64.

    The arguments are those of `embed`.
    """

    def decode(_: Any, outputs: Any, matrices: Any, batch: Sequence[Any]) -> list[tuple[Any, float]]:
        results = output.decode(outputs, matrices, batch)
        return list(zip(results, output.uncertainty(np.asarray(outputs), results), strict=True))

    pairs = modality.predict(model, examples, replace_decoding(output, decode))
    return [result for result, _ in pairs], np.array([value for _, value in pairs], np.float64)
