"""Forecasts of the arms' flows from camera counts, with the errors of the counts in their upper quantile."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np

from cityzoo.errors import InputError
from cityzoo.loop.camera_counts import CameraCounts
from cityzoo.traffic_signals.forecast_file import UPPER, Forecast, simple_forecast
from cityzoo.traffic_signals.junction import ARMS


def write_arm_flows(counts: CameraCounts, period: int, file: Path) -> None:
    """Write the flows of the arms, veh/h by period, as task `traffic_flow` reads them; not observed is empty.

    Args:
        counts: of the cameras.
        period: minutes.
        file: CSV to write: time,north,east,south,west.
    """
    flows = arm_flows(counts.values, period)
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        writer.writerow(["time", *ARMS])
        midnight = datetime.combine(counts.dates[0], time())
        for index, row in enumerate(flows.reshape(-1, len(ARMS))):
            moment = midnight + timedelta(minutes=index * period)
            cells = ("" if np.isnan(value) else f"{value:.1f}" for value in row)
            writer.writerow([moment.isoformat(timespec="minutes"), *cells])


def arm_flows(values: np.ndarray, period: int) -> np.ndarray:
    """Return (days, periods, arms) veh/h from vehicles by quarter; NaN if no quarter of a period was observed.

    Example:
        >>> quarters = np.zeros((1, 96, 4)) + 10
        >>> quarters[0, 1] = np.nan
        >>> arm_flows(quarters, 30).shape, arm_flows(quarters, 30)[0, 0, 0].tolist()
        ((1, 48, 4), 40.0)
    """
    joined = period // 15
    parts = values.reshape(len(values), -1, joined, values.shape[-1])
    observed = np.isfinite(parts)
    sums, number = np.nansum(parts, axis=2), observed.sum(axis=2)
    return np.where(number > 0, 4 * sums / np.maximum(number, 1), np.nan)


def forecast_simply(counts: CameraCounts, day: int, filled: np.ndarray, past: Sequence[int]) -> Forecast:
    """Return `simple_forecast` of a day.

    Args:
        counts: of the cameras.
        day: number of the day.
        filled: (days, periods, arms) veh/h without gaps.
        past: earlier days of its kind.
    """
    return simple_forecast(filled[list(past)], filled[day])


def forecast_by_run(run: str, file: Path, counts: CameraCounts, period: int) -> dict[date, Forecast]:
    """Return the forecasts of a run of `traffic_flow`, each one period ahead, of every day but the first.

    Args:
        run: folder of the run, trained on a file of `write_arm_flows`.
        file: such a file with the days to forecast.
        counts: of the same days.
        period: minutes.

    Raises:
        InputError: no run of `traffic_flow`, other sensors, other periods, or no 0.9 quantile.
    """
    from cityzoo.evaluation.evaluated_run import open_evaluated

    subject = open_evaluated(run)
    if subject.spec.run.task != "traffic_flow":
        raise InputError(f"--run {run} is a run of {subject.spec.run.task}: expected one of traffic_flow")
    modality, quantiles = subject.task.modality, list(vars(subject.output)["quantiles"])
    flags = {"data": str(file), "format": None, "limit": None}
    examples, _ = modality.read_to_evaluate(subject.spec, subject.task, subject.output.class_names, flags)
    modality.check_manifest(subject.folder.path, examples)
    series = examples.series
    if sorted(series.sensors) != sorted(ARMS) or series.step_seconds != 60 * period:
        raise InputError(
            f"--run {run} forecasts {', '.join(series.sensors[:6])} every {series.step_seconds:g} s: train it on the "
            f"flows.csv of --out, with --period {period}"
        )
    if UPPER not in quantiles:
        raise InputError(
            f"--run {run} has the quantiles {quantiles}, not {UPPER}: train it with the usual ones"
        )
    periods = 1440 // period
    origins = np.arange(periods - 1, len(series) - 1)
    windows = replace(examples, origins=origins, window_counts=None)
    values = np.stack(modality.predict(subject.model, windows, subject.output))[:, 0]  # (W, N, quantiles)
    order = [series.sensors.index(arm) for arm in ARMS]
    flows, upper = (np.maximum(values[:, order, quantiles.index(q)], 0) for q in (0.5, UPPER))
    return {
        day: Forecast(flows[rows], np.maximum(upper, flows)[rows], f"traffic_flow run {Path(run).name}")
        for number, day in enumerate(counts.dates[1:])
        for rows in [slice(number * periods, (number + 1) * periods)]
    }


def widen(forecast: Forecast, excess: np.ndarray) -> Forecast:
    """Return a forecast whose upper quantile holds the errors of the counts, too.

    Errors of the forecast and of the counts are independent: their sizes add up as squares.

    Args:
        forecast: of counts.
        excess: share by which counts may be too low, (periods, arms).

    Example:
        >>> forecast = Forecast(np.array([[100.0]]), np.array([[130.0]]), "")
        >>> widen(forecast, np.array([[0.4]])).upper.tolist()
        [[150.0]]
    """
    reach = np.hypot(forecast.upper - forecast.flows, excess * forecast.flows)
    return replace(forecast, upper=forecast.flows + reach)
