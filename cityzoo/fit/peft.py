"""Parameter-efficient runs: adapt before the first phase, merge after the last, leave a delta file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import keras
import numpy as np

import zoo
from cityzoo.errors import InputError
from cityzoo.fit.run_folder import RunFolder
from cityzoo.model import AssembledModel, float32_copy, save
from cityzoo.spec import SOLVE, TrainSpec

ORDER = ("none", "C1", "C2", "C3", "C4", "C5", "backbone")


def adapted(assembled: AssembledModel, spec: TrainSpec) -> AssembledModel:
    """Return the model on an adapted backbone, where `--adapt` or `--delta` asks for it, and as it is otherwise.

    Raises:
        InputError: nothing to adapt, or the delta file belongs to other base weights.
    """
    if not (spec.adapt or spec.delta):
        return assembled
    plain, head = assembled.backbone, {}
    try:
        if spec.delta:
            backbone, head = zoo.load_delta(plain, spec.delta)
        else:
            backbone = zoo.adapt(plain, spec.adapt, above=_above(spec), seed=spec.seed)
        model = zoo.transplant(assembled.model, plain, backbone)
    except ValueError as error:
        raise InputError(str(error)) from error
    model.name = assembled.model.name
    _assign(head_weights(model, backbone), head, spec.delta)
    return replace(assembled, model=model, backbone=backbone)


def _above(spec: TrainSpec) -> str | None:
    # What stays frozen in every phase needs no adapting, and so its features can be kept.
    stages = [phase.freeze for phase in spec.phases if phase.freeze != SOLVE]
    least = min(stages, key=ORDER.index, default="backbone")
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


def save_both(assembled: AssembledModel, spec: TrainSpec, run: RunFolder, last: Sequence[np.ndarray]) -> None:
    """Save the last epoch's weights; of an adapted model, also the best ones: merged, and as a delta file.

    Args:
        assembled: with the weights of the best epoch, which it keeps.
        spec: of the run.
        run: where the files go.
        last: weights of the last epoch.
    """
    model, backbone = assembled.model, assembled.backbone
    is_adapted = bool(spec.adapt or spec.delta)
    if is_adapted:
        zoo.save_delta(backbone, run.delta, extra=head_weights(model, backbone))
        save(float32_copy(zoo.merge(backbone, model)), run.model)
    best = model.get_weights()
    model.set_weights(last)
    save(float32_copy(zoo.merge(backbone, model) if is_adapted else model), run.last)
    model.set_weights(best)
