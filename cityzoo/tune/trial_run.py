"""Train a trial: a run folder whose plan grows from rung to rung, and at the end an evaluated run like any other."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cityzoo import predict
from cityzoo.errors import InputError
from cityzoo.evaluation import evaluate, evaluated_run, run_facts
from cityzoo.fit import auto_settings, fine_tune, refit, run_data
from cityzoo.fit.context import TrainState, never
from cityzoo.fit.run_folder import RunFolder, open_or_create
from cityzoo.modalities import Dataset, Modality
from cityzoo.model import load
from cityzoo.outputs import Output
from cityzoo.report import run_report
from cityzoo.spec import CLOSED_FORM, Phase, ResolvedSpec, TrainSpec
from cityzoo.tasks import Task
from cityzoo.tune.journal import REDUCTION, RUNGS

MEGABYTE = 1e6


class Examples(NamedTuple):
    """The data of a search: what trials train on and are chosen by, and what chooses nothing."""

    data: Dataset  # val chooses epochs and trials
    aside: Any  # the examples of the final estimate
    is_half: bool  # whether they are a part of val, for want of a test split
    whole: Dataset  # as read


@dataclass(frozen=True)
class Prepared:
    """A trial with nothing left to choose."""

    spec: ResolvedSpec[Any]
    task: Task
    output: Output
    examples: Examples


def set_aside(data: Dataset, modality: Modality[Any], share: float) -> Examples:
    """Return the data with a part that chooses nothing: the test split, or a share of val where there is none.

    Groups such as scenes stay together; labels are spread evenly. The same data gives the same part.

    Args:
        data: as read.
        modality: of the examples.
        share: of the validation examples.
    """
    if data.held_out is not data.val:
        return Examples(data, data.held_out, False, data)
    test = getattr(data, "test", None)
    if test is not None and len(test):
        return Examples(data, test, False, data)
    is_aside = choose_aside(modality.groups(data.val), [_signature(e) for e in data.val.examples], share)
    chosen, aside = (
        modality.select(data.val, np.flatnonzero(rows).tolist()) for rows in (~is_aside, is_aside)
    )
    return Examples(replace(data, val=chosen), aside, True, data)  # type: ignore[type-var]


def _signature(example: Any) -> bytes:
    target = getattr(example, "target", None)
    labels = getattr(example, "labels", ()) if target is None else target
    return np.unique(labels).tobytes() if target is None else np.asarray(labels).tobytes()


def choose_aside(groups: Sequence[str], signatures: Sequence[bytes], share: float) -> np.ndarray:
    """Return which examples are set aside, (N,) bool: of each kind of label about the share, whole groups.

    Args:
        groups: of each example; those of one group stay together, "" is a group of its own.
        signatures: what tells labels of different kinds apart.
        share: to set aside.

    Example:
        >>> int(choose_aside(["", "", "", "", "a", "a"], [b"x", b"y", b"x", b"y", b"z", b"z"], 0.5).sum())
        3
    """
    members: dict[Any, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group or row, []).append(row)
    order = np.random.default_rng(0).permutation(len(members))
    units = [list(members.values())[place] for place in order]
    wanted, is_aside = 0.0, np.zeros(len(groups), bool)
    for rows in sorted(units, key=lambda rows: (-len(rows), signatures[rows[0]])):
        wanted += share * len(rows)
        if wanted >= len(rows) / 2:  # systematic sampling: units of one kind follow each other
            is_aside[rows] = True
            wanted -= len(rows)
    return is_aside


def prepare(spec: TrainSpec[Any], task: Task, examples: Examples) -> Prepared:
    """Return a trial's resolved spec and its output for the data.

    Raises:
        InputError: settings that do not fit together.
    """
    train = examples.data.train
    output = task.output_for(train.class_names, spec.output).with_train_statistics(train)
    resolved = auto_settings.resolve(spec, task, examples.data, output)
    return Prepared(resolved, task, output, examples)


def rungs_of(plan: Sequence[Phase]) -> list[int]:
    """Return the epochs of each rung: a ninth, a third and all of the plan; one rung where there is nothing to cut.

    Example:
        >>> rungs_of([Phase("closed_form", 1, 0.01), Phase("C3", 17, 0.001)])
        [2, 6, 18]
        >>> rungs_of([Phase("closed_form", 1, 0.01)])
        [1]
    """
    total = sum(phase.epochs for phase in plan)
    if all(phase.freeze == CLOSED_FORM for phase in plan) or total < REDUCTION:
        return [total]
    return sorted({max(1, round(total / REDUCTION**rung)) for rung in range(RUNGS)})


def train(trial: Prepared, folder: Path, is_enough: Callable[[TrainState], bool]) -> TrainState:
    """Train a trial from the start or from its checkpoint, until its plan is done or it is enough.

    Args:
        trial: to train.
        folder: its run folder.
        is_enough: called after each epoch.

    Raises:
        InputError: the loss is not finite, or training was interrupted.
    """
    return _train(trial, folder, [], is_enough=is_enough)[1]


def _train(
    trial: Prepared,
    folder: Path,
    changes: list[str],
    finish: bool = False,
    is_enough: Callable[[TrainState], bool] = never,
) -> tuple[Any, TrainState]:
    import keras

    keras.utils.clear_session()
    spec, run = trial.spec.replace(out=str(folder)), RunFolder(folder)
    task, output, data = trial.task, trial.output, trial.examples.data
    is_begun = run.checkpoint.is_file()
    if not is_begun:
        shutil.rmtree(folder, ignore_errors=True)
    fine_tune.seed_everything(spec.run.seed)
    with open_or_create(spec, str(folder) if is_begun else None):
        changes += run_data.check_resumed(run, task.modality, data)
        assembled = task.modality.build(spec, output, data)
        state = fine_tune.fine_tune(spec, task, output, data, assembled, run, is_begun, is_enough=is_enough)
        if finish:
            refit.finish(spec, task, output, data, assembled, run, state)
    return assembled, state


def best_value(state: TrainState, metric: str) -> float:
    """Return a metric of the validation examples, of the best epoch so far: the one that `model.keras` holds.

    Raises:
        InputError: the examples do not give it.
    """
    row = next(row for row in state.history if row["epoch"] == state.best_epoch)
    if row.get(f"val_{metric}") is None:
        raise InputError(
            f"the validation examples give no {metric}: give others with --val, or another metric"
        )
    return float(row[f"val_{metric}"])


def measure_costs(folder: Path) -> dict[str, float]:
    """Return milliseconds for one example and megabytes of a trial's model."""
    file = RunFolder(folder).model
    speed = predict.measure_latency(load(file))
    return {"milliseconds": speed["latency_ms_batch_1"], "megabytes": file.stat().st_size / MEGABYTE}


