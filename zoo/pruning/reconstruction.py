"""Refit what is left of a cut model to what the model before computes, on a few images without labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from zoo import graph
from zoo.peft.rewrite import assign, values
from zoo.pruning.channels import Channels

POSITIONS = 1000  # of each image's feature map, sampled
RIDGE = 0.01  # pull towards the weights before, relative to the mean square of a layer's inputs
LARGEST_CHANGE = 10.0  # factor, of a variance


@dataclass(frozen=True)
class _Pair:
    """A tensor of the model before and the same of the cut model."""

    whole: Any
    cut: Any


def reconstruct(
    model: keras.Model, smaller: keras.Model, channels: Channels, keep: np.ndarray, images: np.ndarray
) -> None:
    """Change the weights of a cut model so that each layer's outputs come close to those before, layer by layer.

    He et al. 2017, "Channel Pruning for Accelerating Very Deep Neural Networks" (arXiv 1707.06168): each kernel is
    refitted by least squares to the outputs of the model before, from the inputs that it has in the cut model; then the
    statistics of BatchNormalization follow the change of their inputs. Shared layers keep their kernels.

    Args:
        model: before.
        smaller: of `cut`; changed in place.
        channels: of the model.
        keep: (channels.count,) bool, which channels stay.
        images: (batch, height, width, 3) float32, RGB 0..255; a few dozen of the training data.
    """
    twins = {operation.name: operation for operation in smaller.operations}
    # Of the channels that a layer writes, those that stay.
    kept = {s.layer: keep[s.channels] for s in channels.slots if s.axis == -1 and not s.reads}
    calls = [node.operation.name for node in graph.nodes(model)]
    rng = np.random.default_rng(0)

    def apply(operation: Any, *args: Any, **kwargs: Any) -> Any:
        twin = twins[operation.name]
        before = keras.tree.map_structure(lambda x: x.whole if isinstance(x, _Pair) else x, (args, kwargs))
        after = keras.tree.map_structure(lambda x: x.cut if isinstance(x, _Pair) else x, (args, kwargs))
        if operation.name in kept and calls.count(operation.name) == 1:
            own = kept[operation.name]
            if type(operation) in (keras.layers.Conv2D, keras.layers.Dense):
                _refit(operation, twin, before[0][0], after[0][0], own, rng)
            elif isinstance(operation, keras.layers.BatchNormalization):
                _follow(twin, before[0][0], after[0][0], own)
        wanted, found = operation(*before[0], **before[1]), twin(*after[0], **after[1])
        return keras.tree.map_structure(_Pair, wanted, found)

    inputs = keras.ops.convert_to_tensor(images)
    graph.run(model, model.outputs, {id(model.inputs[0]): _Pair(inputs, inputs)}, apply)


def _refit(
    layer: Any, twin: Any, before: Any, after: Any, kept: np.ndarray, rng: np.random.Generator
) -> None:
    rows = [_sample(layer, twin, before[i : i + 1], after[i : i + 1], rng) for i in range(before.shape[0])]
    wanted, inputs = (np.concatenate(side).astype(np.float64) for side in zip(*rows, strict=True))
    wanted, kernel = wanted[:, kept], values(twin)["kernel"]
    flat = kernel.reshape(-1, kernel.shape[-1]).astype(np.float64)
    centered, mean = inputs - inputs.mean(0), wanted.mean(0)
    gram = centered.T @ centered
    gram[np.diag_indices_from(gram)] += RIDGE * max(np.square(centered).sum() / len(gram), 1e-12)
    flat = flat + np.linalg.solve(gram, centered.T @ (wanted - mean - centered @ flat))
    # The mean goes into the bias; without one BatchNormalization follows.
    assign(twin, {"kernel": flat.reshape(kernel.shape), "bias": mean - inputs.mean(0) @ flat})


def _sample(layer: Any, twin: Any, before: Any, after: Any, rng: np.random.Generator) -> tuple[Any, Any]:
    """Return the outputs before, without activation, and the inputs of the kernel now, at random positions."""
    activation, layer.activation = layer.activation, keras.activations.linear
    wanted = np.asarray(layer(before))
    layer.activation = activation
    wanted = wanted.reshape(-1, wanted.shape[-1])
    if len(after.shape) == 4 and hasattr(layer, "kernel_size"):
        after = keras.ops.image.extract_patches(
            after, layer.kernel_size, layer.strides, layer.dilation_rate, layer.padding
        )
    inputs = np.asarray(after).reshape(-1, after.shape[-1])
    chosen = rng.permutation(len(wanted))[:POSITIONS]
    return wanted[chosen], inputs[chosen]


def _follow(twin: Any, before: Any, after: Any, kept: np.ndarray) -> None:
    axes = tuple(range(len(before.shape) - 1))
    (old_mean, old), (new_mean, new) = (
        (np.asarray(x).mean(axes), np.asarray(x).var(axes) + twin.epsilon) for x in (before, after)
    )
    own = values(twin)
    factor = np.clip(new / old[kept], 1 / LARGEST_CHANGE, LARGEST_CHANGE)
    mean = own["moving_mean"] + new_mean - old_mean[kept]
    assign(twin, {"moving_mean": mean, "moving_variance": own["moving_variance"] * factor})
