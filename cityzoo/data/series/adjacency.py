"""Roads between sensors (matrices as CSV or .npy, lists of distances) and the locations of sensors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cityzoo.data.series.columns import LATITUDES, LONGITUDES, SENSOR_NAMES, find_column
from cityzoo.data.series.csv_sniffer import CsvPreview, normalize, sniff_csv
from cityzoo.data.series.csv_table import read_csv, to_numbers
from cityzoo.errors import InputError

WEAKEST = 0.1  # weights below it are not roads (Li et al., 2018)
_PICKLES = (".pkl", ".pickle", ".p", ".pt", ".pth")
_COSTS = ("cost", "distance", "dist", "weight", "length")
_ROW_NAMES = ("", "sensor", "sensor id", "id", "index", "unnamed: 0")


def read_adjacency(source: str | np.ndarray, sensors: Sequence[str], weakest: float = WEAKEST) -> np.ndarray:
    """Return the weights of roads between sensors.

    Args:
        source: (N, N) array; or a file: .npy, CSV of N x N weights, with or without a header of sensor names, or CSV
            of distances with the columns from, to, cost.
        sensors: N names. A matrix without names is in their order.
        weakest: see `from_distances`.

    Returns:
        (N, N) float32, 0 for no road.

    Raises:
        InputError: a pickle, wrong size, weights that are infinite or below 0, or not such a file.
    """
    if isinstance(source, str | Path):
        name, weights = str(source), _read_file(Path(source), sensors, weakest)
    else:
        name, weights = "adjacency", np.asarray(source)
    if weights.shape != (len(sensors), len(sensors)):
        size = " x ".join(map(str, weights.shape))
        raise InputError(
            f"{name} is {size}, the series has {len(sensors)} sensors, expected {len(sensors)} x {len(sensors)}: "
            "give the roads of these sensors, in their order"
        )
    bad = np.argwhere(~((weights <= np.finfo(np.float32).max) & (weights >= 0)))
    if len(bad):
        row, column = bad[0]
        raise InputError(
            f"{name}: row {row + 1}, column {column + 1} is {weights[row, column]}, expected a weight of 0 or more"
        )
    return weights.astype(np.float32)


def from_distances(
    origins: Sequence[str],
    ends: Sequence[str],
    costs: np.ndarray,
    sensors: Sequence[str],
    weakest: float = WEAKEST,
) -> np.ndarray:
    """Turn distances into weights by a Gaussian kernel, w = exp(-(d / s)^2), as in DCRNN.

    s is the standard deviation of the distances between these sensors. Roads are directed, from the row's sensor to
    the column's; each sensor has weight 1 to itself.

    Args:
        origins: K names of sensors; others than `sensors` are ignored.
        ends: K names.
        costs: (K,) distances along the road in any unit; of two for the same road, the later counts.
        sensors: N names.
        weakest: weights below it become 0.

    Returns:
        (N, N) float64, 0..1.

    References:
        Li et al., Diffusion Convolutional Recurrent Neural Network, ICLR 2018, section 4 and appendix E.

    Example:
        >>> from_distances(["a", "b"], ["b", "a"], np.array([1.0, 3.0]), ("a", "b")).round(3)
        array([[1.   , 0.368],
               [0.   , 1.   ]])
    """
    where = {name: number for number, name in enumerate(sensors)}
    distances = np.full((len(sensors), len(sensors)), np.inf)
    for origin, end, cost in zip(origins, ends, costs, strict=True):
        if origin in where and end in where:
            distances[where[origin], where[end]] = cost
    listed = distances[np.isfinite(distances)]
    # Equal distances have no spread: their own size serves as the scale.
    scale = float(np.std(listed) or np.max(listed)) if len(listed) else 1.0
    weights = np.exp(-np.square(distances / (scale or 1.0)))
    np.fill_diagonal(weights, 1.0)
    return np.where(weights < weakest, 0.0, weights)


def _read_file(path: Path, sensors: Sequence[str], weakest: float) -> np.ndarray:
    if not path.is_file():
        raise InputError(f"adjacency '{path}' does not exist: give a .csv or .npy file")
    if path.suffix.lower() in _PICKLES:
        raise InputError(
            f"{path} is a pickle, which runs code when it is opened: if you trust it, convert it once with python -c "
            f"\"import pickle, numpy; numpy.save('{path.with_suffix('.npy')}', pickle.load(open('{path}', 'rb'), "
            "encoding='latin1')[-1])\" and give the .npy"
        )
    if path.suffix.lower() == ".npy":
        try:
            return np.asarray(np.load(path, allow_pickle=False), np.float64)
        except (ValueError, OSError) as error:
            raise InputError(f"{path} cannot be read: write an array of numbers with numpy.save") from error
    preview = sniff_csv(path)
    if preview is None:
        raise InputError(
            f"{path} is not a CSV with two rows or more: give N x N weights, or columns from, to, cost"
        )
    if {"from", "to"} <= set(preview.words):
        return _read_distances(path, preview, sensors, weakest)
    return _read_matrix(path, preview, sensors)


def _read_distances(path: Path, preview: CsvPreview, sensors: Sequence[str], weakest: float) -> np.ndarray:
    ends = [preview.words.index("from"), preview.words.index("to")]
    cost = next((n for n, word in enumerate(preview.words) if word in _COSTS), None)
    if cost is None:
        raise InputError(f"{path} has no column of distances: call it cost, expected from,to,cost")
    table = read_csv([path], [preview], ends)
    costs = to_numbers(table, [cost])[:, 0]
    bad = np.flatnonzero(~(costs >= 0))
    if len(bad):
        raise InputError(
            f"{table.origin.place(int(bad[0]))}: cost is {costs[bad[0]]}, expected a distance of 0 or more"
        )
    texts = (table.frame[column].astype(str).str.strip() for column in ends)
    origins, targets = (text.str.removesuffix(".0").tolist() for text in texts)
    known = set(sensors)
    if not any(one in known and other in known for one, other in zip(origins, targets, strict=True)):
        raise _no_sensor(path, origins[0], sensors)
    return from_distances(origins, targets, costs, sensors, weakest)


def _read_matrix(path: Path, preview: CsvPreview, sensors: Sequence[str]) -> np.ndarray:
    """Return a matrix in the order of the sensors if it has names, else as it is."""
    named_rows = bool(preview.header) and normalize(preview.header[0]) in _ROW_NAMES
    table = read_csv([path], [preview], [0] if named_rows else [])
    weights = to_numbers(table, range(1 if named_rows else 0, len(preview.rows[0])))
    names = preview.header[1:] if named_rows else preview.header
    where = {name: number for number, name in enumerate(names)}
    if len(weights) == len(names) and set(sensors) <= set(where):
        kept = [where[name] for name in sensors]
        return weights[np.ix_(kept, kept)]
    return weights


def _no_sensor(path: Path, name: str, sensors: Sequence[str]) -> InputError:
    return InputError(
        f"{path} names none of the {len(sensors)} sensors ('{name}' is not '{sensors[0]}'): use the names of the series"
    )


def read_places(source: str, sensors: Sequence[str]) -> np.ndarray:
    """Return the locations of sensors.

    Args:
        source: CSV with a header: the sensor's name (sensor_id, station, ...), latitude, longitude.

    Returns:
        (N, 2) float64, latitude and longitude in degrees, NaN for sensors that are not listed.

    Raises:
        InputError: no such file or columns, none of the sensors, degrees out of range.
    """
    path = Path(source)
    preview = sniff_csv(path)
    words = preview.words if preview else ()
    found = [find_column(words, names) for names in (SENSOR_NAMES, LATITUDES, LONGITUDES)]
    columns = [column for column in found if column is not None]
    if preview is None or len(columns) < len(found):
        reason = "has no such columns" if path.is_file() else "does not exist"
        raise InputError(f"places '{source}' {reason}: give a CSV with the columns sensor,latitude,longitude")
    table = read_csv([path], [preview], columns[:1])
    degrees = to_numbers(table, columns[1:])
    wrong = np.flatnonzero((np.abs(degrees) > (90, 180)).any(1))
    if len(wrong):
        raise InputError(
            f"{table.origin.place(int(wrong[0]))}: {degrees[wrong[0]].tolist()} is not a location, expected a latitude "
            "within 90 and a longitude within 180 degrees"
        )
    names = table.frame[columns[0]].astype(str).str.strip().tolist()
    known = dict(zip(names, degrees, strict=True))
    if not set(sensors) & set(known):
        raise _no_sensor(path, names[0], sensors)
    return np.array([known.get(name, (np.nan, np.nan)) for name in sensors], np.float64)
