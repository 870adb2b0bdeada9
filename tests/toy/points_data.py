"""Labeled points of a CSV: x,y,label; every third row is held out."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cityzoo.errors import InputError
from cityzoo.sample import ExampleSet


@dataclass(frozen=True)
class Point:
    """A labeled point.

    Attributes:
        path: line of the file.
        xy: (2,) float32.
        target: (C,) float32, one-hot.
    """

    path: str
    xy: np.ndarray
    target: np.ndarray


@dataclass(frozen=True)
class PointFindings:
    """What is known of the file."""

    source: str
    points: int

    def as_dict(self):
        """Return the findings as a report stores them."""
        return {"source": self.source, "points": self.points}


@dataclass(frozen=True)
class Points:
    """Points to train on and held-out ones."""

    train: ExampleSet
    val: ExampleSet
    findings: PointFindings

    @property
    def held_out(self):
        """Return the held-out points."""
        return self.val


def read_points(source, limit=None):
    """Read a CSV of points.

    Raises:
        InputError: no such file, or a row that is not x,y,label.
    """
    if not Path(source).is_file():
        raise InputError(f"--data '{source}' does not exist: give a CSV of x,y,label")
    with open(source, newline="") as file:
        rows = list(csv.reader(file))
    try:
        labeled = [(float(x), float(y), label) for x, y, label in rows[1:]]
    except ValueError as error:
        raise InputError(f"'{source}': {error}: give rows of x,y,label") from error
    names = tuple(sorted({label for *_, label in labeled}))
    targets = np.eye(len(names), dtype=np.float32)
    points = [
        Point(f"{source}:{number}", np.array([x, y], np.float32), targets[names.index(label)])
        for number, (x, y, label) in enumerate(labeled, 2)
    ]
    train = tuple(point for number, point in enumerate(points) if number % 3)[:limit]
    val = tuple(points[::3])[:limit]
    return Points(
        ExampleSet("train", names, train), ExampleSet("val", names, val), PointFindings(source, len(points))
    )
