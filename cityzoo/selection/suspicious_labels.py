"""Suspicious labels of a run's own data, each with the words that a reviewer reads."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cityzoo import model as models
from cityzoo.errors import InputError
from cityzoo.evaluation.evaluated_run import EvaluatedRun, open_evaluated
from cityzoo.fit.fine_tune import load_task_data
from cityzoo.fit.fold_data import group_training
from cityzoo.outputs.classification import Classification
from cityzoo.outputs.detection import Detection
from cityzoo.sample import Detections
from cityzoo.selection.box_issues import CLASS, BoxIssue, find_box_issues
from cityzoo.selection.class_issues import ClassCheck, check_classes
from cityzoo.selection.probe_data import make_probe_data

LOG = logging.getLogger(__name__)
HELD_OUT, TRAINED = "held out", "in training"


@dataclass(frozen=True)
class SuspiciousLabel:
    """One suspicious label.

    Attributes:
        example: whose label it is.
        given: its class, "" where a box is missing.
        suggested: class that the model is sure of.
        probability: of that class, 0..1.
        reason: kind of the issue, with the figures that make it one.
        seen: whether the model was trained on the example.
        shown: what the model makes of the example, for pictures.
        issue: of a box, or None.
    """

    example: Any
    given: str
    suggested: str
    probability: float
    reason: str
    seen: str
    shown: Any
    issue: BoxIssue | None = None


@dataclass(frozen=True)
class CheckResult:
    """Suspicious labels of a run's data, the most suspicious first, and facts about the check for its report."""

    labels: list[SuspiciousLabel]
    facts: dict[str, Any]


def find_suspicious_labels(run: EvaluatedRun, folds: int, group_by: str, score: float | None) -> CheckResult:
    """Return the suspicious labels of the data that a run was trained and evaluated on.

    Args:
        run: opened.
        folds: of classes; boxes are predicted by the folds that the run was trained with.
        group_by: see `cityzoo.fit.fold_data.group_training`.
        score: of detections that count; None: that of the report.

    Raises:
        InputError: a task without such labels, or data that cannot be checked.
    """
    output, task = run.output, run.spec.run.task
    if getattr(output, "several", False) or not isinstance(output, Classification | Detection):
        what = "any number of classes an example" if getattr(output, "several", False) else "other labels"
        raise InputError(
            f"'{run.path}' is a run of {task}, with {what}: give a run with one class an example, or with boxes"
        )
    data = load_task_data(run.spec)[1]
    sides = [side for side in (data.train, data.val, getattr(data, "test", None)) if side and len(side)]
    sides = [run.task.modality.reorder_labels(side, output.class_names) for side in sides]
    if isinstance(output, Classification):
        return _find_classes(run, output, sides, folds, group_by)
    return _find_boxes(run, sides[0], sides[1:], score)


def _find_classes(
    run: EvaluatedRun, output: Classification, sides: Sequence[Any], folds: int, group_by: str
) -> CheckResult:
    if not run.folder.before.is_file():
        raise InputError(f"'{run.path}' has no {run.folder.before.name}: train it again, or give another run")
    modality = run.task.modality
    examples = modality.join(sides)
    data = make_probe_data(modality, models.load(run.folder.before), output, examples)
    groups = group_training(group_by, modality, data.examples)
    check = check_classes(data, groups, output, folds)
    facts: dict[str, Any] = {
        "checked": len(data),
        **({"without_class": len(examples) - len(data)} if len(examples) > len(data) else {}),
        "folds": folds,
        "out_of_fold_accuracy": check.accuracy,
        "estimated_error_share": check.issues.error_share,
        "pairs": {
            f"{output.class_names[given]} → {output.class_names[other]}": {"n": count}
            for (given, other), count in check.pairs.items()
        },
    }
    return CheckResult([_describe(check, output, row) for row in check.issues.rows.tolist()], facts)


def _describe(check: ClassCheck, output: Classification, row: int) -> SuspiciousLabel:
    given, other, shares = int(check.labels[row]), int(check.issues.suggested[row]), check.probabilities[row]
    names, mean = output.class_names, check.issues.thresholds[other]
    reason = (
        f"{CLASS}: {names[other]} {shares[other]:.2f} (mean of that class {mean:.2f}), "
        f"{names[given]} {shares[given]:.2f}"
    )
    example = check.data.examples.examples[row]
    return SuspiciousLabel(
        example, names[given], names[other], float(shares[other]), reason, "out of fold", shares
    )


def _find_boxes(run: EvaluatedRun, train: Any, others: Sequence[Any], score: float | None) -> CheckResult:
    modality, suspicious, counts = run.task.modality, list[SuspiciousLabel](), dict[str, int]()
    checks = [(HELD_OUT, run, side) for side in others]
    known: set[str] = set()
    for path in sorted(run.folder.path.glob("fold-*")):
        fold = open_evaluated(str(path))
        held_out = modality.reorder_labels(load_task_data(fold.spec)[1].held_out, run.output.class_names)
        checks.append((f"fold {fold.spec.run.fold}", fold, held_out))
        known |= {each.path for each in held_out.examples}
    rest = [row for row, each in enumerate(train.examples) if each.path not in known]
    if rest:
        checks.append((TRAINED, run, modality.select(train, rest)))
        LOG.warning(
            "WARNING: %d of %d images were in training: a model repeats the errors that it was trained on, "
            "and fewer are found there; train with --folds to check all",
            *(len(rest), sum(len(side) for _, _, side in checks)),
        )
    for seen, predictor, side in checks:
        counts[seen] = counts.get(seen, 0) + len(side)
        sure = run.output.prelabel(predictor.results(side), predictor.facts, score)
        suspicious += [_describe_box(run, side, seen, issue) for issue in find_box_issues(side, sure)]
    suspicious.sort(key=lambda each: (each.seen == TRAINED, -each.probability))
    boxes = sum(len(each.labels) for _, _, side in checks for each in side.examples)
    kinds = Counter(each.issue.kind for each in suspicious if each.issue)
    facts = {
        "checked": sum(counts.values()),
        "boxes": boxes,
        "kinds": {kind: {"n": count} for kind, count in kinds.most_common()},
        "predicted_by": {seen: {"n": count} for seen, count in counts.items()},
    }
    return CheckResult(suspicious, facts)


def _describe_box(run: EvaluatedRun, side: Any, seen: str, issue: BoxIssue) -> SuspiciousLabel:
    names = run.output.class_names
    given = "" if issue.given is None else names[issue.given]
    shown = Detections(issue.box_xyxy[None], np.array([issue.score]), np.array([issue.label]))
    reason = issue.kind if issue.kind != CLASS else f"{CLASS}: no {given} is found there"
    return SuspiciousLabel(
        *(side.examples[issue.row], given, names[issue.label], issue.score, reason, seen, shown, issue)
    )
