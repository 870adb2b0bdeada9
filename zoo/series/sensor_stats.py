"""Statistics and graphs of sensors that a backbone is built with; graphs come from roads or from correlations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class SensorStatistics:
    """Statistics and graphs of a city's sensors.

    Attributes:
        steps: rows of history per forecast.
        nodes: number of sensors.
        mean: of each channel, in its own unit; the first channel is the one to forecast.
        spread: standard deviation of each channel, in its own unit, above 0.
        graphs: matrices (nodes, nodes) float32; row i holds sensor i's weights of the others, and sums to
            1, or to 0 without neighbors.

    Raises:
        ValueError: fewer than 2 rows, no sensor, a spread of 0 or less, a graph of another size or not finite.

    Example:
        >>> SensorStatistics(12, 2, (50.0,), (10.0,)).channels
        1
        >>> SensorStatistics(12, 2, (50.0,), (10.0,), (np.eye(3),))
        Traceback (most recent call last):
        ...
        ValueError: a graph of 2 sensors has shape (2, 2), received (3, 3)
    """

    steps: int
    nodes: int
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    graphs: tuple[np.ndarray, ...] = ()

    def __post_init__(self) -> None:
        if self.steps < 2 or self.nodes < 1:
            raise ValueError(
                f"a forecast needs 2 rows of history and 1 sensor, received steps={self.steps}, nodes={self.nodes}"
            )
        if len(self.mean) != len(self.spread) or not self.mean:
            raise ValueError(f"each channel has a mean and a spread, received {self.mean} and {self.spread}")
        if not (np.isfinite(self.mean).all() and np.isfinite(self.spread).all() and min(self.spread) > 0):
            raise ValueError(f"means are finite and spreads above 0, received {self.mean} and {self.spread}")
        for graph in self.graphs:
            if np.shape(graph) != (self.nodes, self.nodes):
                raise ValueError(
                    f"a graph of {self.nodes} sensors has shape {(self.nodes, self.nodes)}, received {np.shape(graph)}"
                )
            if not np.isfinite(graph).all():
                raise ValueError("a graph contains NaN or infinite numbers: use 0 for pairs without a road")

    @property
    def channels(self) -> int:
        """Return the number of channels of each sensor."""
        return len(self.mean)


def measure_statistics(
    series: np.ndarray, steps: int, graphs: tuple[np.ndarray, ...] = ()
) -> SensorStatistics:
    """Return the statistics of training rows: mean and spread of each channel over all rows and sensors.

    Args:
        series: (rows, nodes, channels) float, NaN where missing, each channel in its own unit.
        steps: rows of history per forecast.
        graphs: as in `SensorStatistics`.

    Raises:
        ValueError: a channel is missing everywhere or constant.

    Example:
        >>> measure_statistics(np.array([[[1.0]], [[np.nan]], [[3.0]]]), steps=2).mean
        (2.0,)
    """
    observed = np.isfinite(series)
    for channel in range(series.shape[2]):
        values = series[..., channel][observed[..., channel]]
        if not len(values) or values.min() == values.max():
            value = f"{values[0]:g}" if len(values) else "missing"
            raise ValueError(f"channel {channel} is {value} in every training row: remove it")
    known = np.where(observed, series, np.nan).astype(np.float64)
    mean, spread = np.nanmean(known, axis=(0, 1)), np.nanstd(known, axis=(0, 1))
    return SensorStatistics(
        steps, series.shape[1], tuple(mean.tolist()), tuple(spread.tolist()), tuple(graphs)
    )


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
