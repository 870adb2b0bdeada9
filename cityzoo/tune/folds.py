"""Grouped cross-validation within the training data: what to expect of sources that were never seen."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cityzoo import tasks
from cityzoo.errors import InputError
from cityzoo.evaluation.source_distance import compare_distances
from cityzoo.fit import fine_tune, fold_data
from cityzoo.fit.run_folder import RunFolder
from cityzoo.spec import ResolvedSpec, TrainSpec
from cityzoo.tune.repeats import Train, finish_run, interval

LOG = logging.getLogger(__name__)
GROUPS = "groups.csv"  # in the run folder: name and group of each training example


def estimate_new_sources(
    asked: TrainSpec[Any], spec: ResolvedSpec[Any], run: Path, report: dict[str, Any], train: Train
) -> dict[str, Any] | None:
    """Train `--folds` models on parts of the training data, each in a folder of the run, and evaluate what is left out.

    Finished folds are kept, a stopped one is resumed.

    Args:
        asked: spec of the run as the user gave it.
        spec: the same with nothing left to choose.
        run: folder of the run.
        report: of the run, with the metrics of val.
        train: (spec, run folder to resume) -> report.

    Returns:
        `estimate` (mean over folds), `interval`, `val` and `folds` with the metrics of each, `groups`, `distance`, and
        `warnings`; None where no folds were asked for, or where two or more could not be trained.
    """
    if not asked.run.folds:
        return None
    keras.utils.clear_session()
    try:
        table, distance, warnings = _make_groups(asked, spec, run)
    except InputError as error:
        return {"folds": {}, "warnings": [f"no estimate for new sources: {error}"]}
    output = tasks.find(spec.run.task).output
    names = output.primary_metrics
    rows: dict[str, dict[str, Any]] = {}
    for number in range(1, asked.run.folds + 1):
        own = RunFolder(run / f"fold-{number}")
        fold = f"{number}/{asked.run.folds}"
        try:
            found = finish_run(
                asked.replace(folds=0, fold=fold, group_by=str(table), out=str(own.path)), own, train
            )
        except InputError as error:
            if own.path.exists() or isinstance(error.__context__, KeyboardInterrupt):
                raise  # --resume continues this fold
            LOG.warning("fold %s is left out: %s", fold, error)
            warnings.append(f"fold {fold} is left out of the estimate for new sources: {error}")
            continue
        unit = found.get("examples", "images")
        rows[f"fold {fold}"] = {"n": found.get(f"n_{unit}"), **{name: found.get(name) for name in names}}
        keras.utils.clear_session()
    if len(rows) < 2:
        return {"folds": rows, "warnings": [*warnings, "fewer than two folds: no estimate for new sources"]}
    summary = summarize_folds(rows, report, names, output.lower_is_better)
    LOG.info("%s", describe_estimate(summary, names[0]))
    return {**summary, **distance, "warnings": warnings}


def _make_groups(
    asked: TrainSpec[Any], spec: ResolvedSpec[Any], run: Path
) -> tuple[Path, dict[str, Any], list[str]]:
    task, data, output = fine_tune.load_task_data(asked)
    features = fold_data.embed_examples(spec, task, output, data)
    groups = fold_data.group_training(
        asked.run.group_by, task.modality, data.train, features[0] if features else None
    )
    table = run / GROUPS
    fold_data.write_groups(table, data.train, groups)
    folds = fold_data.find_folds(groups, data.train, asked.run.folds)
    facts: dict[str, Any] = {"groups": int(groups.max()) + 1, "group_by": asked.run.group_by}
    warnings = []
    LOG.info(
        "--folds %d: %d %s in %d groups", asked.run.folds, len(groups), task.modality.unit, facts["groups"]
    )
    if features:
        facts["distance"] = compare_distances(*features, folds)
        if facts["distance"]["is_close"]:
            warnings.append(
                f"val is much closer to train than the groups of train are to each other (distance to the nearest "
                f"training example {facts['distance']['val']:.3f} and {facts['distance']['folds']:.3f}): its metrics "
                "are too optimistic for new sources; see the estimate by folds"
            )
    return table, facts, warnings


def summarize_folds(
    rows: dict[str, dict[str, Any]], report: dict[str, Any], names: Sequence[str], lower: Sequence[str] = ()
) -> dict[str, Any]:
    """Return means and intervals over folds, next to the metrics of val.

    Args:
        rows: fold -> metric -> value or None.
        report: of the run that was trained on all folds.
        names: metrics.
        lower: those that are better when lower; `gap` is by how much val is the better one.

    Example:
        >>> rows = {"fold 1/2": {"AP": 0.4}, "fold 2/2": {"AP": 0.5}}
        >>> found = summarize_folds(rows, {"AP": 0.7}, ["AP"])
        >>> found["estimate"]["AP"], found["val"]["AP"], found["table"]["AP"]["gap"]
        (0.45, 0.7, 0.25)
    """
    known = {name: [row[name] for row in rows.values() if row.get(name) is not None] for name in names}
    means = {name: float(np.mean(values)) for name, values in known.items() if values}
    bounds = {name: interval(values) for name, values in known.items() if len(values) > 1}
    val = {name: report[name] for name in means if report.get(name) is not None}
    table = {
        name: {
            "new_sources": means[name],
            "interval": bounds.get(name),
            "val": val[name],
            "gap": round((val[name] - means[name]) * (-1 if name in lower else 1), 6),
        }
        for name in val
    }
    return {"estimate": means, "interval": bounds, "val": val, "table": table, "folds": rows}


def describe_estimate(summary: dict[str, Any], name: str) -> str:
    """Return the estimate of a metric in one line.

    Example:
        >>> rows = {"fold 1/2": {"AP50": 0.5}, "fold 2/2": {"AP50": 0.6}}
        >>> describe_estimate(summarize_folds(rows, {"AP50": 0.7}, ["AP50"]), "AP50")
        'estimate for new sources: AP50 0.550 (folds 0.500 0.600), val 0.700'
    """
    values = " ".join(f"{row[name]:.3f}" for row in summary["folds"].values() if row.get(name) is not None)
    if name not in summary["estimate"]:
        return "no estimate for new sources"
    tail = f", val {summary['val'][name]:.3f}" if name in summary["val"] else ""
    return f"estimate for new sources: {name} {summary['estimate'][name]:.3f} (folds {values}){tail}"
