"""Simple methods that a text model is compared with: the majority class, TF-IDF, class means of frozen embeddings.

They are fitted on the training texts of a run when its folder is written, and lie there.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.data.text.texts import TextDataset, TextSet
from cityzoo.errors import DAMAGE

if TYPE_CHECKING:
    import keras
    from scipy.sparse import spmatrix

    from cityzoo.outputs import Output

LOG = logging.getLogger(__name__)
FILE = "baselines.npz"
MAJORITY, TFIDF, MEANS = "majority class", "TF-IDF + linear", "nearest class mean"
# Analyzer of scikit-learn, lengths of n-grams, most terms.
TERMS = (("word", (1, 2), 20_000), ("char_wb", (2, 4), 40_000))
NEVER = -30.0  # logit of a class without texts
SHARPNESS = 20.0  # of cosines
MOST_EMBEDDED = 1500  # texts whose embeddings are computed where they are not cached


def fit(folder: Path, data: TextDataset, output: Output) -> None:
    """Fit the baselines on the training texts and write them into a run's folder."""
    targets = np.stack([each.target for each in data.train.examples])
    several, inside = getattr(output, "several", False), targets.sum(axis=1) > 0
    texts = [each.text for each in data.train.examples]
    arrays: dict[str, np.ndarray] = {"majority": _majority(targets, several)}
    if not several:  # what is outside of all classes trains nothing
        texts, targets = [text for text, is_in in zip(texts, inside, strict=True) if is_in], targets[inside]
    arrays |= _fit_tfidf(texts, targets, several)
    if not several:
        arrays |= _fit_means(folder, data.train)
    np.savez_compressed(folder / FILE, allow_pickle=False, **arrays)


def predict(run: Path, texts: TextSet, output: Output) -> dict[str, list[Any]]:
    """Return the results of the baselines in a run's folder, by name; none where they do not lie."""
    try:
        with np.load(run / FILE, allow_pickle=False) as loaded:
            arrays = dict(loaded)
    except FileNotFoundError:
        return {}
    except DAMAGE as error:
        LOG.warning("the baselines '%s' are damaged (%s): left out", run / FILE, error)
        return {}
    logits = {
        MAJORITY: np.repeat(arrays["majority"][None], len(texts), axis=0),
        TFIDF: _tfidf_logits([each.text for each in texts.examples], arrays),
    }
    if "means" in arrays:
        embeddings = embed(run, texts)
        if embeddings is not None:
            name = MEANS if arrays["n_means"] == 0 else f"{MEANS} of {arrays['n_means']} texts"
            logits[name] = SHARPNESS * embeddings @ arrays["means"].astype(np.float32).T
    return {name: output.decode(each, None, texts.examples) for name, each in logits.items()}


def _majority(targets: np.ndarray, several: bool) -> np.ndarray:
    shares = np.clip(targets.mean(axis=0), np.exp(NEVER), 1 - np.exp(NEVER))
    return (np.log(shares) - np.log1p(-shares) if several else np.log(shares)).astype(np.float32)


def _fit_tfidf(texts: Sequence[str], targets: np.ndarray, several: bool) -> dict[str, np.ndarray]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    arrays: dict[str, np.ndarray] = {}
    for kind, lengths, most in TERMS:
        vectorizer = TfidfVectorizer(
            analyzer=kind, ngram_range=lengths, max_features=most, sublinear_tf=True
        ).fit(texts)
        arrays[f"{kind}_terms"] = vectorizer.get_feature_names_out().astype(str)
        arrays[f"{kind}_idf"] = vectorizer.idf_.astype(np.float32)
    rows, labels = _tfidf_rows(texts, arrays), targets.argmax(axis=1)
    kernel = np.zeros((rows.shape[1], targets.shape[1]), np.float16)
    bias = np.full(targets.shape[1], NEVER, np.float32)
    for column, known in enumerate(targets.T > 0):
        if known.all() or not known.any():
            bias[column] = -NEVER if known.all() else NEVER
        elif several:
            fitted = LinearSVC(tol=1e-3).fit(rows, known)
            kernel[:, column], bias[column] = fitted.coef_[0], fitted.intercept_[0]
    if not several and len(np.unique(labels)) > 1:
        fitted = LinearSVC(tol=1e-3).fit(rows, labels)
        kernel[:, fitted.classes_] = (
            fitted.coef_.T if len(fitted.coef_) > 1 else np.stack([-fitted.coef_[0], fitted.coef_[0]], 1) / 2
        )
        one = fitted.intercept_
        bias[fitted.classes_] = one if len(one) > 1 else np.array([-one[0], one[0]]) / 2
    return {**arrays, "kernel": kernel, "bias": bias}


