"""The reference that a served model's inputs and answers are compared with, made of the evaluated examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.monitor.drift import read_signals
from cityzoo.monitor.reference import NAME, make_reference
from cityzoo.outputs.multilabel import MultiLabelClassification
from cityzoo.sample import Detections

if TYPE_CHECKING:
    from cityzoo.modalities import Modality
    from cityzoo.outputs import Output

__all__ = ("NAME", "read_answer", "write_reference")
MOST = 1024  # examples, evenly spread over those evaluated
HALF = 0.5  # from which on a server names a class of several
LEAST_SCORE = 0.3  # of detections, where the report has no operating point


def write_reference(
    folder: Path,
    modality: Modality[Any],
    output: Output,
    truth: Any,
    results: Sequence[Any],
    report: Mapping[str, Any],
) -> None:
    """Write `reference.json` into a folder, unless the modality measures nothing of its examples.

    Args:
        folder: of the run or of an evaluation.
        modality: of the examples.
        output: what results mean.
        truth: the examples.
        results: one per example.
        report: of the evaluation; `operating_point` is the score from which on detections count.
    """
    rows = np.unique(np.linspace(0, len(truth) - 1, min(MOST, len(truth))).astype(int)).tolist()
    score = float((report.get("operating_point") or {}).get("score") or LEAST_SCORE)
    if not rows or modality.input_signals(truth, rows[0]) is None:
        return
    score = _least(output, score)
    found = measure_signals(modality, output, truth, results, rows, score)
    make_reference(found, output.class_names, score, truth.split).write(folder)


def measure_signals(
    modality: Modality[Any],
    output: Output,
    examples: Any,
    results: Sequence[Any],
    rows: Sequence[int],
    score: float,
) -> list[dict[str, list[float]]]:
    """Return the values of every signal in some examples, see `cityzoo.monitor.drift.read_signals`.

    Args:
        modality: of the examples.
        output: what results mean.
        examples: the set.
        results: one per example of the set.
        rows: positions of the examples that are measured.
        score: what scores lower is left out.
    """
    return [
        (modality.input_signals(examples, row) or {})
        | read_signals({}, read_answer(output, results[row]), output.class_names, score)
        for row in rows
    ]


def _least(output: Output, score: float) -> float:
    return score if output.result_type is Detections else 0.0


def read_answer(output: Output, result: Any) -> dict[str, Any]:
    """Return what a server would answer for a result.

    Example:
        >>> from cityzoo.outputs.classification import Classification
        >>> read_answer(Classification(("free", "jam")), np.array([0.25, 0.75]))
        {'class': 'jam', 'score': 0.75}
    """
    names, result = output.class_names, getattr(result, "shares", result)
    if isinstance(result, Detections):
        pairs = zip(result.labels.tolist(), result.scores.tolist(), strict=True)
        return {"detections": [{"class": names[label], "score": score} for label, score in pairs]}
    if isinstance(output, MultiLabelClassification):
        shares = zip(names, np.asarray(result).tolist(), strict=True)
        return {"classes": [{"class": name, "score": score} for name, score in shares if score >= HALF]}
    if isinstance(result, np.ndarray) and names:
        best = int(np.argmax(result))
        return {"class": names[best], "score": float(result[best])}
    numbers = {"count", "score"}.intersection(getattr(result, "_fields", ()))
    return {name: float(getattr(result, name)) for name in numbers}
