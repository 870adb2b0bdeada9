"""The files in which a town hands over what its sensors measured: CSV tables and a YAML file beside them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from cityzoo.data.series import timezones
from cityzoo.data.series.series import Series


def write_wide(folder: Path, series: Series, far_km: np.ndarray | None = None) -> None:
    """Write the first channel as CHANNEL.csv, a column a sensor, and the others in folders of their own.

    Beside each table lies CHANNEL.yaml, which says its time zone, step and unit, and where the roads and the
    places of the sensors are: adjacency.csv (weights), distances.csv (from, to, km) and sensors.csv.

    Args:
        folder: an empty one.
        series: what to write; adjacency and places where it has them.
        far_km: (N, N) km by road, inf where there is no way.
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
    """Write one table, measurements.csv: time, sensor, then a column a channel; rows of nothing are left out.

    Beside it lies measurements.yaml, which says time zone, step and units, and where the weights between the
    sensors and their places are: adjacency.csv and sensors.csv.

    Args:
        folder: an empty one.
        series: what to write; adjacency and places where it has them.
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
    """Return T times as the clock of the series' zone shows them, with their offset from UTC, ISO 8601.

    Example:
        >>> times = np.arange("2025-10-25T23:00", "2025-10-26T02:00", 3600, dtype="datetime64[s]")
        >>> local_words(Series(np.zeros((3, 1, 1)), times, ("a",), ("pm25",), ("",), "Europe/Berlin"))[1:]
        ['2025-10-26T02:00:00+02:00', '2025-10-26T02:00:00+01:00']
    """
    shown = timezones.to_local(series.times, series.timezone)
    minutes = (shown - series.times).astype(np.int64) // 60
    signs = np.where(minutes < 0, "-", "+")
    return [
        f"{time}{sign}{abs(ahead) // 60:02d}:{abs(ahead) % 60:02d}"
        for time, sign, ahead in zip(
            shown.astype(str).tolist(), signs.tolist(), minutes.tolist(), strict=True
        )
    ]


def _words(values: np.ndarray) -> list[list[str]]:
    """Return numbers with up to one decimal, "" where nothing was measured."""
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
    """Write where sensors are and what lies between them, and return the files by what they are."""
    files = {}
    if series.places is not None:
        files["places"] = "sensors.csv"
        placed = zip(series.sensors, series.places.round(6).tolist(), strict=True)
        _table(
            folder / "sensors.csv", ("sensor", "latitude", "longitude"), ([name, *at] for name, at in placed)
        )
    if series.adjacency is not None:
        files["adjacency"] = "adjacency.csv"
        _table(
            folder / "adjacency.csv", series.sensors, ([f"{w:.6g}" for w in row] for row in series.adjacency)
        )
    if far_km is not None:
        pairs = np.argwhere(np.isfinite(far_km) & (far_km > 0))
        rows = ([series.sensors[a], series.sensors[b], f"{far_km[a, b]:.3f}"] for a, b in pairs)
        _table(folder / "distances.csv", ("from", "to", "distance"), rows)
    return files


def _write_side(file: Path, series: Series, more: Mapping) -> None:
    import yaml

    said = {"timezone": series.timezone, "step": f"{series.step_seconds // 60}min", **more}
    file.write_text(yaml.safe_dump(said, sort_keys=False, allow_unicode=True), encoding="utf-8")
