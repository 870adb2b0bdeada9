"""A run that evaluate.py evaluates: opened, checked, and compared with others on the same examples."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from cityzoo import tasks
from cityzoo.errors import InputError
from cityzoo.evaluation.compare import require_same_classes
from cityzoo.evaluation.evaluate import ComparedRun
from cityzoo.evaluation.predictions import cached_predictions
from cityzoo.evaluation.run_facts import earlier_facts, training_provenance
from cityzoo.fit import run_data
from cityzoo.fit.run_folder import RunFolder, finished_epochs, next_free_folder, open_run
from cityzoo.model import load
from cityzoo.spec import ResolvedSpec, TrainSpec

if TYPE_CHECKING:
    import keras

    from cityzoo.commands.evaluate_flags import EvaluateCommand
    from cityzoo.outputs import Output

LOG = logging.getLogger(__name__)
OTHER_SPLIT = "It was trained on other data or another split, perhaps on examples that are evaluated here."


@dataclass(frozen=True)
class EvaluatedRun:
    """A run and what it takes to evaluate it.

    Attributes:
        folder: the run folder.
        spec: of the run.
        task: of the run.
        output: what its predictions mean, with what it remembers of its training.
        facts: how it was made, from its report; empty if training was stopped.
        model: of its best epoch, or an exported file in its runtime.
        file: the exported file; None: the folder's `model.keras`.
    """

    folder: RunFolder
    spec: TrainSpec[Any]
    task: tasks.Task
    output: Output
    facts: dict[str, Any]
    model: keras.Model | Any
    file: Path | None = None

    @property
    def path(self) -> str:
        """Return the folder of the run, or the exported file."""
        return str(self.file or self.folder.path)

    def results(self, truth: Any) -> list[Any]:
        """Return its predictions for each example, computed once."""
        return cached_predictions(
            self.file or self.folder.model,
            self.task.modality,
            self.output,
            truth,
            self.folder.path,
            self.model,
        )


def open_evaluated(path: str, options: Mapping[str, Any] | None = None) -> EvaluatedRun:
    """Open a run's folder.

    Args:
        path: the folder.
        options: options of the output that matter for evaluation alone, e.g. {"false_alarms": 50.0}.

    Raises:
        InputError: not a run, a damaged one, one that was stopped before its first epoch ended, or repeats of runs.
    """
    folder, spec = open_run(path)
    if spec.run.repeats > 1:
        raise InputError(f"'{path}' holds {spec.run.repeats} repeats: give one of them, e.g. {path}/repeat-1")
    if not folder.model.is_file():
        raise InputError(
            f"'{path}' holds no {folder.model.name}: its training ended before its first epoch did; start it again "
            f"with python train.py --resume {quote(path)}"
        )
    model = load(folder.model)
    facts, modality = earlier_facts(folder.path), tasks.find(spec.run.task).modality
    task, output = output_of(spec, modality.class_names(model), facts, options)
    return EvaluatedRun(folder, spec, task, output, facts or _unfinished(folder, spec), model)


def output_of(
    spec: TrainSpec[Any],
    class_names: tuple[str, ...],
    facts: Mapping[str, Any],
    options: Mapping[str, Any] | None = None,
) -> tuple[tasks.Task, Output]:
    """Return the task of a run, and what its predictions mean.

    Args:
        spec: of the run.
        class_names: that its model carries.
        facts: its report; may be empty.
        options: see `open_evaluated`.
    """
    task = tasks.find(spec.run.task)
    output = task.output_for(class_names, spec.output).restore(facts)
    known = {item.name for item in fields(output)}
    chosen = {name: value for name, value in (options or {}).items() if name in known}
    return task, replace(output, **chosen)


def _unfinished(folder: RunFolder, spec: TrainSpec[Any]) -> dict[str, Any]:
    planned = sum(phase.epochs for phase in spec.plan) if isinstance(spec, ResolvedSpec) else 0
    warning = (
        f"this run has no report; it was stopped after {finished_epochs(folder)} of {planned} epochs; its best epoch "
        f"so far is evaluated, python train.py --resume {quote(str(folder.path))} continues it"
    )
    return {"task": spec.run.task, "backbone": spec.run.backbone, "warnings": [warning]}


def load_truth(subject: EvaluatedRun, command: EvaluateCommand) -> tuple[Any, dict[str, Any]]:
    """Return the examples to evaluate on, and what the report says of the run and of them.

    Raises:
        InputError: unusable data, or data that does not fit the model.
    """
    modality = subject.task.modality
    truth, findings = modality.read_to_evaluate(
        subject.spec, subject.task, subject.output.class_names, command.flags
    )
    if command.data is None:
        run_data.check_evaluated(subject.folder, modality, truth, findings, command.uses_other_data)
    modality.check_manifest(subject.folder.path, truth)
    # What the report says of the run's own held-out examples does not hold for other ones.
    facts = training_provenance(subject.facts) if command.uses_other_data else dict(subject.facts)
    facts["spec"] = subject.spec.as_dict()  # the report's own has no whole paths
    return truth, {**facts, "data": findings.as_dict()["source"], "findings": findings.as_dict()}


def choose_folder(command: EvaluateCommand) -> Path:
    """Return where the report goes: the run folder, or a new one for other data than its report's, or comparisons.

    Raises:
        InputError: --out exists or cannot be made.
    """
    is_other = (
        command.uses_other_data or command.spec.run.continue_
    )  # whose report covers earlier runs' data, too
    if is_other or command.others or command.out or command.folder.is_signed:
        return next_free_folder(command.out, command.folder.path, "evaluation")
    return command.folder.path


def compare_with(
    other: EvaluatedRun, subject: EvaluatedRun, truth: Any, class_map: Mapping[str, str]
) -> ComparedRun:
    """Return another run's metrics on the examples that a run is evaluated on.

    Args:
        other: the other run.
        subject: the evaluated run.
        truth: the examples, labels in the order of the evaluated run's classes.
        class_map: from the other run's class names to the evaluated run's.

    Raises:
        InputError: another task, other classes, or data that does not fit its model.
    """
    path, modality = other.path, subject.task.modality
    if other.spec.run.task != subject.spec.run.task:
        raise InputError(
            f"'{path}' is a run of {other.spec.run.task}, '{subject.path}' one of {subject.spec.run.task}: only "
            "runs of one task can be compared"
        )
    names = tuple(class_map.get(name, name) for name in other.output.class_names)
    require_same_classes(subject.output.class_names, names, path)
    modality.check_manifest(other.folder.path, truth)
    output = replace(other.output, class_names=names)
    examples = modality.reorder_labels(truth, names)
    return ComparedRun(output.weighted_metrics(examples, other.results(examples)), _note(other, subject))


def _note(other: EvaluatedRun, subject: EvaluatedRun) -> str:
    divided_by = ("data", "val", "split_by", "limit", "class_map", "classes", "split", "train_days")

    def settings(run: EvaluatedRun) -> list[Any]:
        return [getattr(s, n, None) for s in (run.spec.run, run.spec.modality) for n in divided_by]

    return "" if settings(other) == settings(subject) else OTHER_SPLIT


def optional_sections(
    subject: EvaluatedRun, truth: Any, flags: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """Return the sections of a report that flags ask for, such as `robustness` and `explanations`.

    Args:
        subject: the evaluated run.
        truth: the examples.
        flags: of the modality.
        folder: gets the sections' images.

    Raises:
        InputError: a flag that does not fit the task or the data.
    """
    modality = subject.task.modality
    found = modality.additional_metrics(subject.model, subject.output, truth, flags)
    for name in modality.report_sections:
        section = importlib.import_module(f"cityzoo.evaluation.{name}")
        found |= section.evaluate_section(subject, truth, flags, folder)
    return found
