"""Features of rows by frozen encoders, computed once and kept in the feature cache."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.data.multimodal import WINDOWS, MultimodalDataset, MultimodalRow, MultimodalSet
from cityzoo.errors import DAMAGE
from cityzoo.modalities.embedding import WIDEST
from cityzoo.modalities.multimodal.encoders import Encoder, count_cells, open_encoder

LOG = logging.getLogger(__name__)
NAME = "cells.npy"


def add_features(data: MultimodalDataset, encoders: Mapping[str, str], cache: str) -> MultimodalDataset:
    """Return the data with the features of every row.

    Args:
        data: rows.
        encoders: name of the encoder of each modality, see `encoders.open_encoder`.
        cache: as --cache takes it.

    Raises:
        InputError: an encoder that is not there, or cells that it cannot read.
    """
    made = encode_sets([data.train, data.val, *([data.test] if data.test else [])], encoders, cache)
    return replace(data, train=made[0], val=made[1], test=made[2] if data.test else None)


def encode_sets(
    sides: Sequence[MultimodalSet], encoders: Mapping[str, str], cache: str
) -> list[MultimodalSet]:
    """Return sets with the features of every row; arguments and errors as of `add_features`."""
    opened = {modality: open_encoder(modality, name) for modality, name in encoders.items()}
    rows = [row for side in sides for row in side.examples]
    blocks, present = [], []
    for modality, encoder in opened.items():
        here = np.array([modality in row.cells for row in rows])
        found = encode_cells(modality, encoder, [row for row in rows if modality in row.cells], cache)
        block = np.zeros((len(rows), found.shape[1]), np.float32)
        block[here] = found
        blocks.append(block)
        present.append(here.astype(np.float32)[:, None])
    joined = iter(np.concatenate([*blocks, *present], axis=1))
    sizes = {modality: block.shape[1] for modality, block in zip(opened, blocks, strict=True)}
    named = {modality: (encoder.name, encoder.digest) for modality, encoder in opened.items()}
    return [
        replace(
            side,
            examples=tuple(replace(row, features=next(joined)) for row in side.examples),
            sizes=sizes,
            encoders=named,
        )
        for side in sides
    ]


def complete(examples: MultimodalSet, sizes: Mapping[str, int]) -> MultimodalSet:
    """Return the rows with all modalities of a run: zeros for those that no row has.

    Args:
        examples: with features.
        sizes: number of features of each modality of the run.
    """
    rows, present = examples.features(), examples.present()
    ends = np.cumsum(list(examples.sizes.values()))
    known = dict(zip(examples.sizes, np.split(rows[:, : ends[-1]], ends[:-1], axis=1), strict=True))
    there = dict(zip(examples.sizes, present.T.astype(np.float32), strict=True))
    blocks = [known.get(name, np.zeros((len(rows), size), np.float32)) for name, size in sizes.items()]
    flags = [there.get(name, np.zeros(len(rows), np.float32))[:, None] for name in sizes]
    joined = iter(np.concatenate([*blocks, *flags], axis=1))
    return replace(
        examples,
        examples=tuple(replace(row, features=next(joined)) for row in examples.examples),
        sizes=sizes,
    )


def identify(modality: str, value: Any) -> list[Any]:
    """Return what the features of a cell depend on: plain values that change when it changes."""
    if modality == "text":
        return [value]
    if modality in WINDOWS:
        return [hashlib.sha256(value.tobytes()).hexdigest(), list(value.shape)]
    status = Path(value).stat()
    return [str(Path(value).absolute()), status.st_size, status.st_mtime_ns]


def encode_cells(modality: str, encoder: Encoder, rows: Sequence[MultimodalRow], cache: str) -> np.ndarray:
    """Return the features of the cells of one modality, which all rows have, from the cache where they are there.

    Args:
        modality: of the cells.
        encoder: of that modality.
        rows: N of them.
        cache: as --cache takes it.

    Returns:
        (N, D) float32.
    """
    from cityzoo.fit import feature_cache  # of the layer above, for this function alone

    cells = [row.cells[modality] for row in rows]
    kept = feature_cache.choose(cache)
    if kept is None or not cells:
        return encoder.encode(cells)
    about = json.dumps(
        [feature_cache.FORMAT, modality, encoder.digest, [identify(modality, cell) for cell in cells]]
    )
    key = hashlib.sha256(about.encode()).hexdigest()
    folder = kept.entry(key)
    if not feature_cache.make_room(kept, key, len(cells) * WIDEST * 4 * count_cells(encoder.name)):
        return encoder.encode(cells)
    with feature_cache.locked(folder):
        if feature_cache.read_meta(folder, key) == len(cells):
            try:
                return np.load(folder / NAME)
            except DAMAGE as error:
                LOG.warning("cached features '%s' are damaged (%s): computed again", folder, error)
        LOG.info("features of %d cells of %s by %s", len(cells), modality, encoder.name)
        found = encoder.encode(cells)
        np.save(folder / NAME, found)
        feature_cache.write_meta(folder, key, len(cells), len(cells))
    return found
