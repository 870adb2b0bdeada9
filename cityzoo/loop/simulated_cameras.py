"""What cameras at the arms of the demo junction would count: with errors and gaps."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timezone
from pathlib import Path

import numpy as np

from cityzoo.traffic_signals.demand import QUARTERS, Days
from cityzoo.traffic_signals.junction import ARMS
from cityzoo.watch.counting import count_intervals
from cityzoo.watch.output.count_rows import COUNT_COLUMNS, CountRow

STEP = 300.0  # seconds of an interval
DARK = ((0, 7), (19, 24))  # hours


@dataclass(frozen=True)
class CameraErrors:
    """How cameras err.

    Attributes:
        missed: shares of the vehicles by day, in the dark and in rain; each camera adds up to `bias`.
        bias: largest additional share that a camera misses.
        twice: share counted twice.
        rain: probability of a day to have two hours of rain.
        gap: probability of a camera to fail on a day, for 5 to 120 minutes.
    """

    missed: tuple[float, float, float] = (0.02, 0.06, 0.08)
    bias: float = 0.04
    twice: float = 0.01
    rain: float = 0.4
    gap: float = 0.3


def write_watched(
    days: Days,
    folder: Path,
    errors: CameraErrors | None = None,
    others: Mapping[str, CameraErrors] | None = None,
) -> list[Path]:
    """Write a watched folder with counts.csv for each arm, and return the folders.

    The limits come from a stricter and a looser threshold, as in `watch`: they cover most of what is missed, not all.

    Args:
        days: the vehicles that really arrive.
        folder: gets a folder for each camera.
        errors: of all cameras; None: those of `CameraErrors`.
        others: of single arms.
    """
    errors = errors or CameraErrors()
    shared = np.random.default_rng([days.seed, 71])
    rains = [shared.uniform(0, 22) if shared.random() < errors.rain else None for _ in days.dates]
    folders = []
    for arm, name in enumerate(ARMS):
        rng, own = np.random.default_rng([days.seed, 72, arm]), (others or {}).get(name, errors)
        bias = rng.uniform(0, own.bias)
        rows: list[CountRow] = []
        for day in range(len(days.dates)):
            rows += _watch_day(days, day, arm, bias, rains[day], own, rng)
        place = folder / f"camera-{name}"
        place.mkdir(parents=True, exist_ok=True)
        with (place / "counts.csv").open("w", newline="", encoding="utf-8") as opened:
            writer = csv.writer(opened)
            writer.writerow(COUNT_COLUMNS)
            writer.writerows(row.cells().values() for row in rows)
        folders.append(place)
    return folders


def _watch_day(
    days: Days,
    day: int,
    arm: int,
    bias: float,
    rain: float | None,
    errors: CameraErrors,
    rng: np.random.Generator,
) -> list[CountRow]:
    """Return the rows of a camera on a day."""
    counts = days.counts[day, :, arm].sum(axis=-1)
    starts = np.repeat(np.arange(QUARTERS) * 900.0, counts)
    times = np.sort(starts + rng.uniform(0, 900, len(starts)))
    hour = times / 3600
    missed = np.full(len(times), errors.missed[0])
    missed[np.any([(hour >= low) & (hour < high) for low, high in DARK], axis=0)] = errors.missed[1]
    if rain is not None:
        missed[(hour >= rain) & (hour < rain + 2)] = errors.missed[2]
    missed, score, again = missed + bias, rng.random(len(times)), rng.random(len(times))
    variants = {
        name: np.concatenate([times[score >= missed * loss], times[again < errors.twice * double]])
        for name, loss, double in (("strict", 1.5, 0.5), ("nominal", 1.0, 1.0), ("loose", 0.4, 2.5))
    }
    spans = _observed(errors, rng)
    within = {
        name: each[np.any([(each >= low) & (each < high) for low, high in spans], axis=0)].tolist()
        for name, each in variants.items()
    }
    midnight = datetime.combine(days.dates[day], time(), timezone.utc).timestamp()
    return [
        CountRow(
            f"camera-{ARMS[arm]}",
            ARMS[arm],
            "forward",
            "junction",
            "",
            replace(count, start=midnight + count.start),
            {},
        )
        for count in count_intervals(within, spans, 0, 86400, STEP)
    ]


def _observed(errors: CameraErrors, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Return the spans of a day in which a camera works, in seconds."""
    if rng.random() >= errors.gap:
        return [(0.0, 86400.0)]
    start, length = rng.uniform(0, 86400), rng.uniform(300, 7200)
    return [(0.0, start), (min(start + length, 86400.0), 86400.0)]
