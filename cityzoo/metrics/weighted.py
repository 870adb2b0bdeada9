"""Arithmetic of weighed figures: what a figure is when some images count more often than others, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from cityzoo.outputs import WeightedMetrics

BLOCK = 2_000_000  # numbers of one array at a time: 16 MB, of which some six are there at once


def map_in_blocks(figures: WeightedMetrics, images: int) -> WeightedMetrics:
    """Return a function that works through resamples some at a time, so that memory stays small however many there are.

    Args:
        figures: (R, N) weights -> figure -> (R,) float64.
        images: N.

    Example:
        >>> totals = map_in_blocks(lambda weights: {"total": weights.sum(axis=1)}, images=2)
        >>> totals(np.ones((3, 2)))["total"].tolist()
        [2.0, 2.0, 2.0]
    """
    step = max(1, BLOCK // max(images, 1))

    def weighed(weights: np.ndarray) -> dict[str, np.ndarray]:
        weights = np.asarray(weights, np.float64)
        parts = [figures(weights[row : row + step]) for row in range(0, max(len(weights), 1), step)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    return weighed


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole, NaN where the whole is 0.

    Example:
        >>> share(np.array([1.0, 0.0]), np.array([4.0, 0.0])).tolist()
        [0.25, nan]
    """
    part, whole = np.broadcast_arrays(part, whole)
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def nanmean_weighted(values: np.ndarray) -> np.ndarray:
    """Return the mean of each row of (R, C) over what is not NaN; NaN where all of it is.

    Example:
        >>> nanmean_weighted(np.array([[1.0, np.nan, 0.5], [np.nan] * 3])).tolist()
        [0.75, nan]
    """
    known = ~np.isnan(values)
    return share(np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1))


def ranking(true: np.ndarray, scores: np.ndarray) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return what gives the AUROC and the average precision of a ranking, for weights of what is ranked.

    Equal scores are one step of the curve, so that their order does not matter, as in scikit-learn's
    `roc_auc_score` and `average_precision_score` with `sample_weight`.

    Args:
        true: (N,) bool.
        scores: (N,) float, higher where it is said to be true.

    Returns:
        (R, N) weights -> (R,) AUROC, NaN without anything true or without anything else, and (R,) average precision,
        NaN without anything true.

    Example:
        >>> measured = ranking(np.array([True, False, True]), np.array([0.9, 0.5, 0.5]))
        >>> [values.tolist() for values in measured(np.array([[1.0, 1, 1], [1, 1, 0]]))]
        [[0.75, 1.0], [0.8333333333333333, 1.0]]
    """
    order = np.argsort(-scores, kind="stable")
    true, scores = true[order], scores[order]
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))  # of each run of equal scores

    def measured(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ordered = weights[:, order]
        found = np.cumsum(ordered * true, axis=1)[:, ends]
        false = np.cumsum(ordered * ~true, axis=1)[:, ends]
        more_found, more_false = np.diff(found, prepend=0.0), np.diff(false, prepend=0.0)
        area = (more_false * (found - more_found / 2)).sum(axis=1)
        precise = found / np.maximum(
            found + false, np.finfo(float).tiny
        )  # 0 / 0 stands where nothing more is found
        all_found, all_false = found[:, -1], false[:, -1]
        return share(area, all_found * all_false), share((more_found * precise).sum(axis=1), all_found)

    return measured
