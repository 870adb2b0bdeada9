"""Plots of forecasts: days of single sensors, and errors by sensor, time and location."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.data.series.series import Series
from cityzoo.data.series.windows import WindowSet
from cityzoo.metrics.forecast_errors import format_horizon

DAYS, STRIP, PLACES = "days", "strip", "map"
SHOWN = 3  # sensors: smallest, median and largest error
BLUE, INK, GRAY = "#0072b2", "#1c2430", "#9aa3ae"
DAY = 86400


def draw_forecasts(
    folder: Path,
    windows: WindowSet,
    quantiles: np.ndarray,
    levels: Sequence[float],
    baseline: np.ndarray,
) -> dict[str, str]:
    """Write `days.png`, `strip.png` and, if locations are known, `map.png`; return stem -> title.

    Args:
        folder: where they go.
        windows: W windows.
        quantiles: (W, horizon, N, Q) float32.
        levels: of the Q quantiles.
        baseline: (W, horizon, N) float, the best forecast without a network.
    """
    series, origins, truth = windows.series, windows.origins, windows.targets()
    median = list(levels).index(0.5)
    errors = np.abs(truth - quantiles[..., median])
    mae = np.nanmean(np.where(np.isfinite(errors), errors, np.nan), axis=(0, 1))
    _days(folder / f"{DAYS}.png", windows, mae, quantiles, median, baseline)
    _strip(folder / f"{STRIP}.png", series, origins, errors)
    ahead = format_horizon(windows.horizon, series.step_seconds)
    titles = {
        DAYS: f"Sensors with the smallest, median and largest error, {ahead} ahead",
        STRIP: "Mean absolute error of each forecast, one row per sensor",
    }
    if series.places is not None and np.isfinite(series.places).all(axis=1).sum() > 1:
        _map(folder / f"{PLACES}.png", series, series.places, mae)
        titles[PLACES] = "Mean absolute error of each sensor"
    return titles


def draw_sensor_days(
    path: Path, series: Series, dates: np.ndarray, chosen: np.ndarray, forecasts: np.ndarray
) -> None:
    """Draw days of single sensors in a grid: measured, forecast, and the interval.

    Args:
        path: of the PNG.
        series: of T rows and N sensors.
        dates: (D,) datetime64[D], local.
        chosen: (K, 2) int, day and sensor of each plot.
        forecasts: (T, N, 3) float, lowest, median and highest quantile at each row.
    """
    from matplotlib.figure import Figure

    columns = min(4, len(chosen))
    lines = -(-len(chosen) // columns)
    figure = Figure(figsize=(3.2 * columns, 2 * lines), layout="constrained")
    local = series.local_times
    for number, (day, sensor) in enumerate(chosen, 1):
        rows = np.flatnonzero(local.astype("datetime64[D]") == dates[day])
        hours = (local[rows].astype(np.int64) % DAY) / 3600
        axes = figure.add_subplot(lines, columns, number)
        low, median, high = forecasts[rows, sensor].T
        axes.fill_between(hours, low, high, color=BLUE, alpha=0.2, linewidth=0)
        axes.plot(hours, median, color=BLUE, linewidth=1.2)
        axes.plot(hours, series.values[rows, sensor, 0], color=INK, linewidth=1)
        axes.set_title(f"{number}. {series.sensors[sensor]} {dates[day]}", loc="left", fontsize=8)
        axes.set_xlim(0, 24)
        axes.set_xticks([0, 6, 12, 18, 24])
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel(
        f"local hour; black: measured, blue: forecast and its interval [{series.units[0]}]", fontsize=8
    )
    figure.savefig(path, dpi=110)


def _with_unit(name: str, series: Series) -> str:
    return f"{name}, {series.units[0]}" if series.units[0] else name


def _hours_label(series: Series, origins: np.ndarray) -> str:
    start = str(series.local_times[origins[0]])[:16].replace("T", " ")
    return f"hours from {start} ({series.timezone})"


def _days(
    path: Path, windows: WindowSet, mae: np.ndarray, quantiles: np.ndarray, median: int, baseline: np.ndarray
) -> None:
    from matplotlib.figure import Figure

    series, origins, truth = windows.series, windows.origins, windows.targets()
    order = [row for row in np.argsort(mae) if np.isfinite(mae[row])]
    chosen = [order[0], order[len(order) // 2], order[-1]][: max(1, min(SHOWN, len(order)))]
    rows = slice(0, max(2, min(len(origins), round(2 * DAY / series.step_seconds))))
    hours = (np.arange(len(origins))[rows] + windows.horizon) * series.step_seconds / 3600
    figure = Figure(figsize=(11, 2.6 * len(chosen)), layout="constrained")
    for number, sensor in enumerate(chosen):
        axes = figure.add_subplot(len(chosen), 1, number + 1)
        ahead = quantiles[rows, -1, sensor]
        axes.fill_between(hours, ahead[:, 0], ahead[:, -1], color=BLUE, alpha=0.2, linewidth=0)
        axes.plot(hours, baseline[rows, -1, sensor], color=GRAY, linewidth=1)
        axes.plot(hours, ahead[:, median], color=BLUE, linewidth=1.6)
        axes.plot(hours, truth[rows, -1, sensor], color=INK, linewidth=1.1)
        axes.set_title(f"{series.sensors[sensor]}, MAE {mae[sensor]:.2f}", loc="left", fontsize=10)
        axes.set_ylabel(_with_unit(series.channels[0], series))
        axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel(_hours_label(series, origins))
    figure.savefig(path, dpi=110)


def _strip(path: Path, series: Series, origins: np.ndarray, errors: np.ndarray) -> None:
    from matplotlib.figure import Figure

    counts = np.isfinite(errors).sum(axis=1)
    shown = np.where(counts, np.nansum(errors, axis=1) / np.maximum(counts, 1), np.nan)  # (windows, sensors)
    hours = len(origins) * series.step_seconds / 3600
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    axes = figure.add_subplot()
    extent, highest = (0, hours, len(series.sensors), 0), float(np.nanpercentile(shown, 99))
    look: dict[str, Any] = {"aspect": "auto", "cmap": "magma_r", "interpolation": "nearest"}
    image = axes.imshow(shown.T, extent=extent, vmin=0, vmax=highest, **look)
    figure.colorbar(image, label=_with_unit("mean absolute error", series))
    axes.set_xlabel(_hours_label(series, origins))
    axes.set_ylabel("sensor")
    figure.savefig(path, dpi=110)


def _map(path: Path, series: Series, places: np.ndarray, mae: np.ndarray) -> None:
    from matplotlib.figure import Figure

    latitude, longitude = places.T
    figure = Figure(figsize=(11, 6), layout="constrained")
    axes = figure.add_subplot()
    if series.adjacency is not None:
        for a, b in np.argwhere(series.adjacency > 0):
            axes.plot(longitude[[a, b]], latitude[[a, b]], color="#dfe3e8", linewidth=0.8, zorder=1)
    image = axes.scatter(
        longitude, latitude, c=mae, cmap="magma_r", s=40, zorder=2, edgecolors=INK, linewidths=0.4
    )
    figure.colorbar(image, label=_with_unit("mean absolute error", series))
    axes.set_aspect(1 / max(np.cos(np.deg2rad(np.nanmean(latitude))), 0.1))
    axes.set_xlabel("longitude")
    axes.set_ylabel("latitude")
    figure.savefig(path, dpi=110)
