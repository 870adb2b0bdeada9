"""The errors of the T-GCN paper, to the letter, so that figures can be laid beside published ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cityzoo.errors import InputError

STEPS = 12


@dataclass(frozen=True)
class TgcnProtocol:
    """Say which windows judge, and how (Zhao et al. 2020, "T-GCN", arXiv 1811.05320, and its released code).

    The last fifth of the rows tests, `rows - int(0.8 * rows)` of them. A window is 12 rows of history and then `h` rows
    to forecast, both within the test rows; one starts at every row but the last possible one, which the released
    code leaves out. Errors are averaged over all windows, all sensors and ALL steps 1..h; RMSE is the root of that
    mean. So each horizon h has windows of its own: fewer for a longer one.

    Attributes:
        rows: in all.
        share: of the rows before the test rows, 0 to 1.
        steps: rows of history.

    Raises:
        InputError: not a single window.

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
        """Return the number of the first test row."""
        return int(self.rows * self.share)

    def windows(self, horizon: int) -> int:
        """Return how many windows judge a horizon."""
        return self.rows - self.first_test - self.steps - horizon

    def origins(self, horizon: int) -> np.ndarray:
        """Return the last row of history of each window, (windows,) int."""
        return self.first_test + self.steps - 1 + np.arange(self.windows(horizon))

    def errors(
        self, values: np.ndarray, forecast: np.ndarray, horizons: tuple[int, ...]
    ) -> dict[int, dict[str, float]]:
        """Return MAE and RMSE of each horizon, in the unit of the values, over what was observed.

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
            missed = truth - forecast[: len(origins), :horizon]
            missed = missed[np.isfinite(missed)]
            found[horizon] = {
                "mae": float(np.abs(missed).mean()),
                "rmse": float(np.sqrt(np.square(missed).mean())),
            }
        return found
