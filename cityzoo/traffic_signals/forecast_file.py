"""Forecasts as a file, a row a period: what another model gives, and what the simple one gave."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np

from cityzoo.errors import InputError
from cityzoo.traffic_signals.forecast import Forecast
from cityzoo.traffic_signals.junction import ARMS

NORMAL_UPPER = 1.2816  # the normal distribution's quantile at 0.9


def write_flows(file: Path, days: Sequence[date], columns: Sequence[str], flows: np.ndarray) -> None:
    """Write flows as a wide table: time, then a column a series; `read_forecasts` and `traffic_flow` read it.

    Args:
        file: CSV.
        days: dates.
        columns: names of the series.
        flows: (days, periods, series) veh/h.
    """
    minutes = 1440 // flows.shape[1]
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        writer.writerow(["time", *columns])
        for day, of_day in zip(days, flows, strict=True):
            midnight = datetime.combine(day, time())
            for index, row in enumerate(of_day):
                moment = midnight + timedelta(minutes=index * minutes)
                writer.writerow(
                    [moment.isoformat(timespec="minutes"), *(f"{value:g}" for value in row.round(1))]
                )


def read_forecasts(file: str, judged: date, period: int) -> dict[date, Forecast]:
    """Read forecasts of any model, a row a period: time,north,east,south,west and, if known, north_upper, ...

    Args:
        file: CSV; `time` is the beginning of the period, "07:15" of the judged day or "2026-01-22T07:15"; flows in
            veh/h. Where columns of upper quantiles are missing, Poisson's spread stands for them.
        judged: the day that must be there, whole; other days may be, whole ones are returned.
        period: minutes.

    Raises:
        InputError: no such file; a column, a row or a number is missing, negative or not finite; a row is there twice.
    """
    rows, columns = _rows(file)
    found: dict[datetime, list[float]] = {}
    for line, row in enumerate(rows, 2):
        where = f"--forecast {file}, line {line}"
        moment = _moment(row["time"], judged, where)
        if moment in found:
            raise InputError(f"{where}: {moment:%Y-%m-%d %H:%M} is there twice; one row a period")
        found[moment] = [_flow(row[name], f"{where}, {name}") for name in columns]
        if (60 * moment.hour + moment.minute) % period or moment.second:
            raise InputError(
                f"{where}: {moment:%H:%M} begins no period of {period} minutes; average shorter ones first"
            )
    forecasts = {}
    for day in sorted({judged, *(moment.date() for moment in found)}):
        wanted = [datetime.combine(day, time(minute // 60, minute % 60)) for minute in range(0, 1440, period)]
        absent = [moment for moment in wanted if moment not in found]
        if absent and day == judged:
            raise InputError(
                f"--forecast {file}: {len(absent)} of {len(wanted)} periods of {period} minutes of {day} have no row, "
                f"the first at {absent[0]:%H:%M}; give all, or another --period"
            )
        if not absent:
            forecasts[day] = _of_table(
                np.array([found[moment] for moment in wanted]), period, Path(file).name
            )
    return forecasts


def _rows(file: str) -> tuple[list[dict[str, str]], list[str]]:
    """Return a file's rows and the columns of numbers to read from it."""
    try:
        with Path(file).open(newline="", encoding="utf-8-sig") as opened:
            rows = list(csv.DictReader(opened))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"--forecast {file}: cannot be read ({error}); give a CSV file") from error
    names = set(rows[0]) if rows else set()
    if missing := [name for name in ("time", *ARMS) if name not in names]:
        raise InputError(
            f"--forecast {file}: no column {missing[0]}; expected time,{','.join(ARMS)}, a row a period"
        )
    upper = [f"{arm}_upper" for arm in ARMS]
    return rows, [*ARMS, *(upper if set(upper) <= names else ())]


def _of_table(table: np.ndarray, period: int, name: str) -> Forecast:
    flows, upper = table[:, : len(ARMS)], table[:, len(ARMS) :]
    spread = NORMAL_UPPER * np.sqrt(flows * 60 / period)  # Poisson's of a period's count, in veh/h
    return Forecast(flows, np.maximum(upper, flows) if upper.size else flows + spread, name)


def _moment(text: str | None, judged: date, where: str) -> datetime:
    words = (text or "").strip()
    try:
        if len(words) <= len("00:00:00"):
            return datetime.combine(judged, time.fromisoformat(words))
        return datetime.fromisoformat(words).replace(tzinfo=None)
    except ValueError as error:
        raise InputError(f"{where}: time {text!r}; expected 07:15 or {judged}T07:15") from error


def _flow(text: str | None, where: str) -> float:
    try:
        flow = float(text or "")
    except ValueError as error:
        raise InputError(f"{where}: {text!r}; expected a flow in veh/h") from error
    if not 0 <= flow < 1e5:
        raise InputError(f"{where}: {text}; expected a flow of 0 or more veh/h")
    return flow
