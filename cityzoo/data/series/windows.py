"""Windows of a series: history in, what came after it out."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cityzoo.data.series.join import join_series
from cityzoo.data.series.series import Series
from cityzoo.errors import InputError


@dataclass(frozen=True, eq=False)
class WindowSet:
    """The windows of one split."""

    split: str  # "train", "val" or "test"
    series: Series  # the whole series; windows may reach back before their split
    rows: range  # rows of the split; targets lie within them
    origins: np.ndarray  # (W,) int, the last row of history of each window
    history: int  # rows in
    horizon: int  # rows out
    # number of windows that count for a horizon of so many rows; None: all of them
    window_counts: Callable[[int], int] | None = None

    class_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.origins)

    @property
    def examples(self) -> tuple[int, ...]:
        """Return the origins."""
        return tuple(self.origins.tolist())

    def count(self, horizon: int) -> int:
        """Return how many of the windows, from the first on, count for a shorter horizon."""
        return len(self) if self.window_counts is None else min(len(self), self.window_counts(horizon))

    def targets(self) -> np.ndarray:
        """Return (W, horizon, N) float32, NaN where missing."""
        return make_targets(self.series, self.origins, self.horizon)

    @property
    def target_spread(self) -> float:
        """Return the standard deviation of the target before the split: one scale for all runs that are compared."""
        values = self.series.values[: self.rows.start or None, :, 0]
        return float(np.nanstd(values.astype(np.float64)))

    def span(self) -> dict[str, Any]:
        """Return the first and the last row of the split, and their times."""
        first, last = self.rows.start, self.rows.stop - 1
        begin, end = (str(self.series.local_times[row]).replace("T", " ")[:16] for row in (first, last))
        return {"first": first, "last": last, "from": begin, "to": end, "timezone": self.series.timezone}


def windows_of(split: str, series: Series, rows: range, history: int, horizon: int) -> WindowSet:
    """Return the windows whose targets all lie within some rows.

    History may reach back before them: on the first day, earlier measurements are known.

    Raises:
        InputError: not a single window.
    """
    origins = np.arange(max(rows.start - 1, history - 1), rows.stop - horizon)
    if not len(origins):
        raise InputError(
            f"{len(rows)} rows hold no window of {history} in and {horizon} out: give more rows, more "
            "--train-days, or another --split"
        )
    return WindowSet(split, series, rows, origins, history, horizon)


def join_windows(sets: Sequence[WindowSet]) -> WindowSet:
    """Return windows of several tables of the same sensors in one set, in the order given.

    Between tables nothing was measured. Rows behind those of a set are left out, so that what it was not to see stays
    unseen; where tables overlap, the later one in the order counts.

    Args:
        sets: one or more, of the same split.

    Raises:
        InputError: other sensors, channels, units, time zones or steps.
    """
    first = sets[0]
    known = [each.series.rows(slice(0, each.rows.stop)) for each in sets]
    whole = join_series(known)
    step, begin = whole.step_seconds, whole.times[0]
    starts = [int((each.times[0] - begin).astype(np.int64)) // step for each in known]
    origins = np.concatenate([each.origins + start for each, start in zip(sets, starts, strict=True)])
    rows = range(
        min(each.rows.start + start for each, start in zip(sets, starts, strict=True)),
        max(each.rows.stop + start for each, start in zip(sets, starts, strict=True)),
    )
    return WindowSet(first.split, whole, rows, origins, first.history, first.horizon)


def make_inputs(series: Series, origins: np.ndarray, steps: int) -> dict[str, np.ndarray]:
    """Return the inputs of a backbone for some windows; see `zoo.series.blocks.inputs`.

    Args:
        series: the whole of it.
        origins: (B,) int, the last row of history of each window.
        steps: rows of history.

    Returns:
        `series` and `mask` (B, steps, N, C) float32, `time_of_day` (B,) float32, `day_of_week` (B,) int32.
    """
    rows = np.asarray(origins)[:, None] + np.arange(1 - steps, 1)
    values = series.values[rows]
    observed = np.isfinite(values)
    return {
        "series": np.where(observed, values, 0).astype(np.float32),
        "mask": observed.astype(np.float32),
        "time_of_day": series.time_of_day[origins].astype(np.float32),
        "day_of_week": series.day_of_week[origins].astype(np.int32),
    }


def make_targets(series: Series, origins: np.ndarray, horizon: int) -> np.ndarray:
    """Return (B, horizon, N) float32 of the first channel after each origin; NaN where missing or past the end."""
    rows = np.asarray(origins)[:, None] + np.arange(1, horizon + 1)
    values = series.values[np.minimum(rows, len(series) - 1), :, 0]
    return np.where((rows < len(series))[..., None], values, np.nan).astype(np.float32)


def batch_orders(
    count: int, batch_size: int, seed: int, shuffle_state: Any, first: int, last: int
) -> Iterator[list[np.ndarray]]:
    """Yield for each epoch from `first` to `last` (exclusive) the positions of the windows of each batch, in order.

    Windows are shuffled by `seed`, then whole batches by a generator in `shuffle_state`, as `keras.Model.fit` shuffles
    the batches of a `PyDataset`. The last window batch of an epoch may be smaller than the others.

    Args:
        count: windows.
        batch_size: windows in a batch.
        seed: of the run.
        shuffle_state: of `random.Random` before the first epoch.
        first: epoch, from 0.
        last: the epoch after the last one.
    """
    generator, batch_generator = np.random.default_rng(seed), random.Random()
    batch_generator.setstate(shuffle_state)
    generator.permutation(count)  # `fit` reshuffles a `PyDataset` before its first epoch, too
    for epoch in range(last):
        order = generator.permutation(count)
        starts = list(range(0, count, batch_size))
        batch_generator.shuffle(starts)
        if epoch >= first:
            yield [order[start : start + batch_size] for start in starts]


def batches(
    windows: WindowSet, batch_size: int, seed: int, shuffle_state: Any, first: int, last: int
) -> Callable[[], Iterator[tuple[dict[str, np.ndarray], np.ndarray]]]:
    """Return a generator of the training batches (inputs, targets) of some epochs; see `batch_orders`."""

    def generate() -> Iterator[Any]:
        for epoch in batch_orders(len(windows), batch_size, seed, shuffle_state, first, last):
            for positions in epoch:
                chosen = windows.origins[positions]
                inputs = make_inputs(windows.series, chosen, windows.history)
                yield inputs, make_targets(windows.series, chosen, windows.horizon)

    return generate
