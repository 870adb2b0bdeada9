"""Windows of a series as batches for Keras: history in, what came out."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from cityzoo.data.series.series import Series


def make_inputs(series: Series, origins: np.ndarray, steps: int) -> dict[str, np.ndarray]:
    """Return what a backbone is given for some windows; see `zoo.series.blocks.inputs`.

    Args:
        series: the whole of it.
        origins: (B,) int, the last row that each forecast knows.
        steps: rows of history.

    Returns:
        `series` and `mask` (B, steps, N, C) float32, `time_of_day` (B,) float32, `day_of_week` (B,) int32.
    """
    rows = np.asarray(origins)[:, None] + np.arange(1 - steps, 1)
    values = series.values[rows]
    seen = np.isfinite(values)
    return {
        "series": np.where(seen, values, 0).astype(np.float32),
        "mask": seen.astype(np.float32),
        "time_of_day": series.time_of_day[origins].astype(np.float32),
        "day_of_week": series.day_of_week[origins].astype(np.int32),
    }


def truth(series: Series, origins: np.ndarray, horizon: int) -> np.ndarray:
    """Return what came, (B, horizon, N) float32 of the first channel; NaN where missing or past the end."""
    rows = np.asarray(origins)[:, None] + np.arange(1, horizon + 1)
    values = series.values[np.minimum(rows, len(series) - 1), :, 0]
    return np.where((rows < len(series))[..., None], values, np.nan).astype(np.float32)


class Windows(keras.utils.PyDataset):
    """Give batches of windows, cut from the series as they are needed, in another order each epoch.

    Args:
        series: the whole of it.
        origins: (W,) int, the last row of history of each window.
        steps: rows of history.
        horizon: rows ahead.
        batch_size: windows in a batch.
        seed: of the order.
    """

    def __init__(
        self, series: Series, origins: np.ndarray, steps: int, horizon: int, batch_size: int, seed: int
    ) -> None:
        """Begin with the first epoch's order."""
        super().__init__()
        self.series, self.origins, self.steps, self.horizon = series, np.asarray(origins), steps, horizon
        self.batch_size, self.lots = batch_size, np.random.default_rng(seed)
        self.order = self.lots.permutation(len(self.origins))

    def __len__(self) -> int:
        return -(-len(self.origins) // self.batch_size)

    def __getitem__(self, number: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        chosen = self.origins[self.order[number * self.batch_size : (number + 1) * self.batch_size]]
        return make_inputs(self.series, chosen, self.steps), truth(self.series, chosen, self.horizon)

    def on_epoch_end(self) -> None:
        """Draw the next order."""
        self.order = self.lots.permutation(len(self.origins))


def forecast(model: keras.Model, series: Series, origins: np.ndarray, batch_size: int = 64) -> Any:
    """Return what a model says, (W, horizon, N, quantiles) float32, in the unit of the first channel."""
    from cityzoo.backend import compiled

    run, steps = compiled(model), model.input["series"].shape[1]
    parts = [
        np.asarray(run(make_inputs(series, origins[start : start + batch_size], steps)))
        for start in range(0, len(origins), batch_size)
    ]
    return np.concatenate(parts)
