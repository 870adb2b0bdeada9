"""Files of simulated sensors: CSV tables, each with a YAML file of its metadata."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from cityzoo.data.series import timezones
from cityzoo.data.series.series import Series


def write_wide(folder: Path, series: Series, far_km: np.ndarray | None = None) -> None:
    """Write one table per channel, CHANNEL.csv, one column per sensor; all but the first in folders of their own.

    CHANNEL.yaml next to each table has the time zone, step and unit, and the paths of adjacency.csv (weights),
    distances.csv (from, to, km) and sensors.csv (sensor, latitude, longitude).

    Args:
        folder: an empty folder.
        series: the series, optionally with adjacency and places.
        far_km: (N, N) km by road, inf if there is no route.
    """
    times = local_words(series)
    around = _write_network(folder, series, far_km)
    for place, (channel, unit) in enumerate(zip(series.channels, series.units, strict=True)):
        home = folder / channel if place else folder
        home.mkdir(exist_ok=True)
        rows = zip(times, _words(series.values[..., place]), strict=True)
        _table(home / f"{channel}.csv", ("time", *series.sensors), ([time, *row] for time, row in rows))
        files = {key: f"../{file}" if place else file for key, file in around.items()}
        _write_side(home / f"{channel}.yaml", series, {"channel": channel, "unit": unit, **files})


def write_long(folder: Path, series: Series) -> None:
    """Write one table, measurements.csv: time, sensor, one column per channel; rows without values are omitted.

    measurements.yaml has the time zone, step and units, and the paths of adjacency.csv and sensors.csv.

    Args:
        folder: an empty folder.
        series: the series, optionally with adjacency and places.
    """
    rows = (
        [time, sensor, *row]
        for time, of_time in zip(local_words(series), series.values, strict=True)
        for sensor, row in zip(series.sensors, _words(of_time), strict=True)
        if any(row)
    )
    _table(folder / "measurements.csv", ("time", "sensor", *series.channels), rows)
    units = dict(zip(series.channels, series.units, strict=True))
    around = _write_network(folder, series, None)
    _write_side(folder / "measurements.yaml", series, {"unit": units, **around})


def local_words(series: Series) -> list[str]:
    """Return T local times with their UTC offset, ISO 8601.

    Example:
        >>> times = np.arange("2025-10-25T23:00", "2025-10-26T02:00", 3600, dtype="datetime64[s]")
        >>> local_words(Series(np.zeros((3, 1, 1)), times, ("a",), ("pm25",), ("",), "Europe/Berlin"))[1:]
        ['2025-10-26T02:00:00+02:00', '2025-10-26T02:00:00+01:00']
    """
    shown = timezones.to_local(series.times, series.timezone)
    minutes = (shown - series.times).astype(np.int64) // 60
    signs = np.where(minutes < 0, "-", "+")
    parts = zip(shown.astype(str).tolist(), signs.tolist(), np.abs(minutes).tolist(), strict=True)
    return [f"{time}{sign}{ahead // 60:02d}:{ahead % 60:02d}" for time, sign, ahead in parts]


def _words(values: np.ndarray) -> list[list[str]]:
    """Return numbers with up to one decimal, "" for missing values."""
    return [
        ["" if value != value else f"{value:.1f}".removesuffix(".0") for value in row]
        for row in values.tolist()
    ]


def _table(file: Path, header: Iterable[str], rows: Iterable[list]) -> None:
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _write_network(folder: Path, series: Series, far_km: np.ndarray | None) -> dict[str, str]:
    """Write places, weights and distances of the sensors, and return the file names by kind."""
    files = {}
    if series.places is not None:
        files["places"] = "sensors.csv"
        placed = zip(series.sensors, series.places.round(6).tolist(), strict=True)
        header = ("sensor", "latitude", "longitude")
        _table(folder / "sensors.csv", header, ([name, *at] for name, at in placed))
    if series.adjacency is not None:
        files["adjacency"] = "adjacency.csv"
        weights = ([f"{w:.6g}" for w in row] for row in series.adjacency)
        _table(folder / "adjacency.csv", series.sensors, weights)
    if far_km is not None:
        pairs = np.argwhere(np.isfinite(far_km) & (far_km > 0))
        rows = ([series.sensors[a], series.sensors[b], f"{far_km[a, b]:.3f}"] for a, b in pairs)
        _table(folder / "distances.csv", ("from", "to", "distance"), rows)
    return files


def _write_side(file: Path, series: Series, more: Mapping) -> None:
    import yaml

    content = {"timezone": series.timezone, "step": f"{series.step_seconds // 60}min", **more}
    file.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
