"""Read rows with several modalities, with the features of their cells: to train on, to evaluate on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cityzoo.data.multimodal import MODALITIES, MultimodalDataset, MultimodalFindings, MultimodalSet
from cityzoo.errors import InputError
from cityzoo.modalities.labeled_examples import read_labeled, reorder_labels, write_demo
from cityzoo.modalities.multimodal.encoders import choose_encoders
from cityzoo.modalities.multimodal.flags import MultimodalFlags

if TYPE_CHECKING:
    from cityzoo.spec import TrainSpec
    from cityzoo.tasks import Task


def read(spec: TrainSpec[MultimodalFlags], task: Task) -> MultimodalDataset:
    """Read the labeled rows, or write the task's demo data, and compute their features.

    Raises:
        InputError: anything about the data or the encoders that cannot be used.
    """
    flags = spec.modality
    data = read_labeled(spec, task, _options(spec))
    return _add_features(data, choose_encoders(flags.encoders or {}, modalities_of(data)), flags.cache)


def modalities_of(data: MultimodalDataset) -> list[str]:
    """Return the modalities that any row has, in the order of the features."""
    return [name for name in MODALITIES if data.findings.modalities.get(name)]


def _add_features(data: MultimodalDataset, encoders: Mapping[str, str], cache: str) -> MultimodalDataset:
    from cityzoo.modalities.multimodal.features import add_features

    if len(encoders) < 2:
        raise InputError(
            f"'{data.findings.source}' has {' and '.join(encoders)} alone: there is nothing to fuse; train a task on it"
        )
    empty = [n for n in encoders if not any(n in row.cells for row in data.train.examples)]
    if empty and len(data.train):
        raise InputError(f"no training row of '{data.findings.source}' has {empty[0]}: move some there")
    return add_features(data, encoders, cache)


def _options(spec: TrainSpec[MultimodalFlags]) -> dict[str, Any]:
    run, flags = spec.run, spec.modality
    return {
        "parts": flags.parts,
        "within": flags.align_within,
        "classes": flags.classes,
        "val": flags.val,
        "limit": run.limit,
        "strict": run.strict,
    }


def read_to_evaluate(
    spec: TrainSpec[MultimodalFlags], task: Task, class_names: Sequence[str], flags: Mapping[str, Any]
) -> tuple[MultimodalSet, MultimodalFindings]:
    """Return the rows that evaluate.py's flags name, labels in the order of the model's classes, and the findings.

    Raises:
        InputError: nothing there, or classes that the model does not have.
    """
    options = _options(spec)
    if flags["data"]:
        options |= {"val": None, "classes": (), "is_whole": True, "parts": flags["parts"]}
    options["limit"] = flags["limit"] or (None if flags["data"] else spec.run.limit)
    found = task.read(flags["data"] or spec.run.data or write_demo(spec, task), spec.reader, **options)
    encoders = spec.modality.encoders or choose_encoders({}, modalities_of(found))
    sides = {"train": found.train, "val": found.val, "test": found.test}
    split = flags["split"] or ("all" if flags["data"] and not found.has_val_split else "val")
    chosen = [side for side in ([sides[split]] if split != "all" else sides.values()) if side]
    if not chosen:
        raise InputError(f"'{found.findings.source}' has no {split} split: give --split all, or other --data")
    rows = tuple(row for side in chosen for row in side.examples)
    alone = replace(
        found, train=replace(found.train, examples=()), val=replace(chosen[0], examples=rows), test=None
    )
    truth = replace(_add_features(alone, encoders, spec.modality.cache).val, split=split)
    return reorder_labels(truth, class_names), found.findings
