"""Evaluation protocol of the T-GCN paper, for comparison with published results."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cityzoo.errors import InputError

STEPS = 12


@dataclass(frozen=True)
class TgcnProtocol:
    """Windows and errors of T-GCN (Zhao et al. 2020, arXiv 1811.05320, and its released code).

    The last `rows - int(0.8 * rows)` rows are test rows. A window is 12 rows of history and `h` rows to forecast, both
    within the test rows; windows start at every row except the last possible one, as in the released code. Errors are
    averaged over all windows, all sensors and all steps 1..h; RMSE is the root of the mean squared error. Each horizon
    h has its own windows: fewer for a longer one.

    Attributes:
        rows: total number.
        share: of the rows before the test rows, 0..1.
        steps: rows of history.

    Raises:
        InputError: too few rows for a window.

    Example:
        >>> protocol = TgcnProtocol(2016)
        >>> protocol.first_test, protocol.windows(3), protocol.windows(12)
        (1612, 389, 380)
    """

    rows: int
    share: float = 0.8
    steps: int = STEPS

    def __post_init__(self) -> None:
        if self.windows(1) < 1:
            raise InputError(
                f"{self.rows} rows leave {self.rows - self.first_test} to test on: a window of {self.steps} and "
                f"1 ahead needs {self.steps + 2}; give more rows"
            )

    @property
    def first_test(self) -> int:
        """Position of the first test row."""
        return int(self.rows * self.share)

    def windows(self, horizon: int) -> int:
        """Return the number of windows of a horizon."""
        return self.rows - self.first_test - self.steps - horizon

    def origins(self, horizon: int) -> np.ndarray:
        """Return the last row of history of each window, (windows,) int."""
        return self.first_test + self.steps - 1 + np.arange(self.windows(horizon))

    def errors(
        self, values: np.ndarray, forecast: np.ndarray, horizons: tuple[int, ...]
    ) -> dict[int, dict[str, float]]:
        """Return MAE and RMSE of each horizon, in the unit of the values, over the measurements.

        Args:
            values: (rows, nodes) float, NaN where missing.
            forecast: (windows, steps ahead, nodes) float, of the origins of the shortest horizon.
            horizons: in rows, rising.

        Example:
            >>> values = np.arange(100.0)[:, None]
            >>> protocol = TgcnProtocol(100)
            >>> stays = np.repeat(values[protocol.origins(1)][:, None], 2, axis=1)
            >>> protocol.errors(values, stays, (1, 2))[2]
            {'mae': 1.5, 'rmse': 1.5811388300841898}
        """
        found = {}
        for horizon in horizons:
            origins = self.origins(horizon)
            truth = values[origins[:, None] + np.arange(1, horizon + 1)]
            difference = truth - forecast[: len(origins), :horizon]
            difference = difference[np.isfinite(difference)]
            found[horizon] = {
                "mae": float(np.abs(difference).mean()),
                "rmse": float(np.sqrt(np.square(difference).mean())),
            }
        return found