def _tfidf_rows(texts: Sequence[str], arrays: Mapping[str, np.ndarray]) -> spmatrix:
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer

    parts = []
    for kind, lengths, _ in TERMS:
        vectorizer = TfidfVectorizer(
            analyzer=kind,
            ngram_range=lengths,
            vocabulary=arrays[f"{kind}_terms"].tolist(),
            sublinear_tf=True,
        )
        vectorizer.idf_ = arrays[f"{kind}_idf"].astype(np.float64)
        parts.append(vectorizer.transform(texts))
    return hstack(parts).tocsr()


def _tfidf_logits(texts: Sequence[str], arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    return _tfidf_rows(texts, arrays) @ arrays["kernel"].astype(np.float32) + arrays["bias"]


def _fit_means(folder: Path, train: TextSet) -> dict[str, np.ndarray]:
    """Return class means of embeddings of length 1, as they were before fine-tuning; nothing without an encoder."""
    targets = np.stack([each.target for each in train.examples])
    rows = np.flatnonzero(targets.sum(axis=1) > 0)
    embeddings = embed(folder, train, is_cached=True)
    if embeddings is None:
        if len(rows) > MOST_EMBEDDED:
            rows = _spread_over_classes(targets, rows)
        chosen = TextSet(train.split, train.class_names, tuple(train.examples[row] for row in rows))
        embeddings, targets = embed(folder, chosen), targets[rows]
    if embeddings is None:
        return {}
    sums = targets.T @ embeddings
    means = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    n_means = len(targets) if len(targets) < len(train) and len(rows) == MOST_EMBEDDED else 0
    return {"means": means.astype(np.float16), "n_means": np.int64(n_means)}


def _spread_over_classes(targets: np.ndarray, rows: np.ndarray) -> np.ndarray:
    labels, turn = targets[rows].argmax(axis=1), np.zeros(len(rows), int)
    for label in np.unique(labels):
        turn[labels == label] = np.arange((labels == label).sum())
    return rows[np.argsort(turn, kind="stable")[:MOST_EMBEDDED]]


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
    return None if found is None else found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)


def _pooled(model: keras.Model, texts: TextSet) -> np.ndarray:
    import keras

    from cityzoo.backend import compiled
    from cityzoo.modalities.text.build import tokenizer_of

    pooled = keras.Model(model.inputs[0], model.get_layer("pooled").output)
    tokenizer, run, rows = tokenizer_of(model), compiled(pooled), [each.text for each in texts.examples]
    order = np.argsort(np.minimum(tokenizer.lengths(rows), tokenizer.max_length), kind="stable")
    found = np.zeros((len(rows), pooled.output.shape[-1]), np.float32)
    for start in range(0, len(rows), 64):
        chosen = order[start : start + 64]
        found[chosen] = np.asarray(run(tokenizer([rows[row] for row in chosen])))
    return found


def _find_cached(run: Path, model: keras.Model, texts: TextSet) -> np.ndarray | None:
    """Return the features of these texts that training has cached, if a few of them are what the model computes."""
    some = np.unique(np.linspace(0, len(texts) - 1, 4).astype(int))
    probe = TextSet(texts.split, texts.class_names, tuple(texts.examples[row] for row in some))
    wanted, targets = None, np.stack([each.target for each in texts.examples])
    for features in _cached_features(run, targets):
        wanted = _pooled(model, probe) if wanted is None else wanted
        if features.shape[1:] == wanted.shape[1:] and np.allclose(features[some], wanted, atol=5e-3):
            return np.asarray(features, np.float32)
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
