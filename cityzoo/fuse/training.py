"""Fusions that are trained: an ensemble distilled into one small model, and a head on the backbones of all members."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any

from cityzoo.compress.training import fine_tune_start
from cityzoo.errors import InputError
from cityzoo.evaluation.evaluated_run import EvaluatedRun, open_evaluated
from cityzoo.fit.distillation_teacher import pin_teacher
from cityzoo.fit.run_folder import RunFolder
from cityzoo.fuse.fused_run import FusedRun, log_fusion
from cityzoo.fuse.request import FusionRequest
from cityzoo.spec import CLOSED_FORM, Phase, ResolvedSpec

LOG = logging.getLogger(__name__)
STUDENT_EPOCHS = 15  # of its head, where the members' heads are computed
TEACHER = "teacher"  # folder of the ensemble in that of its student


def distil(
    request: FusionRequest, made: FusedRun, out: Path, write_teacher: Callable[[Path], dict[str, Any]]
) -> dict[str, Any]:
    """Write the ensemble of some runs, train a student of it and return the student's report.

    Args:
        request: with the student.
        made: members and data.
        out: the student's new folder; the ensemble goes into its folder `teacher`.
        write_teacher: writes the ensemble into a folder.

    Raises:
        InputError: an output without distillation loss, or a student that cannot be trained.
    """
    first = made.members[0]
    if not made.output.supports_distillation:
        raise InputError(f"runs of {first.spec.run.task_name} have no distillation loss: use --by ensemble")
    write_teacher(out / TEACHER)
    teacher = open_evaluated(str(out / TEACHER))
    smallest = min(made.members, key=lambda member: member.model.count_params())
    backbone = request.student or smallest.spec.run.backbone
    alike = next((m.spec.run.weights for m in made.members if m.spec.run.backbone == backbone), "imagenet")
    spec: Any = _plain_spec(first, out).replace(
        backbone=backbone,
        weights=request.student_weights or alike,
        teacher=pin_teacher(str((out / TEACHER).absolute())),
    )
    plan = plan_student(
        spec.plan, first.task.modality.freeze_points[-1], spec.fit.learning_rate, request.epochs
    )
    return _train(replace(spec, plan=plan), made, out, teacher)


def plan_student(
    plan: Sequence[Phase], frozen: str, learning_rate: float, epochs: int | None
) -> tuple[Phase, ...]:
    """Return the phases of a student: those of a member, and one that trains the head where none trains by gradients.

    Example:
        >>> plan_student((Phase("closed_form", 1, 0.001), Phase("C4", 20, 0.0001)), "backbone", 0.001, 5)[1].epochs
        5
        >>> [phase.freeze for phase in plan_student((Phase("closed_form", 1, 0.001),), "backbone", 0.001, None)]
        ['closed_form', 'backbone']
    """
    if all(phase.freeze == CLOSED_FORM for phase in plan):  # it cannot follow a teacher
        plan = (*plan, Phase(frozen, STUDENT_EPOCHS, learning_rate))
    return tuple(
        replace(phase, epochs=epochs) if epochs and phase.freeze != CLOSED_FORM else phase for phase in plan
    )


def join_backbones(request: FusionRequest, made: FusedRun, out: Path) -> dict[str, Any]:
    """Train a head on the frozen backbones of all members side by side and return the report.

    Raises:
        InputError: members of one backbone, or of no images.
    """
    first = made.members[0]
    if first.task.modality.name != "image":
        raise InputError(
            f"--by features joins backbones of images, not of {first.task.modality.unit}: use --by ensemble"
        )
    weights = {member.spec.run.backbone: member.spec.run.weights for member in made.members}
    if len(weights) < 2:
        raise InputError(
            f"--by features joins different backbones, all members have {first.spec.run.backbone}: use --by ensemble"
        )
    backbone, start = "+".join(weights), request.start or "+".join(weights.values())
    spec: Any = _plain_spec(first, out).replace(backbone=backbone, weights=start)
    if made.output.closed_form_layer and not request.epochs:
        plan = (Phase(CLOSED_FORM, 1, spec.fit.learning_rate),)
    else:
        plan = (Phase("backbone", request.epochs or spec.plan[0].epochs, spec.fit.learning_rate),)
    out.mkdir(parents=True)
    return _train(replace(spec, plan=plan), made, out)


def _plain_spec(first: EvaluatedRun, out: Path) -> ResolvedSpec[Any]:
    spec: Any = first.spec
    unused = {name: None for name in ("adapt", "delta", "unlabelled") if hasattr(spec.modality, name)}
    return spec.replace(out=str(out), repeats=1, minutes=None, find_lr=False, teacher=None, **unused)


def _train(
    spec: ResolvedSpec[Any], made: FusedRun, out: Path, teacher: EvaluatedRun | None = None
) -> dict[str, Any]:
    spec.write(out / "spec.json")
    LOG.info(
        "the same training without this command: python train.py --config %s", quote(str(out / "spec.json"))
    )
    task, data, output = made.members[0].task, made.data, made.output
    others = [*made.members, *made.others, *([teacher] if teacher else [])]
    complete = replace(made, others=[*made.others, *([teacher] if teacher else [])])
    fusion: dict[str, Any] = {}

    def describe(subject: EvaluatedRun, compared: Mapping[str, Any]) -> dict[str, Any]:
        fusion.update(complete.describe(subject, compared))
        return {"fusion": fusion}

    report = fine_tune_start(spec, task, data, output, RunFolder(out), {}, others[0], others[1:], describe)
    log_fusion(fusion)
    return report
