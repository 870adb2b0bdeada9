"""Simple methods that a text model is compared with: the majority class, TF-IDF, class means of frozen embeddings.

They are fitted on the training texts of a run when its folder is written, and lie there.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.data.text.texts import TextDataset, TextSet
from cityzoo.errors import DAMAGE
from cityzoo.modalities.text.cloze import ClozeClassifier
from cityzoo.modalities.text.frozen_embeddings import embed

if TYPE_CHECKING:
    from scipy.sparse import spmatrix

    from cityzoo.outputs import Output

LOG = logging.getLogger(__name__)
FILE = "baselines.npz"
MAJORITY, TFIDF, MEANS = "majority class", "TF-IDF + linear", "nearest class mean"
PROBE = "logistic regression on frozen embeddings"
# Analyzer of scikit-learn, lengths of n-grams, most terms.
TERMS = (("word", (1, 2), 20_000), ("char_wb", (2, 4), 40_000))
NEVER = -30.0  # logit of a class without texts
SHARPNESS = 20.0  # of cosines
MOST_EMBEDDED = 1500  # texts whose embeddings are computed where they are not cached
PROBE_STRENGTH = 30.0  # C of the penalty |w|^2 / 2C, for embeddings of length 1
MOST_PROBED = 2000  # texts that a logistic regression is fitted on: more take long


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
        cloze = _open_cloze(folder, output.class_names)
        arrays |= {"cloze_prior": cloze.measure_prior(texts)} if cloze else {}
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
        if embeddings is not None and "probe_kernel" in arrays:
            logits[PROBE] = embeddings @ arrays["probe_kernel"] + arrays["probe_bias"]
    cloze = _open_cloze(run, output.class_names) if "cloze_prior" in arrays else None
    if cloze:
        scores = cloze.score([each.text for each in texts.examples])
        logits[f"prompt: {cloze.prompt}"] = scores - arrays["cloze_prior"]
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
    n_inside = len(rows)
    embeddings = embed(folder, train, is_cached=True)
    if embeddings is not None:
        embeddings, targets = embeddings[rows], targets[rows]
    else:
        if len(rows) > MOST_EMBEDDED:
            rows = _spread_over_classes(targets, rows)
        chosen = TextSet(train.split, train.class_names, tuple(train.examples[row] for row in rows))
        embeddings, targets = embed(folder, chosen), targets[rows]
    if embeddings is None:
        return {}
    sums = targets.T @ embeddings
    means = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    n_means = len(targets) if len(targets) < n_inside else 0
    found = {"means": means.astype(np.float16), "n_means": np.int64(n_means)}
    return {**found, **(_fit_probe(embeddings, targets) if n_inside == len(targets) <= MOST_PROBED else {})}


def _fit_probe(embeddings: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
    from sklearn.linear_model import LogisticRegression

    labels = targets.argmax(axis=1)
    if len(np.unique(labels)) < 3:  # of two classes there would be one logit
        return {}
    # Centered and scaled, with the penalty scaled alike, the fit is the same. The solver stops at small gradients, and
    # those of embeddings that are nearly equal are small before its first step.
    mean = embeddings.mean(axis=0)
    spread = float(np.sqrt(np.square(embeddings - mean).mean())) or 1.0
    solver = LogisticRegression(C=PROBE_STRENGTH * spread**2, max_iter=200, tol=1e-3)
    fitted = solver.fit((embeddings - mean) / spread, labels)
    coefficients = fitted.coef_ / spread
    kernel = np.zeros((embeddings.shape[1], targets.shape[1]), np.float32)
    bias = np.full(targets.shape[1], NEVER, np.float32)
    kernel[:, fitted.classes_], bias[fitted.classes_] = (
        coefficients.T,
        fitted.intercept_ - coefficients @ mean,
    )
    return {"probe_kernel": kernel, "probe_bias": bias}


def _spread_over_classes(targets: np.ndarray, rows: np.ndarray) -> np.ndarray:
    labels, turn = targets[rows].argmax(axis=1), np.zeros(len(rows), int)
    for label in np.unique(labels):
        turn[labels == label] = np.arange((labels == label).sum())
    return rows[np.argsort(turn, kind="stable")[:MOST_EMBEDDED]]


def _open_cloze(run: Path, class_names: Sequence[str]) -> ClozeClassifier | None:
    """Return what --prompt asked for; None where it did not, or where the encoder's files are gone."""
    from cityzoo.fit.run_files import RunFolder
    from cityzoo.spec_file import read_spec
    from zoo.text import registry

    spec = read_spec(RunFolder(run).spec)
    if not getattr(spec.modality, "prompt", None):
        return None
    try:
        folder = registry.find_folder(spec.run.backbone, download=False)
        return ClozeClassifier(folder, spec.modality.prompt, class_names, spec.modality.max_tokens)
    except ValueError as error:
        LOG.warning("the baseline by --prompt is left out: %s", error)
        return None