def finish(trial: Prepared, folder: Path, others: Sequence[Path] = ()) -> dict[str, Any]:
    """Complete a trial and evaluate it on the examples that chose nothing; write its report and return it.

    Args:
        trial: that was trained.
        folder: its run folder.
        others: finished runs to compare with.

    Raises:
        InputError: as in training.
    """
    started = time.perf_counter()
    changes: list[str] = []
    assembled, state = _train(trial, folder, changes, finish=True)
    run, task, aside, seed = RunFolder(folder), trial.task, trial.examples.aside, trial.spec.run.seed
    task.modality.write_manifest(folder, trial.examples.data, trial.output)
    subject = evaluated_run.open_evaluated(str(folder))
    compared = {
        str(path): evaluated_run.compare_with(evaluated_run.open_evaluated(str(path)), subject, aside, {})
        for path in others
    }
    metrics = evaluate.evaluate(run, task, trial.output, aside, folder, compared, seed=seed)
    seconds = round(state.spent + time.perf_counter() - started, 1)
    facts = run_facts.training_facts(trial.spec, trial.examples.data.findings, assembled, state, seconds)
    if trial.examples.is_half:
        changes.append("evaluated on the part of val that chose neither its epoch nor its settings")
    facts["warnings"] += changes
    return run_report.write(folder, task, trial.output, facts, metrics, seed)
