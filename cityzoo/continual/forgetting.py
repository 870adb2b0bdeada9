"""Metrics of every model of a lineage on the held-out examples of every run, and what they say about forgetting."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.continual.lineage import Ancestor, read_lineage
from cityzoo.continual.new_class_bias import predict_new_classes
from cityzoo.errors import InputError
from cityzoo.evaluation.baselines import metric_samples
from cityzoo.evaluation.evaluated_run import EvaluatedRun, open_evaluated
from cityzoo.evaluation.predictions import cached_predictions
from cityzoo.metrics.weighted import bootstrap_weights, interval

if TYPE_CHECKING:
    from cityzoo.fit.replay_memory import MemorySource
    from cityzoo.spec import TrainSpec
    from cityzoo.tasks import Task

LOG = logging.getLogger(__name__)
Matrix = list[list[float | None]]  # row: model, column: the held-out examples of a run


def evaluate_lineage(
    run: Path, task: Task, history: Sequence[Mapping[str, Any]], data: Any, spec: TrainSpec[Any]
) -> dict[str, Any] | None:
    """Compare a continued run with the runs before it, on the held-out examples of each.

    Args:
        run: folder of the run, with its model.
        task: of all runs.
        history: metrics of each epoch of the run.
        data: of the run, with its memory.
        spec: of the run.

    Returns:
        The entry `lineage` of a report; None for a run that continues no other.

    Raises:
        InputError: a metric of `may_lose` that the task lacks, or data that the last two runs cannot be compared on.
    """
    if spec.run.continue_ is None:
        return None
    may_lose, seed = spec.run.may_lose, spec.run.seed
    runs, missing = read_lineage(run)
    metrics = [task.monitor, *(name for name, _ in may_lose if name != task.monitor)]
    periods = [_held_out(each, task) for each in runs]
    cells: list[list[Any]] = []
    opened: EvaluatedRun | None = None
    for each in runs:  # a model is loaded and traced once
        opened = open_evaluated(str(each.folder.path)) if each.folder.model.is_file() else None
        cells.append([opened and _measure(opened, truth, runs[-1], metrics, seed) for truth in periods])
    values = [[None if cell is None else float(cell[task.monitor][0]) for cell in row] for row in cells]
    lower = task.monitor in task.output.lower_is_better
    rows = _compare(runs, cells, task)
    for each, truth in zip(runs[:-1], periods, strict=False):
        rows[each.name]["new_classes"] = opened and predict_new_classes(opened, truth, data.added)
    found: dict[str, Any] = {
        "metric": task.monitor,
        "runs": [each.name for each in runs],
        "missing": missing,
        "matrix": values,
        "rows": rows,
        "curves": _curves(runs, values),
        "summary": summarize(values, lower),
        "worst_dip": worst_dip(history, task.monitor, lower),
    }
    found["lost"] = _find_losses(runs, cells, task, may_lose)
    found |= {
        "may_lose": dict(may_lose),
        "added": ", ".join(data.added) or "none",
        "memory": _describe(data.memory),
    }
    _log(found)
    return found


def _describe(memory: Sequence[MemorySource]) -> list[dict[str, Any]]:
    return [
        {
            "run": Path(each.run).name,
            "train": len(each.train),
            "val": len(each.val),
            "trained": each.trained,
            "expires": each.expires or "never",
        }
        for each in memory
    ]


def _held_out(run: Ancestor, task: Task) -> Any | None:
    try:
        return task.modality.read(run.spec, task).held_out
    except InputError as error:
        LOG.warning("WARNING: no model is evaluated on the data of '%s': %s", run.name, error)
        return None


def _measure(
    model: EvaluatedRun, truth: Any, into: Ancestor, metrics: Sequence[str], seed: int
) -> dict[str, np.ndarray] | None:
    """Each metric of one model on one set of examples, then on bootstrap samples; None where it cannot be evaluated."""
    if truth is None:
        return None
    modality, output = model.task.modality, model.output
    try:
        modality.check_manifest(model.folder.path, truth)
        truth = modality.reorder_labels(truth, output.class_names)
    except InputError:
        return None  # classes or sensors that came later
    results = cached_predictions(model.folder.model, modality, output, truth, into.folder.path, model.model)
    known = output.weighted_metrics(truth, results)
    weights = bootstrap_weights(len(truth), output.bootstrap_samples, seed, modality.groups(truth))
    available = known(np.ones((1, len(truth))))
    strange = next((name for name in metrics if name not in available), None)
    if strange is not None:
        raise InputError(
            f"--may-lose: '{strange}' is no metric of this task: give {', '.join(sorted(available)[:8])}"
        )
    return {name: metric_samples(known, name, weights) for name in metrics}


def _compare(runs: Sequence[Ancestor], cells: list[list[Any]], task: Task) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for number, run in enumerate(runs):
        now, before = cells[-1][number], cells[-2][number]
        row: dict[str, Any] = {"this": None, "before": None, "difference": None, "interval": None}
        if now is not None:
            samples = now[task.monitor]
            row |= {"this": float(samples[0]), "this_interval": interval(samples[1:])}
        if before is not None:
            row["before"] = float(before[task.monitor][0])
        if now is not None and before is not None:
            difference = now[task.monitor] - before[task.monitor]
            row |= {"difference": float(difference[0]), "interval": interval(difference[1:])}
        rows[run.name] = row
    return rows


def _curves(runs: Sequence[Ancestor], values: Matrix) -> dict[str, dict[str, list[float]]]:
    curves = {}
    for column, run in enumerate(runs):
        known = [
            (row + 1, values[row][column]) for row in range(len(runs)) if values[row][column] is not None
        ]
        if known:
            curves[run.name] = {"x": [float(x) for x, _ in known], "y": [float(y or 0) for _, y in known]}
    return curves


def summarize(matrix: Matrix, lower_is_better: bool = False) -> dict[str, float | None]:
    """Return what a matrix of metrics says about forgetting; better is above 0, whatever the metric.

    Backward transfer is that of Lopez-Paz and Ranzato 2017 (arXiv 1706.08840), forgetting that of Chaudhry et al. 2018
    (arXiv 1801.10112): the distance from the best that any earlier model had.

    Args:
        matrix: row i, column j: model of run i on the examples of run j; None: not measured.
        lower_is_better: whether the metric is an error.

    Returns:
        `final_mean` over all columns of the last row, `forgetting`, `backward_transfer`, and `forward_transfer`: by how
        much the model before a run knew more of its examples than the first model did. None: nothing to measure.

    Example:
        >>> found = summarize([[0.9, 0.2, 0.1], [0.8, 0.7, 0.3], [0.7, 0.8, 0.9]])
        >>> {name: round(value, 3) for name, value in found.items()}
        {'final_mean': 0.8, 'forgetting': 0.05, 'backward_transfer': -0.05, 'forward_transfer': 0.2}
    """
    sign = -1 if lower_is_better else 1
    values = sign * np.array([[np.nan if v is None else v for v in row] for row in matrix], float)
    last, count = values[-1], len(values)
    best = [np.nanmax(values[j : count - 1, j], initial=-np.inf) for j in range(count - 1)]
    pairs = {
        "final_mean": [sign * value for value in last],
        "forgetting": [best[j] - last[j] for j in range(count - 1)],
        "backward_transfer": [last[j] - values[j, j] for j in range(count - 1)],
        "forward_transfer": [values[j - 1, j] - values[0, j] for j in range(2, count)],
    }
    known = {name: np.array(found)[np.isfinite(found)] for name, found in pairs.items()}
    return {name: float(found.mean()) if len(found) else None for name, found in known.items()}


def worst_dip(
    history: Sequence[Mapping[str, Any]], monitor: str, lower_is_better: bool = False
) -> dict[str, float] | None:
    """Return how far the metric of earlier runs' validation examples fell during training, and in which epoch.

    Returns:
        `depth`, the largest fall from any epoch to a later one, `epoch` and `value` of the lowest point; None where
        there were no such examples.

    Example:
        >>> worst_dip([{"epoch": 1, "val_AP_earlier": 0.6}, {"epoch": 2, "val_AP_earlier": 0.5}], "AP")
        {'depth': 0.1, 'epoch': 2, 'value': 0.5}
    """
    name = f"val_{monitor}_earlier"
    sign = -1 if lower_is_better else 1
    points = [
        (int(row["epoch"]), sign * float(row[name])) for row in history if row.get(name) not in (None, "")
    ]
    if not points:
        return None
    highest, worst = points[0][1], (0.0, points[0])
    for point in points:
        highest = max(highest, point[1])
        worst = max(worst, (highest - point[1], point), key=lambda pair: pair[0])
    return {"depth": round(worst[0], 6), "epoch": worst[1][0], "value": sign * worst[1][1]}


def _find_losses(
    runs: Sequence[Ancestor], cells: list[list[Any]], task: Task, may_lose: Sequence[tuple[str, float]]
) -> list[dict[str, Any]]:
    lost = []
    for number, run in enumerate(runs[:-1]):
        now, before = cells[-1][number], cells[-2][number]
        for name, limit in may_lose:
            if now is None or before is None:
                LOG.warning("WARNING: --may-lose %s: nothing to compare on the data of '%s'", name, run.name)
                continue
            sign = -1 if name in task.output.lower_is_better else 1
            loss = sign * float(before[name][0] - now[name][0])
            if loss > limit:
                lost.append({"run": run.name, "metric": name, "loss": loss, "limit": limit})
    return lost


def _log(found: Mapping[str, Any]) -> None:
    for name, row in found["rows"].items():
        if row["difference"] is not None:
            low, high = row["interval"] or (float("nan"), float("nan"))
            LOG.info(
                "held-out examples of %s: %s %.3f, %.3f before (%+.3f, 95 %% interval %+.3f to %+.3f)",
                *(name, found["metric"], row["this"], row["before"], row["difference"], low, high),
            )
    for loss in found["lost"]:
        LOG.warning(
            "--may-lose: %s lost %.3f on the held-out examples of %s, allowed are %.3f",
            *(loss["metric"], loss["loss"], loss["run"], loss["limit"]),
        )
