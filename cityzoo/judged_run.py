"""A run that evaluate.py judges: opened, checked, and compared with others on the same pictures."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo import tasks
from cityzoo.errors import InputError
from cityzoo.fit.run_folder import RunFolder, finished_epochs, open_run
from cityzoo.judging import in_order_of
from cityzoo.model import class_names, load
from cityzoo.report import of_run
from cityzoo.report.compare import require_same_classes
from cityzoo.report.judgement import Rival
from cityzoo.report.predictions import predicted
from cityzoo.spec import TrainSpec

if TYPE_CHECKING:
    import keras

    from cityzoo.kinds import Kind
    from cityzoo.sample import PictureSet

LOG = logging.getLogger(__name__)
OTHER_SPLIT = (
    "It was trained on other data or another split: it may have learned from pictures that judge it here."
)


@dataclass(frozen=True)
class JudgedRun:
    """Hold a run and what it takes to judge it.

    Attributes:
        folder: where it lies.
        spec: what it was trained by.
        task: what it does.
        kind: what its outputs mean, with what it recalls of its training.
        facts: how it was made, from its report; empty where training was stopped.
        model: of its best epoch.
    """

    folder: RunFolder
    spec: TrainSpec
    task: tasks.Task
    kind: Kind
    facts: dict[str, Any]
    model: keras.Model

    def results(self, truth: PictureSet) -> list[Any]:
        """Return what its model says of each picture, computed once."""
        return predicted(self.folder.model, self.kind, truth, self.folder.path, self.model)


def open_judged(path: str, wishes: Mapping[str, Any] | None = None) -> JudgedRun:
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
    facts = of_run.earlier_facts(folder.path)
    kind = task.kind_for(class_names(model), spec.options).recalling(facts)
    return JudgedRun(
        folder, spec, task, _wished(kind, wishes or {}, spec.task), _finished(facts, folder, spec), model
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


def _wished(kind: Kind, wishes: Mapping[str, Any], task: str) -> Kind:
    asked = {name: value for name, value in wishes.items() if value is not None}
    strange = sorted(set(asked) - {item.name for item in fields(kind)})
    if strange:
        raise InputError(f"--{strange[0].replace('_', '-')} says nothing to the task '{task}': leave it out")
    return replace(kind, **asked)


def rival_of(other: JudgedRun, subject: JudgedRun, truth: PictureSet, class_map: Mapping[str, str]) -> Rival:
    """Return what another run says of the pictures that a run is judged on.

    Args:
        other: the other run.
        subject: the judged run.
        truth: the pictures, with labels in the order of the judged run's classes.
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
    names = tuple(class_map.get(name, name) for name in other.kind.class_names)
    require_same_classes(subject.kind.class_names, names, path)
    kind = replace(other.kind, class_names=names)
    pictures = in_order_of(truth, names)
    return Rival(kind.weighed(pictures, other.results(pictures)), _note(other, subject))


def write_table(report: Mapping[str, Any], runs: Sequence[JudgedRun], folder: Path) -> None:
    """Write TensorBoard's table of several runs: what tells them apart, and their figures on the same pictures.

    Args:
        report: of the first run, compared with the others.
        runs: the judged run, then the others.
        folder: of the report; the table lies in its `logs/`.
    """
    from cityzoo.report.tensorboard import settings_of, write_hparams

    names = [str(run.folder.path) for run in runs]
    settings = settings_of({name: asdict(run.spec) for name, run in zip(names, runs, strict=True)})
    others = {name: report["compared"][name]["figures"] for name in names[1:]}
    figures = {name: {key: row["other"] for key, row in rows.items()} for name, rows in others.items()}
    figures[names[0]] = {key: report.get(key) for key in runs[0].kind.headline}
    write_hparams(folder / "logs", {name: (settings[name], figures[name]) for name in names})


def _note(other: JudgedRun, subject: JudgedRun) -> str:
    divided_by = ("data", "val", "split_by", "limit", "class_map", "classes")
    same = all(getattr(other.spec, name) == getattr(subject.spec, name) for name in divided_by)
    return "" if same else OTHER_SPLIT


def also_asked(
    subject: JudgedRun, truth: PictureSet, flags: argparse.Namespace, folder: Path
) -> dict[str, Any]:
    """Return what a report says beyond the figures where flags ask for it: `robustness` and `explanations`.

    Args:
        subject: the judged run.
        truth: the pictures.
        flags: of evaluate.py.
        folder: gets `robustness.png` and `explanations.png`.

    Raises:
        InputError: a picture to explain that is not among them, or a task whose answers explain themselves.
    """
    from cityzoo.report import explain, robustness

    found, model, kind, seed = {}, subject.model, subject.kind, subject.spec.seed
    if flags.explain:
        wanted = int(flags.explain) if flags.explain.isdecimal() else flags.explain
        found["explanations"] = explain.explanations(
            model, kind, truth, subject.results(truth), wanted, folder, seed
        )
    if flags.robustness:
        found["robustness"] = robustness.measure(
            model, kind, truth, seed, flags.robustness, flags.eps, folder
        )
    return found
