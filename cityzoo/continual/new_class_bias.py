"""Bias of a continued model to the classes that it learned last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cityzoo.evaluation.evaluated_run import EvaluatedRun
from cityzoo.sample import Detections


def predict_new_classes(run: EvaluatedRun, truth: Any, added: Sequence[str]) -> float | None:
    """Return the share of a run's predictions on examples that name a class that it added; None if there is nothing."""
    if truth is None or not added:
        return None
    names = run.output.class_names
    results = run.results(run.task.modality.reorder_labels(truth, names))
    return new_class_share(run.output.prelabel(results, {}, None), names, added)


def new_class_share(
    predicted: Sequence[Any], class_names: Sequence[str], added: Sequence[str]
) -> float | None:
    """Return the share of predictions that name a class that was added last; None where nothing is predicted.

    On examples from before these classes existed, each such prediction is a mistake.

    Args:
        predicted: for each example the names of its classes, one or several, or `Detections`.
        class_names: of the model, which the labels of `Detections` are positions in.
        added: the new ones of them.

    Example:
        >>> new_class_share(["car", "bus", ("car", "bus")], ["car", "bus"], ["bus"])
        0.5
        >>> boxes = Detections([[0, 0, 8, 8], [0, 0, 9, 9]], [0.9, 0.8], [1, 0])
        >>> new_class_share([boxes], ["car", "bus"], ["bus"])
        0.5
    """
    named: list[str] = []
    for each in predicted:
        if isinstance(each, Detections):
            named += [class_names[label] for label in each.labels]
        else:
            named += [each] if isinstance(each, str) else [str(name) for name in each]
    return sum(name in added for name in named) / len(named) if named else None
