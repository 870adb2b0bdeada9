"""Graphs of sensors: from road weights, or from correlations on the training rows."""

from __future__ import annotations

import numpy as np

TINY = 1e-9


def transition(adjacency: np.ndarray) -> np.ndarray:
    """Return the transition matrix of a random walk along the roads: no self-loops, rows sum to 1.

    Args:
        adjacency: (nodes, nodes) float, weight of the road from row to column, 0 or more; 0: no road.

    Returns:
        (nodes, nodes) float32; rows of sensors without a road are 0.

    Raises:
        ValueError: not square, or a negative or non-finite weight.

    Example:
        >>> transition(np.array([[1, 3, 1], [3, 1, 0], [0, 0, 1]])).tolist()
        [[0.0, 0.75, 0.25], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    roads = np.array(adjacency, np.float64)
    if roads.ndim != 2 or roads.shape[0] != roads.shape[1]:
        raise ValueError(f"the adjacency must be square, received shape {roads.shape}")
    wrong = np.argwhere(~(np.isfinite(roads) & (np.nan_to_num(roads) >= 0)))
    if len(wrong):
        row, column = wrong[0]
        raise ValueError(
            f"row {row + 1}, column {column + 1} of the adjacency is {roads[row, column]:g}: "
            "give the weight of a road, 0 or more (0: no road)"
        )
    np.fill_diagonal(roads, 0)
    return _rows_to_one(roads)


def correlation(values: np.ndarray, neighbors: int = 8, gap: int = 6) -> np.ndarray:
    """Return a graph of correlated sensors, for data without road information.

    Each sensor is connected to those whose changes over `gap` rows correlate best with its own, weighted by
    correlation. Differences, not values, since all sensors of a city share the daily cycle.

    Args:
        values: (rows, nodes) float, NaN where missing; training rows only.
        neighbors: maximum number of connections per sensor.
        gap: number of rows between the two values of a difference.

    Returns:
        (nodes, nodes) float32; rows of sensors without positive correlations are 0.

    Raises:
        ValueError: no neighbors, or not more rows than the gap.

    Example:
        >>> rows = np.random.default_rng(0).normal(size=(99, 2)).cumsum(axis=0)[:, [0, 1, 0]]
        >>> correlation(rows, neighbors=1)[[0, 2]].tolist()
        [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    if neighbors < 1 or not 1 <= gap < len(values):
        raise ValueError(
            f"a correlation graph needs 1 neighbor or more and more rows than the gap, received {neighbors} "
            f"neighbors, {len(values)} rows and a gap of {gap}"
        )
    changes = np.asarray(values[gap:], np.float64) - values[:-gap]
    known = np.isfinite(changes)
    counts = np.maximum(known.sum(axis=0), 1)
    changes = np.where(known, changes - np.where(known, changes, 0).sum(axis=0) / counts, 0)
    changes /= np.sqrt((changes**2).sum(axis=0)) + TINY
    similarity = changes.T @ changes
    np.fill_diagonal(similarity, 0)
    far = np.argsort(-similarity, axis=1, kind="stable")[:, neighbors:]
    np.put_along_axis(similarity, far, 0, axis=1)
    return _rows_to_one(np.maximum(similarity, 0))


def _rows_to_one(weights: np.ndarray) -> np.ndarray:
    sums = weights.sum(axis=1, keepdims=True)
    return np.divide(weights, sums, out=np.zeros_like(weights), where=sums > TINY).astype(np.float32)
