"""Read a series, split it in time, and run models over its windows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.data.series.findings import SeriesFindings
from cityzoo.data.series.split import Split, days
from cityzoo.data.series.split import split as split_in_time
from cityzoo.data.series.windows import WindowSet, make_inputs, windows_of
from cityzoo.errors import InputError
from cityzoo.metrics.forecast_errors import TgcnProtocol, default_horizons
from cityzoo.modalities.series.flags import SeriesFlags
from cityzoo.outputs.quantile_forecast import QuantileForecast
from cityzoo.spec import TrainSpec

if TYPE_CHECKING:
    from cityzoo.tasks import Task

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class SeriesDataset:
    """The windows of the three splits of a series, and what the check found in it."""

    train: WindowSet
    val: WindowSet
    test: WindowSet
    findings: SeriesFindings
    limit: int | None = None  # windows of each split

    @property
    def held_out(self) -> WindowSet:
        """Return the test windows."""
        return self.test

    def with_val(self) -> SeriesDataset:
        """Return the data with train and val joined to train on, and nothing to choose epochs by."""
        train = self.train
        rows = range(train.rows.start, self.val.rows.stop)
        joined = windows_of("train", train.series, rows, train.history, train.horizon)
        return replace(
            self, train=_take_first(joined, self.limit), val=replace(self.val, origins=self.val.origins[:0])
        )


@dataclass(frozen=True)
class WindowViews:
    """Windows as they come to the network, and what their results mean."""

    examples: WindowSet
    output: QuantileForecast

    def __len__(self) -> int:
        return len(self.examples)


def read(spec: TrainSpec[SeriesFlags], task: Task) -> SeriesDataset:
    """Read the series, or simulate the task's demo data, and split it in time.

    With --train-days, as if nothing had been measured before them.

    Raises:
        InputError: anything about the data that cannot be used.
    """
    flags, source = spec.modality, spec.run.data
    if source is None:
        if task.demo is None:
            raise InputError(f"task '{spec.run.task}' has no demo data: give --data")
        LOG.info("no --data given: training on simulated demo series")
        source = str(task.demo().write(seed=spec.run.seed))
    loaded = task.read(source, spec.reader, window=flags.history + flags.horizon + 1, format=spec.run.format)
    series, parts = loaded.series, split_in_time(loaded.series, flags.split)
    if flags.train_days:
        start = days(series, flags.train_days, last=True, rows=parts.train).start
        series = series.rows(slice(start, None))
        parts = Split(*(range(max(part.start - start, 0), part.stop - start) for part in parts))
    given = tuple(spec.output.get("alarm", ()))
    kept = QuantileForecast(alarm=given).check_rules(series, flags.horizon)
    if len(kept) < len(given):
        LOG.warning(
            "%d of %d alarm rules left out: %s is forecast, %d steps of %d s ahead; write your own with --alarm",
            len(given) - len(kept), len(given), series.channels[0], flags.horizon, series.step_seconds,
        )  # fmt: skip
    test = _test_windows(series, parts.test, flags)
    train, val = (
        windows_of(name, series, rows, flags.history, flags.horizon)
        for name, rows in (("train", parts.train), ("val", parts.val))
    )
    train, val, test = (_take_first(each, spec.run.limit) for each in (train, val, test))
    return SeriesDataset(train, val, test, loaded.findings, spec.run.limit)


def read_all(spec: TrainSpec[SeriesFlags], task: Task, source: str) -> WindowSet:
    """Return all windows of a series that a run was not trained on.

    Raises:
        InputError: anything about the data that cannot be used.
    """
    flags = spec.modality
    loaded = task.read(source, spec.reader, window=flags.history + flags.horizon + 1, format=None)
    series = loaded.series
    return windows_of("new", series, range(len(series)), flags.history, flags.horizon)


def _test_windows(series: Any, rows: range, flags: SeriesFlags) -> WindowSet:
    # A hair more than the share, so that rounding down gives that very row.
    protocol = TgcnProtocol(len(series), rows.start / len(series) + 1e-12, flags.history)
    if protocol.windows(flags.horizon) < 1:
        raise InputError(
            f"{len(rows)} test rows hold no window of {flags.history} in and {flags.horizon} out: give more rows, or "
            "another --split"
        )
    shortest = default_horizons(flags.horizon)[0]
    counts: Callable[[int], int] = protocol.windows
    origins = protocol.origins(shortest)
    return WindowSet("test", series, rows, origins, flags.history, flags.horizon, counts)


def _take_first(windows: WindowSet, limit: int | None) -> WindowSet:
    return windows if limit is None else replace(windows, origins=windows.origins[:limit])


def days_of(windows: WindowSet) -> Iterator[tuple[str, bytes]]:
    """Yield the first local time and the measurements of each day of a split."""
    series, rows = windows.series, windows.rows
    dates = series.local_times[rows.start : rows.stop].astype("datetime64[D]")
    firsts = np.flatnonzero(np.r_[True, dates[1:] != dates[:-1]]) + rows.start
    for first, end in zip(firsts, [*firsts[1:], rows.stop], strict=True):
        time = str(series.local_times[first]).replace("T", " ")[:16]
        yield time, np.ascontiguousarray(series.values[first:end]).tobytes()


def forecast(run: Callable[[Any], Any], windows: WindowSet, batch_size: int) -> np.ndarray:
    """Return the forecasts of a compiled model, (W, horizon, N, quantiles) float32, in the first channel's unit."""
    parts = [
        np.asarray(run(make_inputs(windows.series, windows.origins[at : at + batch_size], windows.history)))
        for at in range(0, len(windows), batch_size)
    ]
    return np.concatenate(parts)
