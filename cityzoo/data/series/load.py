"""Read and check sensor data: a path -> a `Series` on a regular grid, and the findings of the check."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from cityzoo.data.files import confine
from cityzoo.data.series import formats, resample, sensor_quality, timezones
from cityzoo.data.series.adjacency import read_adjacency, read_places
from cityzoo.data.series.columns import channel_names, channel_units
from cityzoo.data.series.findings import SeriesFindings
from cityzoo.data.series.left_out import leave_out as leave_out_wrong
from cityzoo.data.series.missing_codes import drop_codes, parse_missing
from cityzoo.data.series.raw import RawSeries, SeriesOptions
from cityzoo.data.series.series import Series
from cityzoo.data.series.sidecar import SUFFIXES, read_sidecar
from cityzoo.errors import InputError

LOG = logging.getLogger(__name__)


class Loaded(NamedTuple):
    """A series and the findings of its check."""

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
    sensor_column: str | Sequence[str] | None = None,
    time_column: str | Sequence[str] | None = None,
    places: str | None = None,
    missing: str | None = None,
    leave_out: str | None = None,
    format: str | None = None,
    window: int | None = None,
    assumed: tuple[str, str] | None = None,
) -> Loaded:
    """Read sensor data, check it, and put it on a regular grid of times.

    Options that are None are read from a sidecar file, see `cityzoo.data.series.sidecar`.

    Args:
        source: a file, or a folder with the files of one data set; `cityzoo.data.series.formats` lists the formats.
        start: time of the first row, if the source has no times; local time unless it has an offset.
        step: time from row to row, as "5min", "1h" or seconds; required if the source has no times or irregular ones.
        timezone: IANA name of the zone of times without an offset and of local times (default: UTC).
        unit: of each channel in order, separated by commas or as a list; or by name.
        channel: names of the channels to keep, in that order, given alike; or the quantity, if the source does not
            name it.
        adjacency: roads between sensors, see `read_adjacency`.
        sensor_column: columns of a long table that tell which sensor a row is of, if their names do not say so.
        time_column: column of times, or of dates and of times of day, if names and content do not say so.
        places: locations of sensors, see `read_places`.
        missing: which numbers mean "not measured": "auto" (default), "none", "zero", or codes with commas between, see
            `missing_codes` and `sensor_quality.drop_zeros`.
        leave_out: table of measurements that are wrong, see `left_out.leave_out`.
        format: one of `formats.names()`; None detects it.
        window: minimum number of rows: history and horizon of one window.
        assumed: default start and step for sources without times; using them is a finding.

    Raises:
        InputError: input that cannot be used.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        ...     _ = file.write("time,a,b\\n2012-03-01 00:00,60,55\\n2012-03-01 00:05,,54\\n"), file.flush()
        ...     series, findings = load_series(file.name, channel="speed", unit="mph", timezone="America/Los_Angeles")
        >>> series.values.shape, series.units, series.times[0], findings.counts["not measured"]
        ((2, 2, 1), ('mph',), np.datetime64('2012-03-01T08:00:00'), 1)
    """
    rest = (channel, adjacency, sensor_column, time_column, places, missing, leave_out)
    named = vars(SeriesOptions(start, step, timezone, unit, *rest))
    given = {key: each for key, each in named.items() if each is not None}
    with confine(source) as folder:
        options = replace(read_sidecar(source), **given)
        name, raw = formats.read(source, options, format)
    findings = SeriesFindings(source, name)
    unused, elsewhere = unused_files(source, raw, options), tuple(folder.elsewhere)
    findings.add_all({**raw.notes, "read outside": elsewhere, "unused file": unused})
    raw, options = _check_numbers(raw, options, findings), _assume_times(raw, options, assumed, findings)
    zone = options.timezone or raw.timezone or "UTC"
    numbers, times = _to_grid(raw, options, zone, findings)
    series = _make_series(raw, numbers, times, options, zone, findings)
    if window is not None and len(series) < window:
        raise InputError(
            f"'{source}' has {len(series)} rows, one window of history and horizon needs {window}: give more rows, or "
            "a shorter window"
        )
    LOG.info("%s", findings.text())
    for line in findings.warnings():
        LOG.warning("'%s': %s", source, line)
    return Loaded(series, findings)


def unused_files(source: str, raw: RawSeries, options: SeriesOptions) -> tuple[str, ...]:
    """Return what lies in a folder and is neither used nor a sidecar file nor hidden."""
    if not os.path.isdir(source):
        return ()
    used = (*raw.origin.files, options.adjacency, options.places, options.leave_out)
    known = {os.path.realpath(each) for each in used if isinstance(each, str)}
    there = [os.path.join(source, name) for name in sorted(os.listdir(source)) if not name.startswith(".")]
    return tuple(
        each for each in there if not each.endswith(SUFFIXES) and os.path.realpath(each) not in known
    )


def _assume_times(
    raw: RawSeries, options: SeriesOptions, assumed: tuple[str, str] | None, findings: SeriesFindings
) -> SeriesOptions:
    """Return options with the start and step that are assumed where neither the source nor the user gives them."""
    counted = raw.times is None and options.step is None
    if not assumed or options.start is not None or not (counted or raw.relative):
        return options
    findings.add("assumed", ", ".join(assumed if counted else assumed[:1]))
    return replace(options, start=assumed[0], step=assumed[1] if counted else options.step)


def _check_numbers(raw: RawSeries, options: SeriesOptions, findings: SeriesFindings) -> RawSeries:
    """Return rows without codes for missing values; refuse infinite numbers, count missing ones."""
    if not raw.values.size:
        raise InputError(f"'{findings.source}' has no rows or no sensors: give measurements")
    absent = np.argwhere(np.isnan(raw.values))
    findings.add_rows("not measured", absent, lambda cell: raw.cell(*map(int, cell)))
    raw = drop_codes(raw, channel_names(raw, options), parse_missing(options.missing or "auto"), findings)
    infinite = np.argwhere(np.abs(raw.values) > np.finfo(np.float32).max)
    if len(infinite):
        row, column = map(int, infinite[0])
        raise InputError(
            f"{raw.cell(row, column)}: {raw.values[row, column]} is infinite ({len(infinite)} such numbers in all): "
            "correct it, or write NaN where nothing was measured"
        )
    return raw


def _to_grid(
    raw: RawSeries, options: SeriesOptions, timezone: str, findings: SeriesFindings
) -> tuple[np.ndarray, np.ndarray]:
    """Return values (T, N, C) float32 and their times in UTC."""
    step = None if options.step is None else timezones.parse_step(options.step)
    if raw.times is None:
        return _number_rows(raw, options.start, step, timezone, findings.source)
    moments = raw.times
    if raw.relative and options.start is None:
        raise InputError(
            f"times of '{findings.source}' count from the start of a simulation: give --start 2012-03-01"
        )
    if raw.relative:
        moments = moments + (timezones.parse_time(str(options.start), timezone) - np.datetime64(0, "s"))
    elif options.start is not None:
        findings.add("unused start", str(options.start))
    times, rows = _to_utc(raw, moments, timezone, findings)
    resample.require_sensors(raw, times, rows)
    step = resample.find_step(times[rows], raw.tracks[rows], step, findings.source)
    return resample.to_regular_grid(raw, times, rows, step, findings, timezone)


def _number_rows(
    raw: RawSeries, start: str | None, step: int | None, timezone: str, source: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return values and times of rows without times."""
    if raw.track is not None:
        raise InputError(f"'{source}' numbers its rows and has no times: write them as 2012-03-01 00:05")
    if start is None or step is None:
        missing = [flag for flag, value in (("--start", start), ("--step", step)) if value is None]
        raise InputError(
            f"'{source}' has no time column: give {' and '.join(missing)}, e.g. --start 2012-03-01 --step 5min, or "
            "a sidecar file"
        )
    times = timezones.parse_time(start, timezone) + np.timedelta64(step, "s") * np.arange(len(raw.values))
    shape = (len(times), len(raw.sensors), len(raw.channels))
    return raw.values.reshape(shape).astype(np.float32), times


