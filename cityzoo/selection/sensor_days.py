"""Choose days of single sensors that a person should look at: measurements that a forecast did not expect.

What sensors lack is not the future, which labels itself, but somebody who says which measurements are wrong. The folder
holds `days.csv` with a column `use` to fill in, which `train.py --leave-out` reads.
"""

from __future__ import annotations

import csv
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from cityzoo.data.series import left_out
from cityzoo.errors import InputError
from cityzoo.fit.run_folder import next_free_folder
from cityzoo.selection.coverage import Chosen, choose, standardize_features
from cityzoo.selection.page import COLUMNS, SelectionRequest, write_selection
from cityzoo.selection.planted_faults import SEEDS, plant_faults, summarize_planted
from cityzoo.visualize.forecasts import draw_sensor_days

if TYPE_CHECKING:
    from cityzoo.data.series.series import Series
    from cityzoo.data.series.windows import WindowSet
    from cityzoo.evaluation.evaluated_run import EvaluatedRun
    from cityzoo.outputs.quantile_forecast import QuantileForecast

LOG = logging.getLogger(__name__)
BLOCK = 1024  # windows at a time
LEAST_MEASURED = 0.5  # of a day
WORST_EXPECTED = 2.0  # times the typical sensor's error: one that is always wrong is not expected to be


@dataclass(frozen=True)
class SensorDays:
    """D days of N sensors, by how unexpected their measurements are.

    Attributes:
        dates: (D,) datetime64[D], local.
        surprise: (D, N) float64, mean absolute error of the day's forecasts over that sensor's usual one; 0 where less
            than half of a day was measured.
        profiles: (D, N, 24) float32, mean error of each local hour in usual errors, above 0: more than forecast.
        forecasts: (T, N, 3) float32, lowest, median and highest quantile of the longest horizon at each row; NaN where
            nothing was forecast.
    """

    dates: np.ndarray
    surprise: np.ndarray
    profiles: np.ndarray
    forecasts: np.ndarray


def measure_days(run: EvaluatedRun, windows: WindowSet) -> SensorDays:
    """Return how unexpected each day of each sensor is to a run's model.

    Raises:
        InputError: no day is measured for half of its time.
    """
    series, forecasts = windows.series, _forecast(run, windows)
    error = (series.values[..., 0] - forecasts[..., 1]).astype(np.float64)
    dates, day = np.unique(series.local_times.astype("datetime64[D]"), return_inverse=True)
    counts, sums = _total(np.isfinite(error), day), _total(np.abs(np.nan_to_num(error)), day)
    enough = (counts >= LEAST_MEASURED * np.bincount(day)[:, None]) & (counts > 0)
    if not enough.any():
        raise InputError(
            f"no day of a sensor is measured and forecast for half of its time ({len(dates)} days, "
            f"{len(series.sensors)} sensors): give more days"
        )
    daily = np.where(enough, sums / np.maximum(counts, 1), np.nan)
    of_sensor = np.ma.median(np.ma.masked_invalid(daily), axis=0).filled(np.inf)
    usual = np.maximum(np.minimum(of_sensor, WORST_EXPECTED * np.median(of_sensor[enough.any(axis=0)])), 1e-6)
    surprise = np.where(enough, np.nan_to_num(daily) / usual, 0.0)
    return SensorDays(dates, surprise, _profiles(series, error, usual), forecasts)


def _forecast(run: EvaluatedRun, windows: WindowSet) -> np.ndarray:
    """Quantiles of the longest horizon at each row, as `SensorDays.forecasts`."""
    levels = list(cast("QuantileForecast", run.output).quantiles)
    found = np.full((*windows.series.values.shape[:2], 3), np.nan, np.float32)
    for first in range(0, len(windows), BLOCK):
        block = replace(windows, origins=windows.origins[first : first + BLOCK])
        results = np.stack(run.task.modality.predict(run.model, block, run.output))
        found[block.origins + windows.horizon] = results[:, -1][..., [0, levels.index(0.5), -1]]
    return found


