"""Measure examples of a run: features of its backbone, signals of inputs and answers, small images."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.cli import flag_fields
from cityzoo.errors import InputError
from cityzoo.evaluation.evaluated_run import EvaluatedRun
from cityzoo.evaluation.monitoring_reference import measure_signals
from cityzoo.modalities.embedding import embed
from cityzoo.monitor import reference as references
from cityzoo.monitor.reference import Reference, read_reference
from cityzoo.monitor.reference_examples import MeasuredExamples, read_examples

LOG = logging.getLogger(__name__)
FORMAT = 3  # of what is measured
MOST = 512  # examples, evenly spread
LEAST = 20  # examples, of the reference and of new data: fewer say nothing
ALIKE = 0.05  # distance of two examples, in standard deviations of each feature: one of them adds nothing


def require_reference(run: EvaluatedRun) -> Reference:
    """Return the run's reference.

    Raises:
        InputError: it has none.
    """
    found = read_reference(run.folder.path)
    if found is None:
        path = run.folder.path
        raise InputError(f"'{path}' holds no {references.NAME}: write it with python evaluate.py {path}")
    return found


def read_held_out(run: EvaluatedRun) -> Any:
    """Return the run's own held-out examples, which its reference was made of.

    Raises:
        InputError: they cannot be read.
    """
    modality = run.task.modality
    flags = {"data": None, "format": None, "limit": None, "split": None, **_defaults(modality)}
    return modality.read_to_evaluate(run.spec, run.task, run.output.class_names, flags)[0]


def read_new(run: EvaluatedRun, path: str) -> Any:
    """Return new examples without labels, at most 512 of them, evenly spread.

    Raises:
        InputError: nothing there that can be read.
    """
    if not Path(path).exists():
        raise InputError(f"--data '{path}' does not exist: give a folder or a file")
    modality = run.task.modality
    found = modality.read_new(run.spec, run.task, path, {**_defaults(modality), "limit": None})
    return modality.select(found, spread(len(found)))


def _defaults(modality: Any) -> dict[str, Any]:
    return {item.name: item.default for item in flag_fields(modality.evaluate_flags)}


def spread(count: int) -> list[int]:
    """Return the rows that are measured of so many."""
    return np.unique(np.linspace(0, count - 1, min(MOST, count)).round().astype(int)).tolist()


def measure_reference(run: EvaluatedRun, reference: Reference, truth: Any = None) -> MeasuredExamples:
    """Return what is measured of the run's held-out examples, from its `reference.npz` if nothing has changed.

    Args:
        run: an opened run; a signed one is not written to.
        reference: of the run.
        truth: the held-out examples; None: they are read if need be.

    Raises:
        InputError: the examples cannot be read, or are too few.
    """
    key = _key(run)
    found = read_examples(run.folder.path, key)
    if found is None:
        truth = read_held_out(run) if truth is None else truth
        if len(truth) < LEAST:
            raise InputError(
                f"'{run.path}' has {len(truth)} held-out {run.task.modality.unit}: a reference needs {LEAST}; give the "
                "run more data"
            )
        LOG.info("measuring the reference: %d held-out %s", len(truth), run.task.modality.unit)
        truth = run.task.modality.select(truth, spread(len(truth)))
        found = measure(run, truth, run.results(truth), reference.score)
        if not run.folder.is_signed:
            found.write(run.folder.path, key)
    if len(found) < LEAST:
        raise InputError(
            f"'{run.path}' has {len(found)} held-out {run.task.modality.unit}: a reference needs {LEAST}; give the run "
            "more data"
        )
    return found


def _key(run: EvaluatedRun) -> str:
    files = (run.folder.model, run.folder.path / references.NAME)
    facts = [(file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(repr((FORMAT, MOST, facts)).encode()).hexdigest()


def measure(run: EvaluatedRun, examples: Any, results: Sequence[Any], score: float) -> MeasuredExamples:
    """Return what is measured of examples.

    Args:
        run: with the model.
        examples: N of them.
        results: of the model, one per example.
        score: detections below it are not counted.
    """
    modality = run.task.modality
    rows = measure_signals(modality, run.output, examples, results, range(len(examples)), score)
    return MeasuredExamples(
        name_examples(examples),
        tuple(modality.groups(examples)),
        embed(modality, run.model, run.output, examples),
        _table(rows, run.output.class_names),
        modality.thumbnails(examples),
    )


def name_examples(examples: Any) -> tuple[str, ...]:
    """Return a name for each example, without its folder; those of one file are numbered."""
    paths = [str(getattr(each, "name", "") or getattr(each, "path", each)) for each in examples.examples]
    seen: Counter[str] = Counter()
    names = []
    for name in (Path(path).name for path in paths):
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(names)


def _table(
    rows: Sequence[Mapping[str, Sequence[float]]], class_names: Sequence[str]
) -> dict[str, np.ndarray]:
    """Return the mean of each signal in each example, and how often each class is in it."""
    names = sorted({name for row in rows for name in row} - {"class"})
    table = {
        name: np.array([np.mean(row[name]) if len(row.get(name, ())) else np.nan for row in rows], np.float32)
        for name in names
    }
    if any("class" in row for row in rows):
        for place, name in enumerate(class_names):
            counts = [sum(value == place for value in row.get("class", ())) for row in rows]
            table[f"count:{name}"] = np.array(counts, np.float32)
    return table


def count_distinct(features: np.ndarray, scale: np.ndarray) -> int:
    """Return how many examples are left where those that are nearly the same as an earlier one are not counted.

    Args:
        features: (N, D).
        scale: (D,) standard deviation of each feature in the reference.

    Example:
        >>> count_distinct(np.array([[0.0], [0.01], [1.0]]), np.array([1.0]))
        2
    """
    kept: list[np.ndarray] = []
    for row in features / (scale + 1e-6):
        if all(np.sqrt(np.mean(np.square(row - other))) > ALIKE for other in kept):
            kept.append(row)
    return len(kept)
