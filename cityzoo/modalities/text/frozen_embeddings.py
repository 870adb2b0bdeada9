"""Embeddings of texts by a run's encoder as it was before fine-tuning."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from cityzoo.data.text.texts import TextSet
from cityzoo.errors import DAMAGE
from cityzoo.modalities.text.views import rows_by_length
from zoo.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    import keras

BATCH_SIZE = 64


def embed(run: Path, texts: TextSet, is_cached: bool = False) -> np.ndarray | None:
    """Return embeddings of length 1 by the encoder before fine-tuning, (N, C) float32; None where there is none.

    Args:
        run: folder with before.keras.
        texts: N of them.
        is_cached: return None if they do not lie in the feature cache.
    """
    from cityzoo.fit.run_files import RunFolder
    from cityzoo.model import load

    before = RunFolder(run).before
    if not before.is_file():
        return None
    model = load(before)
    if not any(layer.name == "embed_tokens" for layer in model.layers):
        return None
    found = _find_cached(run, model, texts)
    if found is None and not is_cached:
        found = _pooled(model, texts)
    return None if found is None else _normalize(found)


def _normalize(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def _pooled(model: keras.Model, texts: TextSet) -> np.ndarray:
    import keras

    from cityzoo.backend import compiled
    from cityzoo.modalities.text.build import tokenizer_of

    pooled = keras.Model(model.inputs[0], model.get_layer("pooled").output)
    tokenizer = cast(Tokenizer, tokenizer_of(model))
    run, rows = compiled(pooled), [each.text for each in texts.examples]
    order = np.argsort(np.minimum(tokenizer.lengths(rows), tokenizer.max_length), kind="stable")
    found = np.zeros((len(rows), pooled.output.shape[-1]), np.float32)
    for start in range(0, len(rows), BATCH_SIZE):
        chosen = order[start : start + BATCH_SIZE]
        found[chosen] = np.asarray(run(tokenizer([rows[row] for row in chosen])))
    return found


def _find_cached(run: Path, model: keras.Model, texts: TextSet) -> np.ndarray | None:
    """Return the features of these texts that training has cached, if a few of them are what the model computes."""
    some = np.unique(np.linspace(0, len(texts) - 1, 4).astype(int))
    probe = TextSet(texts.split, texts.class_names, tuple(texts.examples[row] for row in some))
    wanted, targets = None, np.stack([each.target for each in texts.examples])
    for order in (np.arange(len(texts)), np.array(rows_by_length(texts))):  # of val, and of train
        places = np.argsort(order)
        for features in _cached_features(run, targets[order]):
            wanted = _normalize(_pooled(model, probe)) if wanted is None else wanted
            if features.shape[1:] != wanted.shape[1:]:
                continue
            if np.allclose(_normalize(np.asarray(features[places[some]], np.float32)), wanted, atol=1e-3):
                return np.asarray(features, np.float32)[places]
    return None


def _cached_features(run: Path, targets: np.ndarray) -> Iterator[np.ndarray]:
    """Yield complete features in the run's cache of as many texts with the same targets, memory-mapped."""
    from cityzoo.fit import feature_cache
    from cityzoo.fit.run_files import RunFolder
    from cityzoo.spec_file import read_spec

    cache = feature_cache.choose(getattr(read_spec(RunFolder(run).spec).modality, "cache", "off"))
    for meta in sorted(cache.folder.glob(f"*/{feature_cache.META}")) if cache else ():
        for name in ("pooled", "embedding"):
            try:
                own = np.load(meta.parent / "targets.npy", mmap_mode="r")
                if own.shape == targets.shape and np.array_equal(own, targets):
                    yield np.load(meta.parent / f"{name}.npy", mmap_mode="r")
            except DAMAGE:
                continue
