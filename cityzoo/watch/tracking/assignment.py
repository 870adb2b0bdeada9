"""Assign detections to tracks: overlaps of boxes and the matching of the greatest total weight."""

from __future__ import annotations

import numpy as np


def compute_overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the intersection over union (N, M) of boxes (N, 4) and (M, 4), x1, y1, x2, y2.

    Example:
        >>> compute_overlaps(np.array([[0, 0, 2, 2]]), np.array([[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]])).round(2)
        array([[1.  , 0.33, 0.  ]])
    """
    shared = _intersect(first, second)
    return shared / np.maximum(_areas(first)[:, None] + _areas(second)[None, :] - shared, 1e-9)


def compute_covered_shares(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the share (N,) of each box (N, 4) that the box covering it most of others (M, 4) covers.

    Example:
        >>> compute_covered_shares(np.array([[0, 0, 2, 2], [8, 8, 9, 9]]), np.array([[1, 0, 9, 9]])).tolist()
        [0.5, 1.0]
    """
    return (_intersect(boxes, others) / np.maximum(_areas(boxes), 1e-9)[:, None]).max(axis=1, initial=0)


def _intersect(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    return np.prod(np.maximum(high - low, 0), axis=2)


def _areas(boxes: np.ndarray) -> np.ndarray:
    return np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)


def match_pairs(weights: np.ndarray, minimum: float) -> np.ndarray:
    """Return the pairs (K, 2) of row and column with the greatest sum of weights, each used once at most.

    Pairs whose weight is below `minimum`, which is positive, are never matched. Rows and columns with a single
    candidate are matched at once, which is nearly all of them in traffic; the rest by the Hungarian algorithm.

    Kuhn, "The Hungarian method for the assignment problem", Naval Research Logistics Quarterly, 1955.

    Example:
        >>> match_pairs(np.array([[0.6, 0.5], [0.5, 0.0]]), 0.1).tolist()
        [[1, 0], [0, 1]]
    """
    allowed = weights >= minimum
    alone = allowed & (allowed.sum(1) == 1)[:, None] & (allowed.sum(0) == 1)[None, :]
    pairs = np.argwhere(alone)
    rows, columns = (np.flatnonzero(allowed.any(axis) & ~alone.any(axis)) for axis in (1, 0))
    if not len(rows):
        return pairs
    rest = np.where(allowed, weights, 0)[np.ix_(rows, columns)]
    found = _maximize(rest) if len(rows) <= len(columns) else _maximize(rest.T)[:, ::-1]
    found = found[rest[found[:, 0], found[:, 1]] > 0]
    more = np.stack([rows[found[:, 0]], columns[found[:, 1]]], axis=1)
    return np.concatenate([pairs, more])


def _maximize(weights: np.ndarray) -> np.ndarray:
    """Match every row of (N, M), N <= M, by shortest augmenting paths over potentials."""
    count, width = weights.shape
    costs = np.zeros((count + 1, width + 1))
    costs[1:, 1:] = -weights
    row_potential, column_potential = np.zeros(count + 1), np.zeros(width + 1)
    row_of = np.zeros(width + 1, int)  # row matched to each column; row and column 0 stand for "none"
    for row in range(1, count + 1):
        row_of[0], column = row, 0
        shortest, before = np.full(width + 1, np.inf), np.zeros(width + 1, int)
        used = np.zeros(width + 1, bool)
        while row_of[column]:
            used[column] = True
            here = row_of[column]
            reduced = costs[here] - row_potential[here] - column_potential
            better = ~used & (reduced < shortest)
            shortest[better], before[better] = reduced[better], column
            column = int(np.where(used, np.inf, shortest).argmin())
            step = shortest[column]
            row_potential[row_of[used]] += step
            column_potential[used] -= step
            shortest[~used] -= step
        while column:
            row_of[column], column = row_of[before[column]], before[column]
    return np.array([(row_of[column] - 1, column - 1) for column in range(1, width + 1) if row_of[column]])
