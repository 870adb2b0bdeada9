"""Forecasts of flows, and forecasts and counts as CSV files with one row per period."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np

from cityzoo.errors import InputError
from cityzoo.traffic_signals.junction import ARMS

NORMAL_UPPER = 1.2816  # 0.9 quantile of the normal distribution
UPPER = 0.9  # quantile of the forecast that plans are also checked at


def write_flows(file: Path, days: Sequence[date], columns: Sequence[str], flows: np.ndarray) -> None:
    """Write flows (days, periods, series), veh/h, as a wide table of time and series, for `read_forecasts`."""
    minutes = 1440 // flows.shape[1]
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        writer.writerow(["time", *columns])
        for day, of_day in zip(days, flows, strict=True):
            midnight = datetime.combine(day, time())
            for index, row in enumerate(of_day):
                moment = midnight + timedelta(minutes=index * minutes)
                cells = (f"{value:g}" for value in row.round(1))
                writer.writerow([moment.isoformat(timespec="minutes"), *cells])


def read_forecasts(file: str, required: date, period: int) -> dict[date, Forecast]:
    """Read forecasts of any model: time,north,east,south,west and optionally north_upper, ...

    Args:
        file: CSV, one row per period; `time` is the start of the period, "07:15" of the required day or
            "2026-01-22T07:15"; flows in veh/h. Without columns of upper quantiles, Poisson quantiles are used.
        required: day that must be complete; other complete days are returned too.
        period: minutes.

    Raises:
        InputError: no such file; missing columns, rows or numbers; negative or infinite numbers; duplicate rows.
    """
    rows, columns = _rows(file)
    found: dict[datetime, list[float]] = {}
    for line, row in enumerate(rows, 2):
        where = f"--forecast {file}, line {line}"
        moment = _moment(row["time"], required, where)
        if moment in found:
            raise InputError(f"{where}: {moment:%Y-%m-%d %H:%M} is there twice; give one row per period")
        found[moment] = [_flow(row[name], f"{where}, {name}") for name in columns]
        if (60 * moment.hour + moment.minute) % period or moment.second:
            raise InputError(
                f"{where}: {moment:%H:%M} is not the start of a period of {period} minutes; average shorter ones first"
            )
    forecasts = {}
    for day in sorted({required, *(moment.date() for moment in found)}):
        wanted = [datetime.combine(day, time(minute // 60, minute % 60)) for minute in range(0, 1440, period)]
        absent = [moment for moment in wanted if moment not in found]
        if absent and day == required:
            raise InputError(
                f"--forecast {file}: {len(absent)} of {len(wanted)} periods of {period} minutes of {day} are missing, "
                f"the first at {absent[0]:%H:%M}; give all, or another --period"
            )
        if not absent:
            flows = np.array([found[moment] for moment in wanted])
            forecasts[day] = _of_table(flows, period, Path(file).name)
    return forecasts


def _rows(file: str) -> tuple[list[dict[str, str]], list[str]]:
    """Return the rows of a file and the names of its numeric columns."""
    try:
        with Path(file).open(newline="", encoding="utf-8-sig") as opened:
            rows = list(csv.DictReader(opened))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"--forecast {file}: cannot be read ({error}); give a CSV file") from error
    names = set(rows[0]) if rows else set()
    if missing := [name for name in ("time", *ARMS) if name not in names]:
        raise InputError(
            f"--forecast {file}: no column {missing[0]}; expected time,{','.join(ARMS)}, one row per period"
        )
    upper = [f"{arm}_upper" for arm in ARMS]
    return rows, [*ARMS, *(upper if set(upper) <= names else ())]


def _of_table(table: np.ndarray, period: int, name: str) -> Forecast:
    flows, upper = table[:, : len(ARMS)], table[:, len(ARMS) :]
    spread = NORMAL_UPPER * np.sqrt(flows * 60 / period)  # Poisson spread of a period's count, in veh/h
    return Forecast(flows, np.maximum(upper, flows) if upper.size else flows + spread, name)


def _moment(text: str | None, required: date, where: str) -> datetime:
    words = (text or "").strip()
    try:
        if len(words) <= len("00:00:00"):
            return datetime.combine(required, time.fromisoformat(words))
        return datetime.fromisoformat(words).replace(tzinfo=None)
    except ValueError as error:
        raise InputError(f"{where}: time {text!r}; expected 07:15 or {required}T07:15") from error


def _flow(text: str | None, where: str) -> float:
    try:
        flow = float(text or "")
    except ValueError as error:
        raise InputError(f"{where}: {text!r}; expected a flow in veh/h") from error
    if not 0 <= flow < 1e5:
        raise InputError(f"{where}: {text}; expected a flow of 0 or more veh/h")
    return flow


@dataclass(frozen=True)
class Forecast:
    """Forecast of each period, made before its start.

    Args:
        flows: (periods, 4 arms) float64 veh/h.
        upper: same shape, the 0.9 quantile; never below `flows`.
        source: name of the method, for reports.
    """

    flows: np.ndarray
    upper: np.ndarray
    source: str


def simple_forecast(past: np.ndarray, today: np.ndarray) -> Forecast:
    """Return the time-of-day mean of past days plus a share of the last period's deviation from it.

    The share is fitted on past days (least squares); the upper quantile is that of the errors on past days, scaled by
    the square root of the flow. A period's forecast uses only earlier periods.

    Args:
        past: (days, periods, 4 arms) veh/h, at least two days of the same kind.
        today: (periods, 4 arms) veh/h of the day itself; a period is used only after its end.

    Example:
        >>> past = np.array([[[100.0], [200]], [[120], [220]]])
        >>> simple_forecast(past, np.array([[130.0], [0]])).flows.ravel().round(3).tolist()
        [110.0, 230.0]
    """
    mean = past.mean(axis=0)
    off = past - mean
    before = off[:, :-1]
    share = float(np.clip((off[:, 1:] * before).sum() / max((before**2).sum(), 1e-9), 0, 1))

    def predict(days: np.ndarray) -> np.ndarray:
        known = np.zeros_like(days)
        known[:, 1:] = (days - mean)[:, :-1]
        return np.maximum(mean + share * known, 0)

    errors = (past - predict(past)) / np.sqrt(np.maximum(mean, 1))
    flows = predict(today[None])[0]
    upper = flows + max(float(np.quantile(errors, UPPER)), 0) * np.sqrt(np.maximum(flows, 1))
    source = f"time-of-day mean of {len(past)} days + {share:.2f} x the last period's deviation"
    return Forecast(flows, upper, source)
