"""What the check of a series found: counts, the first offenders with their places, and what was done about them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cityzoo.data.series.series import Series

FIRST = 5  # offenders that are named; the rest is counted

# In the order of the report: sensors, then times, then values.
KINDS = {
    "all missing": "sensors without any measurement, left out",
    "channel missing": "sensors that never measured a channel, kept",
    "constant": "sensors that always measured the same, kept",
    "factor": "sensors of another unit by a factor, it seems, kept: correct them or leave them out",
    "no header": "tables without a header: sensors are called by their number",
    "assumed": "starts and steps that nobody gave, assumed: say them with --start and --step",
    "unused start": "starts that were given, not used: the data has times of its own",
    "day first": "files with dates such as 13/03/2012, read as day/month/year",
    "month first": "files with dates such as 03/13/2012, read as month/day/year",
    "twice": "rows of local times that occur twice, told apart by their order",
    "twice once": "rows of local times that occur twice, written once: taken for the first",
    "never": "rows of local times that never occur, moved on with the clock",
    "never, empty": "rows of local times that never occur, without any measurement, left out",
    "no daylight saving": "rows of a clock that did not change in summer, read as standard time",
    "duplicate": "rows of a time that was there already, the same: their mean kept",
    "contradiction": "rows of a time that was there already, different: the later kept",
    "snapped": "rows off the step, moved to the nearest",
    "gap": "rows missing, inserted as not measured",
    "zero": "zeros taken for not measured",
    "zero?": "zeros that may mean not measured, kept (--missing zero if they do)",
    "not measured": "values not measured",
}
SUMMED = ("gap", "zero", "zero?")  # a place stands for several of them
LOUD = (
    "all missing",
    "channel missing",
    "constant",
    "factor",
    "assumed",
    "no daylight saving",
    "contradiction",
    "zero?",
)


@dataclass
class SeriesFindings:
    """Gather what the check finds; `text` is for the terminal, `as_dict` for report.json.

    Example:
        >>> findings = SeriesFindings("roads.csv", "wide")
        >>> findings.add("constant", "773869 (0 mph)")
        >>> print(findings.text())
        data: roads.csv (wide)
          sensors that always measured the same, kept: 1 (773869 (0 mph))
    """

    source: str
    format: str
    counts: Counter = field(default_factory=Counter)
    first: dict[str, list[str]] = field(default_factory=dict)
    content: dict = field(default_factory=dict)

    @property
    def _folder(self) -> str:
        return (
            self.source + os.sep
            if os.path.isdir(self.source)
            else self.source[: -len(os.path.basename(self.source))]
        )

    def add(self, kind: str, place: str = "", count: int = 1) -> None:
        """Count findings of a kind in `KINDS`; a place, if any, is such as "roads.csv:3" or a sensor's name."""
        self.counts[kind] += count
        place = place.removeprefix(self._folder)
        places = self.first.setdefault(kind, [])
        if place and len(places) < FIRST:
            places.append(place)

    def add_rows(self, kind: str, rows: Sequence, place: Callable[[Any], str]) -> None:
        """Count a finding for each of many rows, of which the first are named."""
        for row in rows[:FIRST]:
            self.add(kind, place(row))
        if len(rows) > FIRST:
            self.add(kind, count=len(rows) - FIRST)

    def add_all(self, found: Mapping[str, tuple[str, ...]]) -> None:
        """Count findings of several kinds, one for each place."""
        for kind, places in found.items():
            for place in places:
                self.add(kind, place)

    def describe(self, series: Series, adjacency: str = "") -> None:
        """Take note of the finished series, and of where its roads were read."""
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

    def line(self, kind: str) -> str:
        """Return a kind of finding in one line: meaning, count, first places."""
        places = self.first.get(kind, [])
        more = ", ..." if self.counts[kind] > len(places) and kind not in SUMMED else ""
        return f"{KINDS[kind]}: {self.counts[kind]}" + (f" ({', '.join(places)}{more})" if places else "")

    def loud(self) -> list[str]:
        """Return the lines that somebody should read before training on the data."""
        return [self.line(kind) for kind in LOUD if self.counts[kind]]

    def text(self) -> str:
        """Return the report, what the series is and a line a kind of finding."""
        lines = [f"data: {self.source} ({self.format})"]
        lines += [f"  {_content(self.content)}"] if self.content else []
        return "\n".join([*lines, *(f"  {self.line(kind)}" for kind in KINDS if self.counts[kind])])

    def as_dict(self) -> dict:
        """Return the report as plain dicts and lists, for JSON."""
        found = {
            k: {"count": self.counts[k], "first": self.first.get(k, [])} for k in KINDS if self.counts[k]
        }
        return {"source": self.source, "format": self.format, **self.content, "findings": found}


def _content(content: dict) -> str:
    """What a described series holds, in words."""
    channels = ", ".join(f"{name} [{unit or 'unit not known'}]" for name, unit in content["units"].items())
    roads = f", {content['adjacency']['roads']} roads" if "adjacency" in content else ""
    return (
        f"{content['rows']} rows, one every {step_words(content['step_seconds'])}, {content['start']} to "
        f"{content['end']} ({content['timezone']}), {content['sensors']} sensors, {channels}{roads}"
    )


def step_words(seconds: int) -> str:
    """Return a step in the greatest unit that it is a whole number of.

    Example:
        >>> step_words(300), step_words(7200), step_words(86400), step_words(90)
        ('5 min', '2 h', '1 d', '90 s')
    """
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
