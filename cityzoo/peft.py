"""Parameter-efficient fine-tuning: adapt a model before training, merge it and save a delta file afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

import zoo
from cityzoo.errors import InputError
from cityzoo.model import AssembledModel, float32_copy, save
from cityzoo.spec import CLOSED_FORM, Phase


def adapt(
    assembled: AssembledModel, method: str | None, delta: str | None, plan: Sequence[Phase], seed: int
) -> AssembledModel:
    """Return the model on an adapted backbone; unchanged if neither a method nor a delta file is given.

    Args:
        assembled: a fresh model.
        method: value of --adapt.
        delta: value of --delta.
        plan: phases to come; what stays frozen in all of them is not adapted.
        seed: of new weights.

    Raises:
        InputError: nothing to adapt, or the delta file belongs to other base weights.
    """
    if not (method or delta):
        return assembled
    plain, head = assembled.backbone, {}
    try:
        if delta:
            backbone, head = zoo.load_delta(plain, delta)
        else:
            backbone = zoo.adapt(plain, method, above=_above(plan), seed=seed)
        model = zoo.transplant(assembled.model, plain, backbone)
    except ValueError as error:
        raise InputError(str(error)) from error
    model.name = assembled.model.name
    _assign(head_weights(model, backbone), head, delta)
    return replace(assembled, model=model, backbone=backbone)


def _above(plan: Sequence[Phase]) -> str | None:
    stages = [phase.freeze for phase in plan if phase.freeze != CLOSED_FORM]
    # Names of stages sort as the stages do.
    least = min(stages, key=lambda stage: (stage != "none", stage == "backbone", stage), default="backbone")
    return None if least in ("none", "backbone") else least


def head_weights(model: keras.Model, backbone: keras.Model) -> dict[str, keras.Variable]:
    """Return the weights of a model that are not its backbone's, by path."""
    of_backbone = {id(weight) for weight in backbone.weights}
    return {weight.path: weight for weight in model.weights if id(weight) not in of_backbone}


def _assign(weights: dict[str, keras.Variable], values: dict[str, np.ndarray], path: str | None) -> None:
    for name, value in values.items():
        if name in weights and tuple(weights[name].shape) != value.shape:
            raise InputError(
                f"delta file '{path}' has a head of another shape ({name}: {value.shape}, here "
                f"{tuple(weights[name].shape)}): use the classes and the head that it was trained with"
            )
    for name in weights.keys() & values.keys():
        weights[name].assign(values[name])


def save_models(
    assembled: AssembledModel,
    twin: keras.Model,
    best_path: Path,
    last_path: Path,
    delta_path: Path,
    last: Sequence[np.ndarray],
) -> None:
    """Save the model of the last epoch; of an adapted model also the best one, merged, and its delta file.

    Args:
        assembled: with the weights of the best epoch, which it keeps.
        twin: its copy in float32, with any weights.
        best_path: where the best model goes.
        last_path: where the last model goes.
        delta_path: where the delta file goes.
        last: weights of the last epoch.
    """
    model, backbone = assembled.model, assembled.backbone
    is_adapted = hasattr(backbone, "adaptation")
    if is_adapted:
        zoo.save_delta(backbone, delta_path, extra=head_weights(model, backbone))
        save(float32_copy(zoo.merge(backbone, model)), best_path)
    if not is_adapted:
        twin.set_weights(last)
        save(twin, last_path)
        return
    best = model.get_weights()
    model.set_weights(last)
    save(float32_copy(zoo.merge(backbone, model)), last_path)
    model.set_weights(best)
