"""Replace every "auto" of a spec by what fits the machine and the data, and plan the phases."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from cityzoo import backend
from cityzoo.errors import InputError, unknown
from cityzoo.fit.adversarial import find_gradient_flag
from cityzoo.fit.auto_batch_size import auto_batch_size
from cityzoo.fit.devices import devices_at_once
from cityzoo.fit.distillation_teacher import pin_teacher
from cityzoo.modalities import Dataset
from cityzoo.outputs import Output
from cityzoo.spec import AUTO, CLOSED_FORM, Phase, ResolvedFitFlags, ResolvedSpec, TrainSpec
from cityzoo.tasks import Task

STEPS_PER_PHASE = 800  # enough for a head on a few hundred images, minutes on two cores
EPOCHS = (3, 100)  # least and most
LATER_PHASES = 0.1  # learning rate of pretrained layers, as a fraction of the new head's
LATER_ADAPTED = 0.5  # the same for the few parameters of --adapt
TryBatch = Callable[[int], None]


def resolve(
    spec: TrainSpec[Any],
    task: Task,
    data: Dataset,
    output: Output,
    try_batches: Callable[[ResolvedSpec[Any]], TryBatch] | None = None,
) -> ResolvedSpec[Any]:
    """Return the spec with nothing left to choose.

    Args:
        spec: as given by the user; one that is resolved already stays as it is.
        task: that is trained.
        data: to train on.
        output: of the task.
        try_batches: returns a function that tries a batch size on GPUs; see `cityzoo.fit.memory_trial`. None: memory
            is not tested.

    Raises:
        InputError: a plan that cannot be, or not one example fits into memory.
    """
    if isinstance(spec, ResolvedSpec):
        return spec
    fit = {item: getattr(spec.fit, item) for item in spec.fit.__dataclass_fields__}
    fit["teacher"] = pin_teacher(spec.fit.teacher)
    size = 1 if spec.fit.batch_size == AUTO else spec.fit.batch_size
    flags = task.modality.resolve(spec, data)
    resolved = ResolvedSpec(
        spec.run, ResolvedFitFlags(**{**fit, "batch_size": size}), flags, spec.output, spec.reader
    )
    if spec.fit.batch_size == AUTO:
        try_batch = try_batches(resolved) if try_batches and backend.gpus() else None
        size = auto_batch_size(len(data.train), try_batch, max(len(backend.gpus()), devices_at_once()))
    size = min(size, len(data.train))
    if size % devices_at_once():
        raise InputError(
            f"batches of {size} cannot be split evenly over {devices_at_once()} devices: "
            f"give --batch-size {max(size // devices_at_once(), 1) * devices_at_once()}, or more {task.modality.unit}"
        )
    resolved = resolved.replace(batch_size=size)
    count = max(len(data.train), task.modality.count_unlabelled(spec))
    plan = plan_phases(spec, task, output, count, size)
    return ResolvedSpec(resolved.run, resolved.fit, flags, spec.output, spec.reader, plan)


def plan_phases(
    spec: TrainSpec[Any], task: Task, output: Output, count: int, batch_size: int
) -> tuple[Phase, ...]:
    """Return the phases of a run, as the modality plans them unless --phases says otherwise.

    Args:
        spec: as given by the user.
        task: that is trained.
        output: of the task.
        count: examples of an epoch.
        batch_size: of a step.

    Raises:
        InputError: --phases with --freeze or --epochs, or a stage that no backbone has.
    """
    fit, modality = spec.fit, task.modality
    if fit.phases and (fit.freeze != AUTO or fit.epochs != AUTO):
        raise InputError("--phases cannot be combined with --freeze or --epochs: remove one of them")
    freeze = modality.default_freeze(spec) if fit.freeze == AUTO else fit.freeze
    one_phase = freeze == modality.freeze_points[-1] or not _trains_head_first(spec, task)
    steps = modality.steps_of_only_phase if one_phase else STEPS_PER_PHASE
    wanted = math.ceil(steps / (count / min(batch_size, count)))
    computes = bool(output.closed_form_layer) and modality.supports_closed_form
    most = min(EPOCHS[1], modality.epochs_after_closed_form if computes else EPOCHS[1])
    epochs = min(max(wanted, EPOCHS[0]), most) if fit.epochs == AUTO else fit.epochs
    stages = fit.phases or _default_stages(spec, task, output, freeze, epochs)
    if not output.trainable and (len(stages) > 1 or stages[0][0] != CLOSED_FORM):
        raise InputError("this task has no trainable head: remove --phases")
    closed = all(stage == CLOSED_FORM for stage, _ in stages)
    if closed and (name := find_gradient_flag(spec)):
        raise InputError(f"{name} trains by gradients: add a phase, e.g. --phases {CLOSED_FORM},backbone:10")
    allowed = (CLOSED_FORM, *modality.freeze_points)
    for stage, _ in stages:
        if stage not in allowed:
            raise unknown("stage to freeze up to", stage, allowed)
    is_adapted = getattr(spec.modality, "adapt", None) or getattr(spec.modality, "delta", None)
    later = LATER_ADAPTED if is_adapted else LATER_PHASES
    later = 1.0 if modality.backbone_rate(spec) < 1 else later
    rates = [fit.learning_rate * (1.0 if number == 0 else later) for number in range(len(stages))]
    return tuple(
        Phase(stage, 1 if stage == CLOSED_FORM else count, rate)
        for (stage, count), rate in zip(stages, rates, strict=True)
    )


def _default_stages(
    spec: TrainSpec[Any], task: Task, output: Output, freeze: str, epochs: int
) -> tuple[tuple[str, int], ...]:
    # The head alone first: random heads would distort the backbone (arXiv 2202.10054).
    if not _trains_head_first(spec, task):
        return ((freeze, epochs),)
    whole = task.modality.freeze_points[-1]
    computes = bool(output.closed_form_layer) and task.modality.supports_closed_form
    first = (CLOSED_FORM, 1) if computes else (whole, epochs)
    by_steps = task.modality.count_unlabelled(spec) or find_gradient_flag(
        spec
    )  # what no closed form takes into account
    more = freeze != whole or bool(computes and by_steps)
    return (first, (freeze, epochs)) if more and output.trainable else (first,)


def _trains_head_first(spec: TrainSpec[Any], task: Task) -> bool:
    # A backbone with a lower rate of its own is not distorted, and trains from the first step.
    own_rate = task.modality.backbone_rate(spec) < 1
    return task.modality.trains_head_first and (spec.fit.freeze != AUTO or not own_rate)
