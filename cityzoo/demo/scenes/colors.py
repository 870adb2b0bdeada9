"""Colors of vehicles and loads, with the frequencies of real traffic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from cityzoo.demo.scenes.meshes import Color

Value = TypeVar("Value")
DARK: Color = (30.0, 31.0, 34.0)
GLASS: Color = (42.0, 52.0, 62.0)
PLATE: Color = (225.0, 225.0, 215.0)
CAR_PAINT = (
    (5, (232, 232, 230)),
    (4, (170, 174, 178)),
    (4, (92, 96, 102)),
    (4, (38, 39, 43)),
    (2, (44, 72, 128)),
    (2, (150, 30, 34)),
    (1, (196, 186, 160)),
    (1, (40, 84, 62)),
    (1, (222, 172, 38)),
    (1, (112, 66, 44)),
)
BUS_PAINT = (
    (3, (204, 40, 40)),
    (3, (236, 236, 232)),
    (2, (44, 104, 168)),
    (2, (236, 178, 40)),
    (2, (60, 140, 84)),
)
LOAD_PAINT = (
    (5, (236, 236, 232)),
    (2, (48, 84, 140)),
    (2, (160, 52, 40)),
    (2, (70, 110, 84)),
    (2, (190, 160, 110)),
    (1, (220, 130, 40)),
)


def pick(rng: np.random.Generator, table: Sequence[tuple[float, Value]]) -> Value:
    """Return a random value of a table of (weight, value).

    Example:
        >>> pick(np.random.default_rng(0), ((0.0, "never"), (1.0, "always")))
        'always'
    """
    mark = rng.random() * sum(weight for weight, _ in table)
    for weight, value in table:
        mark -= weight
        if mark < 0:
            return value
    return table[-1][1]


def paint(rng: np.random.Generator, table: Sequence[tuple[float, Color]]) -> Color:
    """Return a random color of a table, slightly varied."""
    brighter, tints = rng.uniform(-14, 14), rng.uniform(-4, 4, 3).tolist()
    return tuple(max(8.0, min(245.0, c + brighter + t)) for c, t in zip(pick(rng, table), tints, strict=True))
