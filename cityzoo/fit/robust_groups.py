"""Groups for `--robust-groups`: what training examples have in common, by class."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from cityzoo.data.groups import name_camera
from cityzoo.data.image.slices import parse_slice_by
from cityzoo.errors import InputError
from cityzoo.outputs.group_robust import MONITOR, GroupTable, split_weight
from cityzoo.spec import AUTO

if TYPE_CHECKING:
    from cityzoo.fit.context import TrainContext
    from cityzoo.modalities import Dataset, Modality
    from cityzoo.outputs import Output
    from cityzoo.spec import TrainSpec
    from cityzoo.tasks import Task

LOG = logging.getLogger(__name__)
CAMERA, LIGHT = "camera", "light"
MOST = 100  # groups
FLAG, INDEPENDENT = "--robust-groups", "--independent-of"


def add_groups(spec: TrainSpec[Any], task: Task, data: Dataset, output: Output) -> tuple[Task, Output]:
    """Return task and output of a run with `--robust-groups` or `--independent-of`: the worst group chooses the epoch.

    Raises:
        InputError: another flag does not go with it, or the data has no groups of that kind.
    """
    robust, independent = (getattr(output, name, None) for name in ("robust_groups", "independent_of"))
    if not (robust or independent):
        return task, output
    _refuse_other_flags(spec, output)
    if robust:
        return _with_groups(robust, task, data, output)
    try:
        return _with_groups(split_weight(str(independent))[0], task, data, output)
    except InputError as error:
        raise InputError(str(error).replace(FLAG, INDEPENDENT)) from None


def _with_groups(by: str, task: Task, data: Dataset, output: Output) -> tuple[Task, Output]:
    splits = {"train": data.train, "val": data.val, data.held_out.split: data.held_out}
    values = {name: find_values(by, task.modality, split) for name, split in splits.items() if len(split)}
    known = set(values["train"])
    strange = Counter(value for each in values.values() for value in each if value not in known)
    for name, count in strange.most_common(1):
        raise InputError(
            f"{FLAG} '{by}': group '{name}' has {count} held-out {task.modality.unit} and no training example: add "
            "some, or group otherwise"
        )
    pairs = [
        (e.path, v) for name, each in values.items() for e, v in zip(splits[name].examples, each, strict=True)
    ]
    groups = make_table(by, dict(pairs), data.train)
    counted = ", ".join(f"{name} {count}" for name, count in zip(groups.names, groups.counts, strict=True))
    LOG.info("'%s': %d groups of training %s: %s", by, len(groups.names), task.modality.unit, counted)
    return replace(task, monitor=MONITOR), replace(output, groups=groups)  # type: ignore[call-arg]


def _refuse_other_flags(spec: TrainSpec[Any], output: Any) -> None:
    name, other = (FLAG, INDEPENDENT) if output.robust_groups else (INDEPENDENT, FLAG)
    others = {
        other: output.robust_groups and output.independent_of,
        "--teacher": spec.fit.teacher,
        "--continue": spec.run.continue_,
        "--unlabelled": getattr(spec.modality, "unlabelled", None),
        f"--head {getattr(output, 'head', '')}": getattr(output, "head", "linear") != "linear",
    }
    for other, value in others.items():
        if value:
            raise InputError(f"{name} and {other} cannot be combined: remove one of them")


def find_values(by: str, modality: Modality[Any], examples: Any) -> list[str]:
    """Return what each example has in common with others: its camera, light, folder ...

    Args:
        by: "camera": the name of its scene without the date; "light": night, dusk or day by its brightness; else as
            `cityzoo.data.image.slices.parse_slice_by` takes it.
        modality: of the examples.
        examples: the examples.

    Raises:
        InputError: `by` cannot be used, or the examples have no camera or light.
    """
    if by == CAMERA:
        names = [name_camera(scene) for scene in modality.groups(examples)]
        if not any(names):
            raise InputError(
                f"{FLAG} {by}: file names have no camera: give a pattern such as 'cam(\\d+)', or a CSV"
            )
        return [name or "other" for name in names]
    if by == LIGHT:
        masks = modality.slices(examples, AUTO).get("brightness", {})
        if not masks:
            raise InputError(f"{FLAG} {by}: {modality.unit} have no light: give folder, a pattern, or a CSV")
        found = np.full(len(examples), "", object)
        for name, mask in masks.items():
            found[mask] = name
        return found.tolist()
    try:
        return parse_slice_by(by)([each.path for each in examples.examples])
    except InputError as error:
        raise InputError(
            str(error).replace("--slice-by", FLAG).replace("auto, folder", "camera, light, folder")
        ) from None


def make_table(by: str, values: dict[str, str], train: Any) -> GroupTable:
    """Return the groups of training examples.

    Args:
        by: what the flag says.
        values: path -> camera, light ...
        train: the training examples.

    Raises:
        InputError: a single value, more than 100 groups, or values that are the classes.
    """
    table = GroupTable(values, (), ())
    names = [table.name(each, train.class_names) for each in train.examples]
    counts = dict(sorted(Counter(names).items()))
    own = {values[each.path] for each in train.examples}
    classes = {tuple(np.flatnonzero(each.target).tolist()) for each in train.examples}
    if len(own) < 2:
        raise InputError(
            f"{FLAG} '{by}' gives a single group, '{own.pop()}': give what training examples differ in"
        )
    if len(counts) > MOST:
        raise InputError(
            f"{FLAG} '{by}' gives {len(counts)} groups, allowed are {MOST}: use what more examples share"
        )
    if len(counts) == len(own) == len(classes):
        raise InputError(
            f"{FLAG} '{by}' gives the classes themselves ({', '.join(sorted(own)[:3])} ...): give what is to make no "
            "difference, or use --class-weights balanced for rare classes"
        )
    return GroupTable(values, tuple(counts), tuple(counts.values()))


class GroupWeightsCallback(keras.callbacks.Callback):
    """Note the weights of the groups after each epoch, for the report.

    Args:
        context: of the run.
        start: weights of the groups in a resumed run; empty: equal ones.
    """

    def __init__(self, context: TrainContext, start: Sequence[np.ndarray] = ()) -> None:
        super().__init__()
        self.context, self.start = context, start

    def on_train_begin(self, logs: Any = None) -> None:
        if len(self.start):
            self.model.loss.group_weights.assign(self.start[0])

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        weights = keras.ops.convert_to_numpy(self.model.loss.group_weights).tolist()
        names = self.context.output.groups.names  # type: ignore[attr-defined]
        found = {name: {"weight": weight} for name, weight in zip(names, weights, strict=True)}
        self.context.state.solved["group_weights"] = found
