"""Flags of tasks on series."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cityzoo.cli import flag
from cityzoo.cli.search_range import options
from cityzoo.cli.values import parse_count, parse_number
from cityzoo.data.series.sensor_rules import parse_sensor_rule_file
from cityzoo.errors import InputError

GRAPHS = ("auto", "roads", "correlation", "both", "none")


def parse_shares(text: str) -> tuple[float, ...]:
    """Read "0.7,0.1,0.2" as shares of train, val and test.

    Raises:
        InputError: not three shares that add up to 1.

    Example:
        >>> parse_shares("0.7,0.1,0.2")
        (0.7, 0.1, 0.2)
    """
    words = re.split(r"[,/ ]+", text.strip())
    try:
        shares = tuple(float(word) for word in words)
    except ValueError:
        shares = ()
    if len(shares) != 3 or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise InputError(
            f"'{text}' is not a split in time: give shares of train, val and test that add up to 1, e.g. 0.7,0.1,0.2"
        )
    return shares


@dataclass(frozen=True)
class SeriesFlags:
    """How a series is cut into windows and what a backbone knows of its sensors."""

    history: int = flag(12, "rows of history in each window", parse_count, "ROWS")
    horizon: int = flag(12, "rows to forecast", parse_count, "ROWS")
    split: tuple[float, ...] = flag(
        (0.7, 0.1, 0.2), "shares of train, val and test, in time", parse_shares, "A,B,C"
    )
    graph: str = flag(
        "auto",
        "sensor graph: roads (--adjacency), correlation, both, none; auto: correlation",
        choices=GRAPHS,
    )
    hidden_size: int = flag(
        128,
        "hidden size per sensor",
        parse_count,
        "N",
        was="width",
        search=options(64, 128, 256),
    )
    train_days: float = flag(
        0.0,
        "train on the last days of train alone, as for a new sensor; 0: all",
        parse_number,
        "DAYS",
        was="days",
    )


WINDOWS_CHANGED = 1000  # of --interventions


@dataclass(frozen=True)
class SeriesEvaluateFlags:
    """Flags of evaluate.py for tasks on series."""

    interventions: int | None = flag(
        None,
        "hide or shift the history of a sensor, of its neighbors and of others in N windows: which do forecasts depend "
        f"on ({WINDOWS_CHANGED} if not given)",
        parse_count,
        "N",
        const=WINDOWS_CHANGED,
    )
    rules: Mapping[str, Any] | None = flag(
        None,
        "values that cannot be: a YAML file of bounds and directions of sensors, and of sums that flow in and out of a "
        "place; also evaluate forecasts that are corrected by it",
        parse_sensor_rule_file,
        "FILE",
    )
