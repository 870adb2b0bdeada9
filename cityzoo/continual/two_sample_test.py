"""Classifier two-sample test: whether a classifier can tell new examples from those of a reference.

Lopez-Paz & Oquab 2017, "Revisiting classifier two-sample tests" (arXiv 1610.06545). Examples of one scene or minute are
alike: folds and permutations keep such clusters together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cityzoo.data.groups import number_groups, standardize

COMPONENTS = 64  # principal ones that the classifier sees
FOLDS = 5
STRENGTH = 1.0  # C of the penalty |w|^2 / 2C
NEWTON_STEPS = 8
LEAST_CLUSTERS = 12  # of either sample: with fewer a permutation says little
PERMUTATIONS = 199


class TwoSampleTest(NamedTuple):
    """Result of the test.

    Attributes:
        auc: of telling new examples from reference ones, cross-validated; 0.5: by chance, 1: always.
        p_value: share of permutations of whole clusters with at least that AUC, itself among them.
    """

    auc: float
    p_value: float


def cluster_examples(groups: np.ndarray, least: int = LEAST_CLUSTERS) -> np.ndarray:
    """Return clusters of examples, (N,) int64: groups, cut into consecutive parts where there are few large ones.

    No cluster has more than a `least`-th of the examples: frames of a single camera become its hours or minutes.

    Args:
        groups: (N,) int, of examples in the order in which they were recorded.
        least: number of clusters.

    Example:
        >>> cluster_examples(np.array([0] * 6 + [1] * 2), least=4).tolist()
        [0, 0, 1, 1, 2, 2, 3, 3]
    """
    most = max(1, len(groups) // least)
    labels = np.empty((len(groups), 2), np.int64)
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        parts = -(-len(rows) // most)
        labels[rows] = np.stack(
            [np.full(len(rows), group), np.arange(len(rows)) * parts // len(rows)], axis=1
        )
    return number_groups([tuple(row) for row in labels.tolist()])


def reduce_features(features: np.ndarray, components: int = COMPONENTS) -> np.ndarray:
    """Return the principal components of standardized features, each of variance 1 or less, (N, K) float32.

    Args:
        features: (N, D), of both samples.
        components: K at most.
    """
    rows = standardize(features)
    rows -= rows.mean(axis=0)
    left, values, _ = np.linalg.svd(rows, full_matrices=False)
    kept = min(components, len(values), max(2, len(rows) // 4))
    scores = left[:, :kept] * values[:kept]
    return (scores / (scores[:, :1].std() + 1e-9)).astype(np.float32)


def cross_validated_auc(rows: np.ndarray, is_new: np.ndarray, clusters: np.ndarray, seed: int = 0) -> float:
    """Return the AUC of a logistic regression that tells new rows from others, over folds of whole clusters.

    Args:
        rows: (N, K), see `reduce_features`.
        is_new: (N,) bool.
        clusters: (N,) int; a cluster is new or not as a whole.
        seed: of the folds.

    Example:
        >>> rows, is_new = np.linspace(-1, 1, 40)[:, None], np.arange(40) >= 20
        >>> cross_validated_auc(rows, is_new, np.arange(40))
        1.0
    """
    fold_of, scores = _deal_folds(is_new, clusters, seed), np.zeros(len(rows))
    rows = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
    for fold in range(FOLDS):
        train, test = fold_of != fold, fold_of == fold
        scores[test] = rows[test] @ _fit_logistic(rows[train], is_new[train])
    return roc_auc(is_new, scores)


def roc_auc(is_new: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the ROC curve: the share of pairs in which the new one has the higher score.

    Args:
        is_new: (N,) bool, both values.
        scores: (N,).

    Example:
        >>> roc_auc(np.array([True, True, False, False]), np.array([3.0, 1.0, 2.0, 1.0]))
        0.625
    """
    from scipy.stats import rankdata

    news, others = int(is_new.sum()), int((~is_new).sum())
    return float((rankdata(scores)[is_new].sum() - news * (news + 1) / 2) / (news * others))


def _fit_logistic(rows: np.ndarray, is_new: np.ndarray) -> np.ndarray:
    """Return the weights of a penalized logistic regression, both samples of equal weight, by Newton's method.

    The test fits thousands of them: scikit-learn's solvers need milliseconds for what takes tenths of one here.
    """
    share = is_new.mean()
    weights = np.where(is_new, 0.5 / max(share, 1e-9), 0.5 / max(1 - share, 1e-9))
    penalty = np.append(np.full(rows.shape[1] - 1, 1 / STRENGTH), 1e-6)  # the last column is the constant
    found = np.zeros(rows.shape[1])
    for _ in range(NEWTON_STEPS):
        shares = 1 / (1 + np.exp(-rows @ found))
        slope = rows.T @ (weights * (is_new - shares)) - penalty * found
        curvature = (rows.T * (weights * shares * (1 - shares))) @ rows + np.diag(penalty)
        found += np.linalg.solve(curvature, slope)
    return found


def _deal_folds(is_new: np.ndarray, clusters: np.ndarray, seed: int) -> np.ndarray:
    """Return the fold of each row: clusters of either sample in turn, in random order."""
    rng, fold_of = np.random.default_rng(seed), np.zeros(len(clusters), np.int64)
    for side in (is_new, ~is_new):
        names, places = np.unique(clusters[side], return_inverse=True)
        fold_of[side] = (np.argsort(rng.permutation(len(names))) % FOLDS)[places]
    return fold_of


def compare_samples(
    rows: np.ndarray,
    is_new: np.ndarray,
    clusters: np.ndarray,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> TwoSampleTest:
    """Run the test, with its p value from permutations of whole clusters.

    Args:
        rows: (N, K) of both samples, see `reduce_features`.
        is_new: (N,) bool.
        clusters: (N,) int; a cluster is new or not as a whole.
        permutations: number of them; 0: the p value is NaN.
        seed: of folds and permutations.
    """
    rng = np.random.default_rng(seed)
    auc = cross_validated_auc(rows, is_new, clusters, seed)
    names, places = np.unique(clusters, return_inverse=True)
    count = len(np.unique(clusters[is_new]))
    as_high = 0
    for number in range(permutations):
        chosen = np.zeros(len(names), bool)
        chosen[rng.choice(len(names), count, replace=False)] = True
        as_high += cross_validated_auc(rows, chosen[places], clusters, seed + 1 + number) >= auc
    return TwoSampleTest(auc, (1 + as_high) / (1 + permutations) if permutations else float("nan"))
