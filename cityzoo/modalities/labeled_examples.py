"""Labeled examples of any kind: targets in the order of other class names, few examples per class, demo data."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.errors import InputError

if TYPE_CHECKING:
    from cityzoo.modalities import Masks
    from cityzoo.spec import TrainSpec
    from cityzoo.tasks import Task

LOG = logging.getLogger(__name__)
MOST_VALUES = 50  # of an attribute: more make no slices


def read_labeled(spec: TrainSpec[Any], task: Task, options: Mapping[str, Any]) -> Any:
    """Read the labeled data, or write the task's demo data; keep --shots training examples of each class.

    Raises:
        InputError: anything about the data that cannot be used.
    """
    shots = spec.modality.shots
    data = task.read(spec.run.data or write_demo(spec, task), spec.reader, **options)
    if shots is None:
        return data
    data = replace(data, train=sample_shots(data.train, shots, spec.run.seed))
    LOG.info("--shots %d: training on %d of them", shots, len(data.train))
    return data


def labeled_options(spec: TrainSpec[Any]) -> dict[str, Any]:
    """Return what a reader of labeled files is given of a run."""
    run, flags = spec.run, spec.modality
    return {
        "format": run.format,
        "classes": flags.classes,
        "class_map": flags.class_map,
        "val": flags.val,
        "limit": run.limit,
        "split_by": flags.split_by,
        "strict": run.strict,
    }


def read_sides(
    spec: TrainSpec[Any],
    task: Task,
    flags: Mapping[str, Any],
    options: Mapping[str, Any],
    other: Mapping[str, Any],
) -> tuple[Any, Any]:
    """Return the examples that evaluate.py's flags name, in one set, and all data.

    Args:
        spec: of the run.
        task: of the run.
        flags: of evaluate.py.
        options: of the task's reader.
        other: what differs of them where evaluate.py is given other data.

    Raises:
        InputError: nothing there.
    """
    given = flags["data"]
    if given:
        options = {**options, "val": None, "classes": (), **other}
    limit = flags["limit"] or (None if given else spec.run.limit)
    found = task.read(
        given or spec.run.data or write_demo(spec, task), spec.reader, **{**options, "limit": limit}
    )
    sides = {"train": found.train, "val": found.val, "test": found.test}
    split = flags["split"] or ("all" if given and not found.has_val_split else "val")
    chosen = [side for side in ([sides[split]] if split != "all" else sides.values()) if side]
    if not chosen:
        raise InputError(f"'{found.findings.source}' has no {split} split: give --split all, or other --data")
    return replace(chosen[0], split=split, examples=tuple(e for side in chosen for e in side.examples)), found


def masks_by_value(values: Mapping[str, Sequence[str]]) -> Masks:
    """Return a mask of each value of attributes that have 2 to 50 of them.

    Example:
        >>> masks = masks_by_value({"place": ["a", "", "a"], "group": ["x", "x", "x"]})
        >>> {by: {value: mask.tolist() for value, mask in each.items()} for by, each in masks.items()}
        {'place': {'none': [False, True, False], 'a': [True, False, True]}}
    """
    return {
        by: {
            value or "none": np.array([each == value for each in all_values])
            for value in sorted(set(all_values))
        }
        for by, all_values in values.items()
        if 1 < len(set(all_values)) <= MOST_VALUES
    }


def write_demo(spec: TrainSpec[Any], task: Task) -> str:
    """Write the task's demo data, unless that has been done, and return its folder.

    Raises:
        InputError: the task has none.
    """
    if task.demo is None:
        raise InputError(f"task '{spec.run.task}' has no demo data: give --data")
    LOG.info("no --data given: training on demo %s", task.modality.unit)
    return str(task.demo().write(seed=spec.run.seed))


def reorder_labels(truth: Any, class_names: Sequence[str]) -> Any:
    """Return the examples with targets that point into the model's class names.

    Raises:
        InputError: a class that the model does not know.
    """
    if tuple(truth.class_names) == tuple(class_names):
        return truth
    nothing = np.zeros(len(truth.class_names))  # of a set without examples
    used = np.sum([nothing, *(each.target for each in truth.examples)], axis=0) > 0
    strange = [
        name
        for name, is_used in zip(truth.class_names, used, strict=True)
        if is_used and name not in class_names
    ]
    if strange:
        raise InputError(
            f"the data has labels of {', '.join(strange[:10])}, which the model does not know: map or drop them, e.g. "
            f"--class-map '{strange[0]}={class_names[0]}' or '{strange[0]}=ignore'"
        )
    places = [class_names.index(name) if name in class_names else -1 for name in truth.class_names]

    def reorder(example: Any) -> Any:
        target = np.zeros(len(class_names), np.float32)
        for value, place in zip(example.target, places, strict=True):
            if place >= 0:
                target[place] = value
        return replace(example, target=target)

    return replace(truth, class_names=tuple(class_names), examples=tuple(map(reorder, truth.examples)))


def sample_shots(examples: Any, shots: int, seed: int) -> Any:
    """Return `shots` random examples of each class, in their order.

    Raises:
        InputError: a class has fewer.
    """
    rng, kept = np.random.default_rng([seed, shots]), set()
    present = np.stack([each.target for each in examples.examples]) > 0
    for name, chosen in zip(examples.class_names, present.T, strict=True):
        rows = np.flatnonzero(chosen)
        if len(rows) < shots:
            raise InputError(
                f"--shots {shots} requires {shots} examples a class, but '{name}' has {len(rows)}: use fewer shots or "
                "add some"
            )
        kept |= set(rng.permutation(rows)[:shots].tolist())
    return replace(examples, examples=tuple(examples.examples[row] for row in sorted(kept)))
