"""Grad-CAM and HiResCAM maps of a logit, at the backbone levels that feed the head."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cityzoo.backend import on_jax
from cityzoo.outputs.attribution_target import AttributionTarget
from zoo import graph, suffix

if TYPE_CHECKING:
    import keras

BATCH = 16
HEAD = ("neck_", "head_")  # prefixes of the names of a head's layers


def feature_levels(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """Return the backbone levels that feed the neck and head, finest first, found in the graph.

    Args:
        model: a flat functional model, as `cityzoo.model.assemble` makes it.

    Returns:
        Name, "P3" for input / 8 and so on, to (batch, H / stride, W / stride, C) tensor.

    Raises:
        ValueError: no level feeds a layer of a head.
    """
    made: set[int] = set()
    feeding: dict[int, keras.KerasTensor] = {}
    for node in graph.nodes(model):
        known = made.intersection(map(id, node.input_tensors))
        if known or node.operation.name.startswith(HEAD):
            made.update(map(id, node.outputs))
            feeding.update({id(each): each for each in node.input_tensors if id(each) not in made})
    height = model.inputs[0].shape[1]
    levels = {f"P{round(np.log2(height / t.shape[1]))}": t for t in feeding.values() if len(t.shape) == 4}
    if not levels:
        raise ValueError(
            f"model '{model.name}' has no layer {' or '.join(HEAD)}... that looks at a feature map"
        )
    return dict(sorted(levels.items()))


def input_gradients(
    rest: keras.Model, levels: dict[str, np.ndarray], weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the gradients of a weighted sum of a model's outputs with respect to its inputs, in inference mode.

    Args:
        rest: {"P3": ...} -> outputs.
        levels: its inputs, float32.
        weights: of the outputs' shape.

    Returns:
        Of the inputs' names and shapes, float32.
    """
    if on_jax():
        import jax

        state = [
            [v.value for v in group] for group in (rest.trainable_variables, rest.non_trainable_variables)
        ]
        found = jax.grad(lambda x: (rest.stateless_call(*state, x, training=False)[0] * weights).sum())(
            levels
        )
    else:
        import tensorflow as tf

        inputs = {name: tf.constant(values) for name, values in levels.items()}
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            total = tf.reduce_sum(rest(inputs, training=False) * weights)
        found = tape.gradient(total, inputs, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return {name: np.asarray(values) for name, values in found.items()}


class GradCam:
    """Attribution maps: contribution of each cell of an image to a logit.

    For the whole image: Grad-CAM (Selvaraju et al. 2017, arXiv 1610.02391) on the coarsest level, with gradients
    averaged per channel. For a box, averages over the image localize poorly: each activation is multiplied by its own
    gradient (Draelos & Carin 2020, "HiResCAM", arXiv 2011.08891), and the maps of all levels are added at the size of
    the finest. As the rest of the model is piecewise linear, they sum up to the logit, except for biases.

    Attributes:
        rest: the model after the levels that feed its head; shares its layers.
        levels: their names, finest first.
        mirrored: whether predictions are means over each image and its mirror image.

    Args:
        model: a flat functional model; later changes of its weights take effect.
        mirrored: as the attribute.
    """

    def __init__(self, model: keras.Model, mirrored: bool = False) -> None:
        import keras

        self._first = keras.Model(model.inputs[0], feature_levels(model))
        self.rest, self.levels = suffix(self._first, model), list(self._first.output)
        self.mirrored = mirrored

    def __call__(self, images: np.ndarray, targets: Sequence[AttributionTarget]) -> list[np.ndarray]:
        """Return a map for each image, (h, w) float32; Grad-CAM shows its positive part.

        Args:
            images: (B, H, W, 3) float32, at the network's input.
            targets: one per image.
        """
        maps = []
        for start in range(0, len(images), BATCH):
            part, places = images[start : start + BATCH], targets[start : start + BATCH]
            found = self._maps(part, places)
            if self.mirrored:
                others = self._maps(part[:, :, ::-1], places)
                found = [(one + other[:, ::-1]) / 2 for one, other in zip(found, others, strict=True)]
            maps += found
        return maps

    def _maps(self, images: np.ndarray, targets: Sequence[AttributionTarget]) -> list[np.ndarray]:
        import keras

        levels = {
            name: keras.ops.convert_to_numpy(values)
            for name, values in self._first(images, training=False).items()
        }
        weights = np.zeros((len(targets), *self.rest.output.shape[1:]), np.float32)
        for row, each in enumerate(targets):
            weights[(row, *each.place)] = each.sign
        found = input_gradients(self.rest, levels, weights)
        return [
            self._sum({name: levels[name][row] * found[name][row] for name in levels})
            if each.box_xyxy is not None
            else levels[self.levels[-1]][row] @ found[self.levels[-1]][row].mean(axis=(0, 1))
            for row, each in enumerate(targets)
        ]

    def _sum(self, parts: dict[str, np.ndarray]) -> np.ndarray:
        size_hw = parts[self.levels[0]].shape[:2]
        return functools.reduce(np.add, (_spread(parts[name].sum(axis=-1), size_hw) for name in self.levels))


def _spread(part: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """Distribute each cell's value over the finer cells that it covers, smoothly."""
    import cv2

    share = part.size / np.prod(size_hw)
    return share * cv2.resize(part, size_hw[::-1], interpolation=cv2.INTER_LINEAR)
