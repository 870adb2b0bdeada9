"""Folds of the training data: which examples are alike, and one fold held out."""

from __future__ import annotations

import csv
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.backend import compiled
from cityzoo.cli.values import AUTO
from cityzoo.data.groups import group_examples, join_groups, make_folds
from cityzoo.errors import InputError
from cityzoo.replace_file import replace_file

if TYPE_CHECKING:
    from cityzoo.modalities import Dataset, Modality
    from cityzoo.outputs import Output
    from cityzoo.spec import ResolvedSpec, TrainSpec
    from cityzoo.tasks import Task

LOG = logging.getLogger(__name__)
LEVELS = 2  # of a backbone, the coarsest ones
BATCH = 16


@dataclass(frozen=True)
class FoldDataset:
    """Training data of which one fold is held out; val, which the best epoch is chosen by, is that of the data."""

    train: Any
    val: Any
    held_out: Any
    findings: Any


def hold_out_fold(spec: TrainSpec[Any], modality: Modality[Any], data: Dataset) -> FoldDataset:
    """Return the data without the fold of the training examples that `--fold` names, which is held out.

    Raises:
        InputError: fewer groups than folds.
    """
    part, folds = (int(word) for word in str(spec.run.fold).split("/"))
    fold_of = find_folds(group_training(spec.run.group_by, modality, data.train), data.train, folds)
    train, held_out = (
        modality.select(data.train, np.flatnonzero(rows).tolist())
        for rows in (fold_of != part - 1, fold_of == part - 1)
    )
    LOG.info(
        "fold %s: training on %d %s, holding out %d", spec.run.fold, len(train), modality.unit, len(held_out)
    )
    return FoldDataset(train, data.val, replace(held_out, split=f"fold {spec.run.fold}"), data.findings)


def find_folds(groups: np.ndarray, examples: Any, folds: int) -> np.ndarray:
    """Return the fold of each example, (N,) int64 from 0; see `cityzoo.data.groups.make_folds`.

    Raises:
        InputError: fewer groups than folds.
    """
    try:
        return make_folds(groups, class_counts(examples), folds)
    except ValueError as error:
        raise InputError(f"{error}: give fewer --folds, or another --group-by") from error


def class_counts(examples: Any) -> np.ndarray:
    """Return how often each class is in each example, (N, C)."""
    each, classes = examples.examples, max(1, len(examples.class_names))
    if all(getattr(example, "target", None) is not None for example in each):
        return np.stack([example.target for example in each])
    labels = [np.asarray(getattr(example, "labels", ()), int) for example in each]
    return np.stack([np.bincount(row, minlength=classes) for row in labels])


def group_training(
    by: str, modality: Modality[Any], examples: Any, features: np.ndarray | None = None
) -> np.ndarray:
    """Return the group of each example, (N,) int64; examples of one file are one group.

    Args:
        by: see `cityzoo.data.groups.group_examples`, or a CSV file with the columns name and group.
        modality: of the examples.
        examples: the labeled examples.
        features: (N, D), see `embed_examples`; None: not known.

    Raises:
        InputError: `by` cannot be used, or a file that lacks an example.
    """
    names = [_name(each) for each in examples.examples]
    if by.endswith(".csv"):
        return join_groups(_read_groups(Path(by), names))
    hashes = modality.hashes(examples) if features is None and by in (AUTO, "duplicate") else []
    groups = group_examples(modality.groups(examples), by, hashes, features)
    return join_groups(names, groups.tolist())


def _name(example: Any) -> str:
    return str(getattr(example, "name", "") or example.path)


def _read_groups(path: Path, names: list[str]) -> list[str]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = {row[0]: row[1] for row in csv.reader(file) if len(row) == 2}
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(
            f"--group-by '{path}' cannot be read ({error}): give rows of name and group"
        ) from error
    lacking = [name for name in names if name not in rows]
    if lacking:
        raise InputError(
            f"--group-by '{path}' names no group of {len(lacking)} training examples, e.g. '{lacking[0]}': add a row "
            f"such as {lacking[0]},GROUP"
        )
    return [rows[name] for name in names]


def write_groups(path: Path, examples: Any, groups: np.ndarray) -> None:
    """Write a file that `--group-by` reads: name and group of each example."""
    rows = dict(zip(map(_name, examples.examples), groups.tolist(), strict=True))
    with replace_file(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("name", "group"), *rows.items()])


def embed_examples(
    spec: ResolvedSpec[Any], task: Task, output: Output, data: Dataset
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the pooled features of the training and the validation examples by the backbone before training.

    Returns:
        (N, D) and (M, D) float32; None where the modality's examples do not come as a backbone's input alone.
    """
    import keras

    modality = task.modality
    if not modality.supports_clusters:
        return None
    backbone = modality.build(spec, output, data).backbone
    pools = [keras.ops.mean(tensor, axis=(1, 2)) for tensor in list(backbone.output.values())[-LEVELS:]]
    run = compiled(keras.Model(backbone.input, keras.ops.concatenate(pools, axis=-1)))
    found = []
    for examples in (data.train, data.val):
        views = modality.views(spec, output, FoldDataset(data.train, examples, examples, data.findings))[1]
        rows = [(row, 0) for row in range(len(examples))]
        batches = views.batches(lambda rows=rows: iter(rows), BATCH)
        found.append(np.concatenate([np.asarray(run(inputs), np.float32) for inputs, _, _ in batches]))
    return found[0], found[1]
