"""Findings of the check of sensor data: counts, the first places, and what was done about them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cityzoo.data.findings import FIRST, BaseFindings
from cityzoo.data.series.series import Series

# In the order of the report: sensors, then times, then values.
KINDS = {
    "all missing": "sensors without measurements, dropped",
    "channel missing": "sensors without measurements of a channel, kept",
    "constant": "sensors with a constant value, kept",
    "factor": "sensors that seem to use another unit, kept: correct or drop them",
    "no header": "tables without a header, sensors numbered from 1",
    "sensor column": "columns of sensors, found because each time is written once for each",
    "one station": "columns that are quantities, read as channels of one station",
    "unused column": "columns that are not used",
    "unused file": "files that are not used",
    "read outside": "files outside of the data folder, read (--allow-outside)",
    "empty row": "rows without any value, dropped",
    "assumed": "missing start and step, default used: give --start and --step",
    "unused start": "--start ignored, the data has times",
    "day first": "files with dates read as day/month/year",
    "month first": "files with dates read as month/day/year",
    "twice": "rows at ambiguous local times (clock put back), resolved by their order",
    "twice once": "rows at ambiguous local times that occur once, read as the first pass",
    "never": "rows at nonexistent local times (clock put forward), moved forward",
    "never, empty": "rows at nonexistent local times without measurements, dropped",
    "no daylight saving": "rows without daylight saving, read as standard time",
    "duplicate": "duplicate rows with the same values, averaged",
    "contradiction": "duplicate rows with different values, the last kept",
    "snapped": "rows off the grid, moved to the nearest time",
    "gap": "missing rows, inserted without values",
    "left out": "measurements that --leave-out says are wrong, read as missing",
    "not valid": "rows that the data marks as not valid, read as missing",
    "code": "codes for missing values, read as missing (--missing none keeps them)",
    "code?": "values that may be codes for missing values, kept (--missing VALUE reads them as missing)",
    "zero": "zeros read as missing values",
    "zero?": "zeros that may be missing values, kept (--missing zero reads them as missing)",
    "not measured": "missing values",
}
SUMMED = ("gap", "left out", "code", "code?", "zero", "zero?")  # with several findings per place
UNUSED = (
    "all missing",
    "unused column",
    "unused file",
    "unused start",
    "empty row",
    "contradiction",
)  # for --strict
WARNINGS = (
    "all missing",
    "channel missing",
    "constant",
    "factor",
    "assumed",
    "no daylight saving",
    "contradiction",
    "code",
    "code?",
    "zero?",
)


@dataclass
class SeriesFindings(BaseFindings):
    """Findings of the check of a series.

    Example:
        >>> findings = SeriesFindings("roads.csv", "wide")
        >>> findings.add("constant", "773869 (0 mph)")
        >>> print(findings.text())
        data: roads.csv (wide)
          sensors with a constant value, kept: 1 (773869 (0 mph))
    """

    kinds = KINDS
    summed = SUMMED
    unused = UNUSED
    content: dict = field(default_factory=dict)

    @property
    def _folder(self) -> str:
        is_folder = os.path.isdir(self.source)
        return self.source + os.sep if is_folder else self.source.removesuffix(os.path.basename(self.source))

    def add(self, kind: str, place: str = "", count: int = 1) -> None:
        """Count findings of a kind in `KINDS`; a place, if any, is such as "roads.csv:3" or a sensor's name."""
        super().add(kind, self.shorten(place), count)

    def shorten(self, place: str) -> str:
        """Return a place without the folder of the data."""
        return place.removeprefix(self._folder)

    def add_rows(self, kind: str, rows: Sequence | np.ndarray, place: Callable[[Any], str]) -> None:
        """Count one finding per row, with the places of the first rows."""
        for row in rows[:FIRST]:
            self.add(kind, place(row))
        if len(rows) > FIRST:
            self.add(kind, count=len(rows) - FIRST)

    def add_all(self, found: Mapping[str, tuple[str, ...]]) -> None:
        """Count findings of several kinds, one per place."""
        for kind, places in found.items():
            for place in places:
                self.add(kind, place)

    def describe(self, series: Series, adjacency: str = "") -> None:
        """Store the description of the series, and the source of its roads."""
        shown = series.local_times[[0, -1]]
        start, end = (str(each).replace("T", " ") for each in shown)
        self.content = {
            "rows": len(series),
            "step_seconds": series.step_seconds,
            "start": start,
            "end": end,
            "timezone": series.timezone,
            "sensors": len(series.sensors),
            "units": dict(zip(series.channels, series.units, strict=True)),
            "measured": round(float(series.mask.mean()), 6),
        }
        if series.adjacency is not None:
            roads = int((series.adjacency > 0).sum() - (np.diag(series.adjacency) > 0).sum())
            self.content["adjacency"] = {"source": adjacency, "roads": roads}

    def warnings(self) -> list[str]:
        """Return the lines to read before training on the data."""
        return [self.line(kind) for kind in WARNINGS if self.counts[kind]]

    def header(self) -> list[str]:
        """Return a description of the series, in one line."""
        return [_content(self.content)] if self.content else []

    def summary(self) -> dict[str, Any]:
        """Return the description of the series, for JSON."""
        return self.content


def _content(content: dict) -> str:
    """Return the description of a series as text."""
    channels = ", ".join(f"{name} [{unit or 'unit unknown'}]" for name, unit in content["units"].items())
    roads = f", {content['adjacency']['roads']} roads" if "adjacency" in content else ""
    return (
        f"{content['rows']} rows, one every {format_step(content['step_seconds'])}, {content['start']} to "
        f"{content['end']} ({content['timezone']}), {content['sensors']} sensors, {channels}{roads}"
    )


def format_step(seconds: int) -> str:
    """Return a duration in the largest unit that divides it.

    Example:
        >>> format_step(300), format_step(7200), format_step(86400), format_step(90)
        ('5 min', '2 h', '1 d', '90 s')
    """
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
