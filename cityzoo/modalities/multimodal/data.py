"""Read rows with several modalities, with the features of their cells: to train on, to evaluate on."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo.data.multimodal import (
    MODALITIES,
    MultimodalDataset,
    MultimodalSet,
    load_unlabelled,
)
from cityzoo.errors import InputError
from cityzoo.modalities.multimodal.encoders import choose_encoders
from cityzoo.modalities.multimodal.flags import MultimodalFlags

LOG = logging.getLogger(__name__)

if TYPE_CHECKING:
    from cityzoo.spec import TrainSpec


def encode(data: MultimodalDataset, spec: TrainSpec[MultimodalFlags]) -> MultimodalDataset:
    """Return the rows with their features, by the run's encoders or, before it has any, by those that fit the rows.

    Raises:
        InputError: a single modality, rows without one that the run has, or encoders that cannot be used.
    """
    flags = spec.modality
    encoders = choose_encoders(flags.encoders or {}, modalities_of(data))
    return _add_features(data, encoders, flags.cache)


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
