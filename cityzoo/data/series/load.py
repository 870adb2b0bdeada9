"""A path -> a checked series: read, its times understood, laid on an even grid, its sensors looked at."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import NamedTuple

import numpy as np

from cityzoo.data.series import daylight_saving, formats, resample, sensor_quality, timezones
from cityzoo.data.series.adjacency import read_adjacency
from cityzoo.data.series.channels import channel_names, channel_units, names_of
from cityzoo.data.series.findings import SeriesFindings
from cityzoo.data.series.locations import read_places
from cityzoo.data.series.raw import RawSeries, SeriesOptions
from cityzoo.data.series.series import Series
from cityzoo.data.series.sidecar import read_beside
from cityzoo.errors import InputError

LOG = logging.getLogger(__name__)


class Loaded(NamedTuple):
    """Hold a series and what the check found in it."""

    series: Series
    findings: SeriesFindings


def load_series(
    source: str,
    *,
    start: str | None = None,
    step: str | int | None = None,
    timezone: str | None = None,
    unit: str | Sequence[str] | Mapping[str, str] | None = None,
    channel: str | Sequence[str] | None = None,
    adjacency: str | np.ndarray | None = None,
    places: str | None = None,
    missing: str | None = None,
    format: str | None = None,
    window: int | None = None,
    assumed: tuple[str, str] | None = None,
) -> Loaded:
    """Read a series of many sensors, check it, and lay it on an even grid of times.

    What is None here is looked for in a file beside the source, see `cityzoo.data.series.sidecar`.

    Args:
        source: a file, or a folder with the files of one data set; `cityzoo.data.series.formats` lists what is read.
        start: time of the first row, where the source has no times, by the clock of the time zone unless it has an
            offset of its own.
        step: time from row to row, as "5min", "1h" or seconds; needed where the source has no times or uneven ones.
        timezone: IANA name of the zone that times without an offset are of, and that times of day are told in
            (where nothing says it: UTC).
        unit: of each channel in order, with commas between or as a list; or by name.
        channel: names of the channels to keep, in that order, given alike; or what the numbers are, where the source
            does not say.
        adjacency: roads between sensors, see `read_adjacency`.
        places: where sensors stand, see `read_places`.
        missing: "auto" (default), "none" or "zero": which zeros mean "not measured", see `suspects.drop_zeros`.
        format: one of `formats.names()`; None finds it from what lies there.
        window: rows of one window, history and horizon together, that the series must have.
        assumed: a start and a step for sources without times where nobody says them; it is told that they were
            assumed.

    Raises:
        InputError: anything about the input that cannot be used; one line.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        ...     _ = file.write("time,a,b\\n2012-03-01 00:00,60,55\\n2012-03-01 00:05,,54\\n"), file.flush()
        ...     series, findings = load_series(file.name, channel="speed", unit="mph", timezone="America/Los_Angeles")
        >>> series.values.shape, series.units, series.times[0], findings.counts["not measured"]
        ((2, 2, 1), ('mph',), np.datetime64('2012-03-01T08:00:00'), 1)
    """
    names = None if channel is None else names_of(channel)
    said = SeriesOptions(start, step, timezone, unit, names, adjacency, places, missing)
    beside = read_beside(source)
    wishes = replace(beside, **{item.name: _first(said, beside, item.name) for item in fields(SeriesOptions)})
    name, raw = formats.read(source, wishes, format)
    findings = SeriesFindings(source, name)
    findings.add_all(raw.notes)
    _check_numbers(raw, findings)
    if raw.times is None and assumed and wishes.start is None and wishes.step is None:
        wishes = replace(wishes, start=assumed[0], step=assumed[1])
        findings.add("assumed", f"{assumed[0]}, {assumed[1]}")
    place = wishes.timezone or raw.timezone or "UTC"
    values, times = _on_a_grid(raw, wishes, place, findings)
    series = _finished(raw, values, times, wishes, place, findings)
    if window is not None and len(series) < window:
        raise InputError(
            f"'{source}' has {len(series)} rows, one window of history and horizon takes {window}: give more rows, or "
            "a shorter window"
        )
    LOG.info("%s", findings.text())
    for line in findings.loud():
        LOG.warning("'%s': %s", source, line)
    return Loaded(series, findings)


def _first(said: SeriesOptions, beside: SeriesOptions, name: str) -> object:
    value = getattr(said, name)
    return getattr(beside, name) if value is None else value


def _check_numbers(raw: RawSeries, findings: SeriesFindings) -> None:
    """Refuse what is infinite, count what was not measured."""
    infinite = np.argwhere(np.isinf(raw.values))
    if len(infinite):
        row, column = map(int, infinite[0])
        raise InputError(
            f"{raw.cell(row, column)}: {raw.values[row, column]} is infinite ({len(infinite)} such numbers in all): "
            "correct it, or write NaN where nothing was measured"
        )
    absent = np.argwhere(np.isnan(raw.values))
    findings.add_rows("not measured", absent, lambda cell: raw.cell(*map(int, cell)))


def _on_a_grid(
    raw: RawSeries, wishes: SeriesOptions, timezone: str, findings: SeriesFindings
) -> tuple[np.ndarray, np.ndarray]:
    """Values (T, N, C) float32 and their times in UTC."""
    step = None if wishes.step is None else timezones.parse_step(wishes.step)
    if raw.times is None:
        return _counted(raw, wishes.start, step, timezone, findings.source)
    if wishes.start is not None:
        findings.add("unused start", str(wishes.start))
    times, rows = _in_utc(raw, timezone, findings)
    step = resample.find_step(times[rows], raw.tracks[rows], step, findings.source)
    return resample.to_regular_grid(raw, times, rows, step, findings, timezone)


def _counted(
    raw: RawSeries, start: str | None, step: int | None, timezone: str, source: str
) -> tuple[np.ndarray, np.ndarray]:
    """Values and times of rows that are only counted."""
    if raw.track is not None:
        raise InputError(f"'{source}' counts rows and tells no times: write them as 2012-03-01 00:05")
    missing = [flag for flag, value in (("--start", start), ("--step", step)) if value is None]
    if missing:
        raise InputError(
            f"'{source}' has no column of times: say them with {' and '.join(missing)}, e.g. --start 2012-03-01 "
            "--step 5min, or in a file beside it"
        )
    times = timezones.moment(start, timezone) + np.timedelta64(step, "s") * np.arange(len(raw.values))
    shape = (len(times), len(raw.sensors), len(raw.channels))
    return raw.values.reshape(shape).astype(np.float32), times


def _in_utc(raw: RawSeries, timezone: str, findings: SeriesFindings) -> tuple[np.ndarray, np.ndarray]:
    """Times of all rows, and which rows to keep."""
    if raw.zoned:
        resample.require_forward(raw, raw.times, raw.tracks, np.zeros(len(raw.times), bool))
        return raw.times, np.arange(len(raw.times))
    before, after = daylight_saving.offsets(raw.times, timezone)
    resample.require_forward(raw, raw.times, raw.tracks, before > after)
    empty = ~(np.nan_to_num(raw.values) != 0).any(1)  # zeros are what loggers fill an hour with
    reading = daylight_saving.to_utc(raw.times, raw.tracks, empty, timezone)
    for kind, marked in reading.marks.items():
        findings.add_rows(kind, np.flatnonzero(marked), lambda row: raw.origin.place(int(row)))
    return reading.times, np.flatnonzero(reading.kept)


def _finished(
    raw: RawSeries,
    values: np.ndarray,
    times: np.ndarray,
    wishes: SeriesOptions,
    timezone: str,
    findings: SeriesFindings,
) -> Series:
    """The series without sensors that measured nothing, with its roads and places."""
    if len(values) < 2:
        raise InputError(
            f"'{findings.source}' has {len(values)} row, a series takes two or more: give more rows"
        )
    channels = channel_names(raw, wishes)
    units = channel_units(channels, wishes.unit, raw.units)
    roads = None if wishes.adjacency is None else read_adjacency(wishes.adjacency, raw.sensors)
    where = raw.places if wishes.places is None else read_places(wishes.places, raw.sensors)
    sensor_quality.drop_zeros(values, channels, units, wishes.missing or "auto", findings)
    series = Series(values, times, raw.sensors, channels, units, timezone, roads, where)
    gone = sensor_quality.sensors_without_data(values, raw.sensors, channels, findings)
    if gone.any():
        series = series.subset([name for name, absent in zip(raw.sensors, gone, strict=True) if not absent])
    sensor_quality.find_suspects(series, findings)
    findings.describe(series, "" if isinstance(wishes.adjacency, np.ndarray) else str(wishes.adjacency or ""))
    return series
