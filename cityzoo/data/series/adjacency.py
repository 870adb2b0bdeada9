"""Roads between sensors: matrices as CSV or .npy, and lists of distances turned into weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cityzoo.data.series.csv_sniffer import Look, plain, sniff_csv
from cityzoo.data.series.csv_table import numbers, read_csv
from cityzoo.errors import InputError

WEAKEST = 0.1  # weights below it are no road (Li et al., 2018)
_PICKLES = (".pkl", ".pickle", ".p", ".pt", ".pth")
_COSTS = ("cost", "distance", "dist", "weight", "length")


def read_adjacency(source: str | np.ndarray, sensors: Sequence[str], weakest: float = WEAKEST) -> np.ndarray:
    """Return the weights of roads between sensors.

    Args:
        source: (N, N) array; or a file: .npy, CSV of N x N weights, with or without a header of sensors' names,
            or CSV of distances with the columns from, to, cost.
        sensors: N names. A matrix without names is in their order.
        weakest: see `from_distances`.

    Returns:
        (N, N) float32, 0 for no road.

    Raises:
        InputError: a pickle, another size, weights that are infinite or below 0, no CSV of this kind.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        weights = _read_file(path, sensors, weakest)
    else:
        path, weights = "adjacency", np.asarray(source)
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or weights.shape[0] != len(sensors):
        size = " x ".join(map(str, weights.shape))
        raise InputError(
            f"{path} is {size}, the series has {len(sensors)} sensors, expected {len(sensors)} x {len(sensors)}: "
            "give the roads of these sensors, in their order"
        )
    bad = np.argwhere(~(np.isfinite(weights) & (weights >= 0)))
    if len(bad):
        row, column = bad[0]
        raise InputError(
            f"{path}: row {row + 1}, column {column + 1} is {weights[row, column]}, expected a weight of 0 or more"
        )
    return weights.astype(np.float32)


def from_distances(
    origins: Sequence[str],
    ends: Sequence[str],
    costs: np.ndarray,
    sensors: Sequence[str],
    weakest: float = WEAKEST,
) -> np.ndarray:
    """Return weights for distances: a Gaussian kernel, w = exp(-(d / s)^2), as DCRNN has it.

    s is the standard deviation of the distances listed between these sensors. Roads are one way, from the row's
    sensor to the column's; each sensor has the weight 1 to itself.

    Args:
        origins: K names of sensors; others than `sensors` are passed over.
        ends: K names.
        costs: (K,) distances along the road, any unit; the later of two for the same road counts.
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
    # Distances that are all alike have no spread: their own size serves as the scale.
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
            raise InputError(
                f"{path} cannot be read: write it by numpy.save, as an array of numbers"
            ) from error
    table = sniff_csv(path)
    if table is None:
        raise InputError(
            f"{path} is no CSV with two rows or more: give N x N weights, or columns from, to, cost"
        )
    return (
        _read_distances(path, table, sensors, weakest)
        if {"from", "to"} <= set(table.words)
        else _matrix(path, table, sensors)
    )


def _read_distances(path: Path, table: Look, sensors: Sequence[str], weakest: float) -> np.ndarray:
    ends = [table.words.index("from"), table.words.index("to")]
    cost = next((n for n, word in enumerate(table.words) if word in _COSTS), None)
    if cost is None:
        raise InputError(f"{path} has no column of distances: call it cost, expected from,to,cost")
    read = read_csv([path], [table], ends)
    costs = numbers(read, [cost])[:, 0]
    bad = np.flatnonzero(~(costs >= 0))
    if len(bad):
        raise InputError(
            f"{read.origin.place(int(bad[0]))}: cost is {costs[bad[0]]}, expected a distance of 0 or more"
        )
    origins, targets = (
        read.frame[column].astype(str).str.strip().str.removesuffix(".0").tolist() for column in ends
    )
    known = set(sensors)
    if not any(one in known and other in known for one, other in zip(origins, targets, strict=True)):
        raise InputError(
            f"{path} names none of the {len(sensors)} sensors ('{origins[0]}' is no '{sensors[0]}'): call them as the "
            "series does"
        )
    return from_distances(origins, targets, costs, sensors, weakest)


def _matrix(path: Path, table: Look, sensors: Sequence[str]) -> np.ndarray:
    """A matrix by its sensors' names where it has them, else as it stands."""
    width = len(table.rows[0])
    named_rows = bool(table.header) and plain(table.header[0]) in (
        "",
        "sensor",
        "sensor id",
        "id",
        "index",
        "unnamed: 0",
    )
    read = read_csv([path], [table], [0] if named_rows else [])
    weights = numbers(read, range(1 if named_rows else 0, width))
    names = table.header[1:] if named_rows else table.header
    where = {name: number for number, name in enumerate(names)}
    if len(weights) == len(names) and set(sensors) <= set(where):
        kept = [where[name] for name in sensors]
        return weights[np.ix_(kept, kept)]
    return weights
