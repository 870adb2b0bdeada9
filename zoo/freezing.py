"""Freeze a backbone up to a stage, under the same stage names for every architecture."""

from __future__ import annotations

import math
from collections.abc import Callable
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
    """
    import keras

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
            if batchnorm and isinstance(part, keras.layers.BatchNormalization):
                part.trainable = False
    train = parameters_by_stage(backbone, lambda weight: weight.trainable)
    still_by_stage = parameters_by_stage(backbone, lambda weight: not weight.trainable)
    by_stage = {stage: (count, still_by_stage[stage]) for stage, count in train.items()}
    return Freeze(upto, sum(train.values()), sum(still_by_stage.values()), by_stage)


def parameters_by_stage(model: keras.Model, counts: Callable[[keras.Variable], bool]) -> dict[str, int]:
    """Return stage -> number of parameters in the weights that count, for the stages that the model has."""
    of_layer = stage_of_layers(model)
    found = {stage: 0 for stage in [*stages(model), TAIL] if stage in of_layer.values()}
    for layer in model.layers:
        found[of_layer[layer.name]] += sum(math.prod(w.shape) for w in layer.weights if counts(w))
    return found
