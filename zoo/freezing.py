"""Freeze a backbone up to a stage, under the same stage names for every architecture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.feature_pyramid import TAIL, stage_of_layers, stages

if TYPE_CHECKING:
    import keras

NONE, BACKBONE = "none", "backbone"


@dataclass(frozen=True)
class Freeze:
    """Trainable and frozen parameters of a backbone, in total and by stage.

    `by_stage` is {"C1": (trainable, frozen), ..., "tail": ...}; moving statistics of BatchNormalization count as
    frozen. `str()` is a small table.
    """

    upto: str
    trainable: int
    frozen: int
    by_stage: dict[str, tuple[int, int]]

    def __str__(self) -> str:
        """Return a small table, one line per stage."""
        rows = [f"{'stage':<9}{'trainable':>13}{'frozen':>13}"]
        rows += [f"{name:<9}{train:>13,}{still:>13,}" for name, (train, still) in self.by_stage.items()]
        return "\n".join([*rows, f"{'backbone':<9}{self.trainable:>13,}{self.frozen:>13,}"])


def freeze(backbone: keras.Model, upto: str, batchnorm: bool = False) -> Freeze:
    """Freeze the layers at or before a stage and unfreeze the rest; compile the model afterwards.

    A frozen BatchNormalization does not update its moving statistics, in `fit` either.

    Args:
        backbone: a functional backbone from `build`; a larger model built on it shares the layers.
        upto: "none", a stage ("C2" .. "C5") or "backbone" (all of it).
        batchnorm: freeze every BatchNormalization, also after the stage.

    Returns:
        The counts of trainable and frozen parameters.

    Raises:
        ValueError: the backbone has no such stage.

    Example:
        >>> import keras
        >>> images = x = keras.Input((32, 32, 3))
        >>> for number in range(1, 6):
        ...     x = keras.layers.Conv2D(1, 1, strides=2, padding="same", use_bias=False)(x)
        >>> report = freeze(keras.Model(images, x), "C3")
        >>> report.trainable, report.frozen
        (2, 5)
    """
    found = list(stages(backbone))
    if upto not in (NONE, BACKBONE, *found):
        allowed = ", ".join([NONE, *found, BACKBONE])
        raise ValueError(f"backbone '{backbone.name}' has no stage '{upto}' to freeze. Allowed: {allowed}")
    order = [NONE, *found, TAIL]
    still = order if upto == BACKBONE else order[: order.index(upto) + 1]
    of_layer = stage_of_layers(backbone)
    # Setting a model's flag sets those of all its layers: the model comes first.
    backbone.trainable = True
    for layer in backbone.layers:
        layer.trainable = of_layer[layer.name] not in still
        for part in layer._flatten_layers():
            if batchnorm and _is_batchnorm(part):
                part.trainable = False
    return _count(backbone, upto, of_layer, [*found, TAIL])


def _is_batchnorm(layer: keras.Layer) -> bool:
    import keras

    return isinstance(layer, keras.layers.BatchNormalization)


def _count(backbone: keras.Model, upto: str, of_layer: dict[str, str], order: list[str]) -> Freeze:
    counts = {name: (0, 0) for name in order if name in of_layer.values()}
    for layer in backbone.layers:
        train, still = counts[of_layer[layer.name]]
        train += sum(_size(weight) for weight in layer.trainable_weights)
        still += sum(_size(weight) for weight in layer.non_trainable_weights)
        counts[of_layer[layer.name]] = (train, still)
    totals = [sum(pair[index] for pair in counts.values()) for index in (0, 1)]
    return Freeze(upto, totals[0], totals[1], counts)


def _size(weight: keras.Variable) -> int:
    return math.prod(weight.shape)
