"""Statistics of a set of sensors that a backbone is built with, measured on the training rows."""

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
