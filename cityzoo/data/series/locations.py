"""Where sensors stand: a CSV with a row a sensor, its latitude and longitude, as METR-LA brings it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cityzoo.data.series.csv_sniffer import LATITUDES, LONGITUDES, SENSOR_NAMES, first_of, sniff_csv
from cityzoo.data.series.csv_table import numbers, read_csv
from cityzoo.errors import InputError


def read_places(source: str, sensors: Sequence[str]) -> np.ndarray:
    """Return where sensors stand.

    Args:
        source: CSV with a header: the sensor's name (sensor_id, station, ...), latitude, longitude.
        sensors: N names; rows of others are passed over.

    Returns:
        (N, 2) float64, latitude and longitude in degrees, NaN for sensors that are not listed.

    Raises:
        InputError: no such file, no such columns, none of the sensors, degrees that are none.
    """
    path = Path(source)
    table = sniff_csv(path)
    words = () if table is None else table.words
    columns = [first_of(words, names) for names in (SENSOR_NAMES, LATITUDES, LONGITUDES)]
    if None in columns:
        there = "does not exist" if not path.is_file() else "has no such columns"
        raise InputError(f"places '{source}' {there}: give a CSV with the columns sensor,latitude,longitude")
    read = read_csv([path], [table], columns[:1])
    degrees, names = numbers(read, columns[1:]), read.frame[columns[0]].astype(str).str.strip().tolist()
    wrong = np.flatnonzero((np.abs(degrees) > (90, 180)).any(1))
    if len(wrong):
        raise InputError(
            f"{read.origin.place(int(wrong[0]))}: {degrees[wrong[0]].tolist()} is no place, expected a latitude within "
            "90 and a longitude within 180 degrees"
        )
    known = dict(zip(names, degrees, strict=True))
    if not set(sensors) & set(known):
        raise InputError(
            f"{path} names none of the {len(sensors)} sensors ('{names[0]}' is no '{sensors[0]}'): call them as the "
            "series does"
        )
    return np.array([known.get(name, (np.nan, np.nan)) for name in sensors], np.float64)
