"""Read rows with several modalities, with the features of their cells: to train on, to evaluate on."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo.data.multimodal import (
    MODALITIES,
    MultimodalDataset,
    MultimodalFindings,
    MultimodalSet,
    load_unlabelled,
)
from cityzoo.errors import InputError
from cityzoo.modalities.labeled_examples import read_labeled, reorder_labels, write_demo
from cityzoo.modalities.multimodal.encoders import choose_encoders
from cityzoo.modalities.multimodal.flags import MultimodalFlags

LOG = logging.getLogger(__name__)

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
    if lacking := [name for name in encoders if name not in modalities_of(data)]:
        raise InputError(
            f"no row of '{data.findings.source}' has {' or '.join(lacking)}, with which the run was trained: add "
            "columns, of which single cells may be empty; evaluate.py --predict takes rows without them"
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


def read_to_predict(
    run: Path,
    spec: TrainSpec[MultimodalFlags],
    path: str,
    flags: Mapping[str, Any],
    known: Mapping[str, Mapping[str, Any]],
) -> MultimodalSet:
    """Return rows without labels, with the features that a run's model takes: zeros for what no row has.

    Args:
        run: its folder.
        spec: of the run.
        path: a table, or a folder of them.
        flags: of evaluate.py.
        known: size and digest of the encoder of each modality of the run.

    Raises:
        InputError: nothing usable there, none of the run's modalities, or encoders that are not its own.
    """
    from cityzoo.modalities.multimodal.features import complete, encode_sets

    found = load_unlabelled(path, flags["parts"], spec.modality.align_within, flags["limit"])
    given = {name for row in found.examples for name in row.cells}
    encoders = {name: each for name, each in (spec.modality.encoders or {}).items() if name in given}
    if not encoders:
        raise InputError(
            f"'{path}' has {', '.join(sorted(given))}, but the run was trained on {', '.join(known)}: give some of them"
        )
    if strange := sorted(given - set(encoders)):
        LOG.warning("'%s' has %s, which the run was not trained on: not used", path, ", ".join(strange))
    (examples,) = encode_sets([found], encoders, spec.modality.cache)
    check_encoders(run, known, examples)
    return complete(examples, {name: row["size"] for name, row in known.items()})


def check_encoders(folder: Path, known: Mapping[str, Mapping[str, Any]], examples: MultimodalSet) -> None:
    """Raise InputError if an encoder is not the one that a run was trained with."""
    for modality, (name, digest) in examples.encoders.items():
        if (size := examples.sizes[modality]) != known[modality]["size"]:
            raise InputError(
                f"the encoder of {modality}, {name}, gives {size} features, but '{folder}' was trained with "
                f"{known[modality]['size']}: restore the encoder, or train again"
            )
        if digest != known[modality]["digest"]:
            raise InputError(
                f"the encoder of {modality}, {name}, has other weights than when '{folder}' was trained: restore "
                "it, or train again"
            )
