"""A run that evaluate.py judges: opened, checked, and compared with others on the same images."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo import tasks
from cityzoo.errors import InputError
from cityzoo.evaluation.compare import require_same_classes
from cityzoo.evaluation.evaluate import ComparedRun
from cityzoo.evaluation.evaluation_data import reorder_labels
from cityzoo.evaluation.predictions import predicted
from cityzoo.fit.run_folder import RunFolder, finished_epochs, open_run
from cityzoo.model import class_names, load
from cityzoo.report import run_report
from cityzoo.spec import TrainSpec

if TYPE_CHECKING:
    import keras

    from cityzoo.outputs import Output
    from cityzoo.sample import ImageSet

LOG = logging.getLogger(__name__)
OTHER_SPLIT = (
    "It was trained on other data or another split: it may have learned from images that judge it here."
)


@dataclass(frozen=True)
class EvaluatedRun:
    """Hold a run and what it takes to judge it.

    Attributes:
        folder: where it lies.
        spec: what it was trained by.
        task: what it does.
        output: what its outputs mean, with what it recalls of its training.
        facts: how it was made, from its report; empty where training was stopped.
        model: of its best epoch.
    """

    folder: RunFolder
    spec: TrainSpec
    task: tasks.Task
    output: Output
    facts: dict[str, Any]
    model: keras.Model

    def results(self, truth: ImageSet) -> list[Any]:
        """Return what its model says of each image, computed once."""
        return predicted(self.folder.model, self.output, truth, self.folder.path, self.model)


def open_judged(path: str, wishes: Mapping[str, Any] | None = None) -> EvaluatedRun:
    """Open a run's folder.

    Args:
        path: the folder.
        wishes: options of the task that only matter in judging, e.g. {"false_alarms": 50.0}; None is no wish.

    Raises:
        InputError: no run, a damaged one, one that was stopped before its first epoch ended, draws of runs, or a wish
            that its task does not know.
    """
    folder, spec = open_run(path)
    if spec.draws > 1:
        raise InputError(f"'{path}' holds {spec.draws} draws: give one of them, e.g. {path}/draw-1")
    if not folder.model.is_file():
        raise InputError(
            f"'{path}' holds no {folder.model.name}: its training ended before its first epoch did; go on by "
            f"python train.py --resume {path}"
        )
    model, task = load(folder.model), tasks.find(spec.task)
    facts = run_report.earlier_facts(folder.path)
    output = task.output_for(class_names(model), spec.options).restore(facts)
    return EvaluatedRun(
        folder, spec, task, _wished(output, wishes or {}, spec.task), _finished(facts, folder, spec), model
    )


def _finished(facts: dict[str, Any], folder: RunFolder, spec: TrainSpec) -> dict[str, Any]:
    planned, done = sum(phase.epochs for phase in spec.phases), finished_epochs(folder)
    if facts:
        return facts
    said = (
        f"this run has no report: it was stopped after {done} of {planned} epochs; its best epoch so far is judged, "
        f"python train.py --resume {folder.path} goes on"
    )
    return {"task": spec.task, "backbone": spec.backbone, "warnings": [said]}


def _wished(output: Output, wishes: Mapping[str, Any], task: str) -> Output:
    asked = {name: value for name, value in wishes.items() if value is not None}
    strange = sorted(set(asked) - {item.name for item in fields(output)})
    if strange:
        raise InputError(f"--{strange[0].replace('_', '-')} says nothing to the task '{task}': leave it out")
    return replace(output, **asked)


def evaluate_other_run(
    other: EvaluatedRun, subject: EvaluatedRun, truth: ImageSet, class_map: Mapping[str, str]
) -> ComparedRun:
    """Return what another run says of the images that a run is judged on.

    Args:
        other: the other run.
        subject: the judged run.
        truth: the images, with labels in the order of the judged run's classes.
        class_map: from the other run's class names to the judged one's.

    Raises:
        InputError: another task, or other classes.
    """
    path = str(other.folder.path)
    if other.spec.task != subject.spec.task:
        raise InputError(
            f"'{path}' is a run of {other.spec.task}, '{subject.folder.path}' one of {subject.spec.task}: only runs "
            "of one task can be compared"
        )
    names = tuple(class_map.get(name, name) for name in other.output.class_names)
    require_same_classes(subject.output.class_names, names, path)
    output = replace(other.output, class_names=names)
    images = reorder_labels(truth, names)
    return ComparedRun(output.weighted_metrics(images, other.results(images)), _note(other, subject))


def write_table(report: Mapping[str, Any], runs: Sequence[EvaluatedRun], folder: Path) -> None:
    """Write TensorBoard's table of several runs: what tells them apart, and their figures on the same images.

    Args:
        report: of the first run, compared with the others.
        runs: the judged run, then the others.
        folder: of the report; the table lies in its `logs/`.
    """
    from cityzoo.report.tensorboard import varying_settings, write_hparams

    names = [str(run.folder.path) for run in runs]
    settings = varying_settings({name: asdict(run.spec) for name, run in zip(names, runs, strict=True)})
    others = {name: report["compared"][name]["figures"] for name in names[1:]}
    figures = {name: {key: row["other"] for key, row in rows.items()} for name, rows in others.items()}
    figures[names[0]] = {key: report.get(key) for key in runs[0].output.primary_metrics}
    write_hparams(folder / "logs", {name: (settings[name], figures[name]) for name in names})


def _note(other: EvaluatedRun, subject: EvaluatedRun) -> str:
    divided_by = ("data", "val", "split_by", "limit", "class_map", "classes")
    same = all(getattr(other.spec, name) == getattr(subject.spec, name) for name in divided_by)
    return "" if same else OTHER_SPLIT


def optional_sections(
    subject: EvaluatedRun, truth: ImageSet, flags: argparse.Namespace, folder: Path
) -> dict[str, Any]:
    """Return what a report says beyond the figures where flags ask for it: `robustness` and `explanations`.

    Args:
        subject: the judged run.
        truth: the images.
        flags: of evaluate.py.
        folder: gets `robustness.png` and `explanations.png`.

    Raises:
        InputError: an image to explain that is not among them, or a task whose answers explain themselves.
    """
    from cityzoo.evaluation.explain import explain
    from cityzoo.evaluation.robustness import measure

    found, model, output, seed = {}, subject.model, subject.output, subject.spec.seed
    if flags.explain:
        wanted = int(flags.explain) if flags.explain.isdecimal() else flags.explain
        found["explanations"] = explain.explanations(
            model, output, truth, subject.results(truth), wanted, folder, seed
        )
    if flags.robustness:
        found["robustness"] = measure.measure(model, output, truth, seed, flags.robustness, flags.eps, folder)
    return found
