"""Runs made of runs: repeats with other seeds, and with and without unlabeled images."""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cityzoo import tasks
from cityzoo.errors import InputError
from cityzoo.evaluation.run_facts import earlier_facts
from cityzoo.fit import distributed, run_folder
from cityzoo.fit.run_folder import RunFolder
from cityzoo.fit.run_lock import lock_run
from cityzoo.modalities.image.pseudo_labels import read_facts
from cityzoo.modalities.image.unlabelled import LABELLED_ONLY
from cityzoo.report.pages.shared import repeats_layout
from cityzoo.report.write import write_report
from cityzoo.spec import TrainSpec

LOG = logging.getLogger(__name__)
CONFIDENCE = 0.95
Train = Callable[[TrainSpec, str | None], dict[str, Any]]


def run_repeats(spec: TrainSpec, resumed: str | None, train: Train) -> dict[str, Any]:
    """Train once per seed, each in its own folder, and summarize.

    Finished repeats are kept, a stopped one is resumed.

    Args:
        spec: with `repeats` of 2 or more; the seed counts up.
        resumed: the folder to resume.
        train: (spec, run folder to resume) -> report.

    Returns:
        The report: means of the primary metrics, `interval` and `repeats`.

    Raises:
        InputError: several processes, or the folder cannot be written.
    """
    if distributed.process_count() > 1:
        raise InputError("--repeats takes one process: start each repeat on its own, with its --seed")
    with lock_run(Path(resumed)) if resumed else run_folder.create(spec) as created:
        return _run_all(spec, created or RunFolder(Path(str(resumed))), train)


def _run_all(spec: TrainSpec, folder: RunFolder, train: Train) -> dict[str, Any]:
    reports = []
    for number in range(spec.run.repeats):
        own = RunFolder(folder.path / f"repeat-{number + 1}")
        LOG.info("repeat %d/%d, seed %d", number + 1, spec.run.repeats, spec.run.seed + number)
        reports.append(
            finish_run(spec.replace(repeats=1, seed=spec.run.seed + number, out=str(own.path)), own, train)
        )
        keras.utils.clear_session()
    output = tasks.find(spec.run.task).output
    report = summary(spec, reports, output.primary_metrics)
    _, page = write_report(
        folder.path, report, repeats_layout(output.primary_metrics, output.lower_is_better)
    )
    for name in output.primary_metrics:
        if name in report["interval"]:
            low, high = report["interval"][name]
            LOG.info("%s %.3f, 95 %% interval of the mean %.3f to %.3f", name, report[name], low, high)
    LOG.info("report: %s", page)
    return report


def finish_run(spec: TrainSpec, own: RunFolder, train: Train) -> dict[str, Any]:
    """Return the report of a run within a run; it is trained, or its training is resumed, unless it is finished."""
    report = earlier_facts(own.path)
    if report:
        return report
    if own.checkpoint.is_file():
        return train(spec, str(own.path))
    shutil.rmtree(own.path, ignore_errors=True)  # stopped before its first epoch was finished
    return train(spec, None)


def summary(spec: TrainSpec, reports: Sequence[dict[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """Return the report of several repeats.

    Args:
        spec: of all of them.
        reports: one per repeat.
        names: metrics to average.

    Returns:
        Each figure's mean, and under `interval` its 95 % interval by Student's t over the draws: it says how sure the
        mean over draws is, not how sure the held-out images are.
    """
    rows = {
        f"repeat {number + 1}": {"seed": spec.run.seed + number, **{n: each.get(n) for n in names}}
        for number, each in enumerate(reports)
    }
    values = {n: [row[n] for row in rows.values() if row[n] is not None] for n in names}
    first = reports[0]
    return {
        **{n: float(np.mean(known)) if known else None for n, known in values.items()},
        "interval": {n: interval(known) for n, known in values.items() if len(known) > 1},
        "repeats": rows,
        **{
            key: first.get(key)
            for key in first
            if key in ("task", "backbone", "split", "data", "weights", "device") or key.startswith("n_")
        },
        "warnings": first.get("warnings"),
        "seconds": {"total": round(sum((each.get("seconds") or {}).get("total", 0) for each in reports), 1)},
        "spec": spec.as_dict(),
    }


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of a mean, by Student's t.

    Args:
        values: two or more.

    Example:
        >>> low, high = interval([0.7, 0.8, 0.9])
        >>> round(low, 3), round(high, 3)  # .8 -+ 4.303 * .1 / sqrt(3)
        (0.552, 1.048)
    """
    from scipy.stats import t

    mean, count = float(np.mean(values)), len(values)
    reach = float(t.ppf((1 + CONFIDENCE) / 2, count - 1) * np.std(values, ddof=1) / math.sqrt(count))
    return mean - reach, mean + reach


def train_labelled_only(spec: TrainSpec, run: Path, train: Train) -> None:
    """Train on the labeled images alone first, where that model's answers label the others.

    Args:
        spec: of the run with unlabeled images.
        run: its folder.
        train: as `run_repeats` takes it.
    """
    has_images = getattr(spec.modality, "unlabelled", None) is not None and not spec.fit.teacher
    if has_images and tasks.find(spec.run.task).output.supports_pseudo_labels:
        own = RunFolder(run / LABELLED_ONLY)
        LOG.info("first without unlabelled images, which that model labels: %s", own.path)
        finish_run(spec.replace(unlabelled=None, out=str(own.path)), own, train)
        keras.utils.clear_session()
        keras.utils.set_random_seed(spec.run.seed)


def compare_with_labelled_only(
    spec: TrainSpec, run: Path, report: dict[str, Any], train: Train
) -> dict[str, Any]:
    """Train the same without unlabelled images, in a folder of its own, and return the comparison.

    Args:
        spec: of the run with them.
        run: its folder.
        report: its report.
        train: as `run_repeats` takes it.

    Returns:
        `unlabelled`: for each headline figure `labelled_only`, `with_unlabelled` and `gain`; `pseudo_labels`: how many
        boxes were found in them. None where none were given.
    """
    if getattr(spec.modality, "unlabelled", None) is None:
        return {"unlabelled": None}
    keras.utils.clear_session()
    own = RunFolder(run / LABELLED_ONLY)
    LOG.info("the same without unlabelled images, to compare: %s", own.path)
    other = finish_run(spec.replace(unlabelled=None, out=str(own.path)), own, train)
    rows = {}
    for name in tasks.find(spec.run.task).output.primary_metrics:
        if report.get(name) is not None and other.get(name) is not None:
            rows[name] = {"labelled_only": other[name], "with_unlabelled": report[name]}
            rows[name]["gain"] = report[name] - other[name]
            LOG.info("%s %.3f without and %.3f with unlabelled images", name, other[name], report[name])
    if rows and not any(row["gain"] for row in rows.values()):
        LOG.warning("WARNING: unlabelled images changed nothing: the best epoch came before they were used")
    return {"unlabelled": rows, **read_facts(run)}