def _total(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Sums of the rows of each group, which are numbered from 0 on."""
    found = np.zeros((group.max() + 1, values.shape[1]))
    np.add.at(found, group, values)
    return found


def _profiles(series: Series, error: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Mean error of each local hour of each day, as `SensorDays.profiles`."""
    hours = series.local_times.astype("datetime64[h]").astype(np.int64)
    hour = hours - hours.min() // 24 * 24
    total, count = _total(np.nan_to_num(error), hour), _total(np.isfinite(error), hour)
    rows = np.zeros((-(-len(total) // 24) * 24, len(usual)))
    rows[: len(total)] = total / np.maximum(count, 1) / usual
    days = rows.reshape(-1, 24, len(usual)).transpose(0, 2, 1)
    return days[np.unique(hour // 24)].astype(np.float32)


def choose_days(days: SensorDays, most: int) -> tuple[np.ndarray, Chosen]:
    """Return all days of sensors, (M, 2) int of day and sensor, and which of these were chosen.

    Chosen as examples of other modalities are: by surprise times distance, here of the shape of the error over the day.
    """
    place = np.argwhere(days.surprise > 0)
    shapes = days.profiles[place[:, 0], place[:, 1]]
    _, rows = standardize_features(shapes[:0], shapes)
    return place, choose(days.surprise[place[:, 0], place[:, 1]], rows, rows[:0], most)


def select_days(run: EvaluatedRun, request: SelectionRequest) -> bool:
    """Write a folder of days to look at; return False if planted faults are not found more often than at random.

    Raises:
        InputError: unusable data, other sensors than the run's, or days that are hardly measured.
    """
    if request.labels or request.score is not None:
        raise InputError("--labels and --score are of images, texts and sounds: leave them out for sensors")
    windows = run.task.modality.read_new(run.spec, run.task, request.data, {})
    run.task.modality.check_manifest(run.folder.path, windows)
    windows = replace(windows, origins=windows.origins[: request.limit])
    days = measure_days(run, windows)
    LOG.info("%d days of %d sensors in '%s'", len(days.dates), len(windows.series.sensors), request.data)
    place, found = choose_days(days, request.most)
    chosen = place[found.rows]
    simulation = simulate_faults(run, windows) if request.simulates else None
    folder = next_free_folder(request.out, run.folder.path, "selection")
    rows = _describe(windows, days, place, found)
    _write_days(folder / "days.csv", windows, days, chosen)
    draw_sensor_days(folder / "contact_sheet.png", windows.series, days.dates, chosen, days.forecasts)
    counts = {"examples": "days of sensors", "candidates": len(place), "duplicates": found.duplicates}
    write_selection(folder, run, rows, {**counts, **({"planted": simulation} if simulation else {})})
    LOG.info(
        "write no into the column use of %s where measurements are wrong, then: python train.py --leave-out %s ...",
        *(folder / "days.csv", folder / "days.csv"),
    )
    return simulation is None or simulation["is_better"]


def simulate_faults(run: EvaluatedRun, windows: WindowSet) -> dict[str, Any]:
    """Return how many of the faults that are planted in the data are among as many chosen days, over seeds."""
    found = []
    for seed in range(SEEDS):
        series, planted = plant_faults(windows.series, seed)
        days = measure_days(run, replace(windows, series=series))
        planted &= days.surprise > 0
        place, chosen = choose_days(days, int(planted.sum()))
        rows = place[chosen.rows]
        found.append((planted[rows[:, 0], rows[:, 1]].mean(), planted.sum() / len(place)))
    return summarize_planted(np.array(found))


def _describe(windows: WindowSet, days: SensorDays, place: np.ndarray, found: Chosen) -> list[dict[str, Any]]:
    """Rows of why.csv."""
    series, rows = windows.series, []
    local, unit = series.local_times.astype("datetime64[D]"), f" {series.units[0]}" if series.units[0] else ""
    names = [f"{series.sensors[sensor]} {days.dates[day]}" for day, sensor in place]
    steps = zip(found.rows, found.distances, found.nearest, strict=True)
    for rank, (row, distance, near) in enumerate(steps, 1):
        day, sensor = place[row]
        cells = local == days.dates[day]
        error = np.nanmean(series.values[cells, sensor, 0] - days.forecasts[cells, sensor, 1])
        values = (
            *(rank, names[row], round(float(days.surprise[day, sensor]), 4), round(float(distance), 4)),
            "" if near >= 0 else f"chosen: {names[-1 - near]}",
            f"on average {abs(error):.1f}{unit} {'more' if error > 0 else 'less'} than forecast",
        )
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows


def _write_days(path: Path, windows: WindowSet, days: SensorDays, chosen: np.ndarray) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")  # people append to its lines
        writer.writerow(left_out.COLUMNS)
        for day, sensor in chosen:
            start, end = days.dates[day], days.dates[day] + 1
            writer.writerow([windows.series.sensors[sensor], f"{start} 00:00", f"{end} 00:00", ""])