def _to_utc(
    raw: RawSeries, times: np.ndarray, timezone: str, findings: SeriesFindings
) -> tuple[np.ndarray, np.ndarray]:
    """Return the times of all rows, and the positions of the rows to keep."""
    if raw.zoned:
        resample.require_forward(raw, times, raw.tracks, np.zeros(len(times), bool))
        return times, np.arange(len(times))
    before, after = timezones.offsets(times, timezone)
    resample.require_forward(raw, times, raw.tracks, before > after)
    empty = ~(np.nan_to_num(raw.values) != 0).any(1)  # loggers pad with zeros
    found = timezones.to_utc(times, raw.tracks, empty, timezone)
    for kind, marked in found.marks.items():
        findings.add_rows(kind, np.flatnonzero(marked), lambda row: raw.origin.place(int(row)))
    return found.times, np.flatnonzero(found.kept)


def _make_series(
    raw: RawSeries,
    values: np.ndarray,
    times: np.ndarray,
    options: SeriesOptions,
    timezone: str,
    findings: SeriesFindings,
) -> Series:
    """Return the series with its roads and locations, without the sensors that measured nothing."""
    if len(values) < 2:
        raise InputError(f"'{findings.source}' has {len(values)} row, expected two or more: give more rows")
    channels = channel_names(raw, options)
    units = channel_units(channels, options.unit, raw.units)
    roads = None if options.adjacency is None else read_adjacency(options.adjacency, raw.sensors)
    where = raw.places if options.places is None else read_places(options.places, raw.sensors)
    sensor_quality.drop_zeros(
        values, channels, units, parse_missing(options.missing or "auto").zeros, findings
    )
    series = Series(values, times, raw.sensors, channels, units, timezone, roads, where)
    if options.leave_out is not None:
        series = leave_out_wrong(series, options.leave_out, findings)
    gone = sensor_quality.sensors_without_data(series.values, raw.sensors, channels, findings)
    if gone.any():
        series = series.subset([name for name, absent in zip(raw.sensors, gone, strict=True) if not absent])
    sensor_quality.find_suspects(series, findings)
    file = "" if isinstance(options.adjacency, np.ndarray) else str(options.adjacency or "")
    findings.describe(series, file)
    return series
