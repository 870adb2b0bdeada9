"""Graphs of sensors: from a table of roads, or from how sensors moved together on the training rows."""

from __future__ import annotations

import numpy as np

TINY = 1e-9


def transition(adjacency: np.ndarray) -> np.ndarray:
    """Return the graph of a walk along the roads: each row without its own sensor, summing to 1.

    Args:
        adjacency: (nodes, nodes) float, weight of the road from row to column, 0 or more, 0 where there is none.

    Returns:
        (nodes, nodes) float32; rows of sensors without a road are 0.

    Raises:
        ValueError: not square, a number below 0 or not finite.

    Example:
        >>> transition(np.array([[1, 3, 1], [3, 1, 0], [0, 0, 1]])).tolist()
        [[0.0, 0.75, 0.25], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    roads = np.array(adjacency, np.float64)
    if roads.ndim != 2 or roads.shape[0] != roads.shape[1]:
        raise ValueError(f"an adjacency has as many rows as columns, received shape {roads.shape}")
    wrong = np.argwhere(~(np.isfinite(roads) & (np.nan_to_num(roads) >= 0)))
    if len(wrong):
        row, column = wrong[0]
        raise ValueError(
            f"row {row + 1}, column {column + 1} of the adjacency is {roads[row, column]:g}: "
            "give the weight of a road, 0 or more, 0 where there is none"
        )
    np.fill_diagonal(roads, 0)
    return _rows_to_one(roads)


def correlation(values: np.ndarray, neighbours: int = 8, gap: int = 6) -> np.ndarray:
    """Return the graph of sensors whose changes go together, where nobody has said how the roads run.

    Each sensor looks at the few others whose changes over `gap` rows correlate best with its own, the better the
    more. Differences, not values: all sensors of a city share its days.

    Args:
        values: (rows, nodes) float, NaN where missing; training rows alone.
        neighbours: others that a sensor looks at, at most.
        gap: rows that a change is taken over.

    Returns:
        (nodes, nodes) float32; rows of sensors that resemble none are 0.

    Raises:
        ValueError: no neighbour asked for, or not more rows than the gap.

    Example:
        >>> rows = np.random.default_rng(0).normal(size=(99, 2)).cumsum(axis=0)[:, [0, 1, 0]]
        >>> correlation(rows, neighbours=1)[[0, 2]].tolist()
        [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    if neighbours < 1 or not 1 <= gap < len(values):
        raise ValueError(
            f"a graph of changes needs 1 neighbour and more rows than the gap, received {neighbours} neighbours, "
            f"{len(values)} rows and a gap of {gap}"
        )
    changes = np.asarray(values[gap:], np.float64) - values[:-gap]
    known = np.isfinite(changes)
    counts = np.maximum(known.sum(axis=0), 1)
    changes = np.where(known, changes - np.where(known, changes, 0).sum(axis=0) / counts, 0)
    changes /= np.sqrt((changes**2).sum(axis=0)) + TINY
    alike = changes.T @ changes
    np.fill_diagonal(alike, 0)
    far = np.argsort(-alike, axis=1, kind="stable")[:, neighbours:]
    np.put_along_axis(alike, far, 0, axis=1)
    return _rows_to_one(np.maximum(alike, 0))


def _rows_to_one(weights: np.ndarray) -> np.ndarray:
    sums = weights.sum(axis=1, keepdims=True)
    return np.divide(weights, sums, out=np.zeros_like(weights), where=sums > TINY).astype(np.float32)
