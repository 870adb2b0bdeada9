"""Rows of counts: per line and direction, and per class."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cityzoo.watch.camera import CameraWatch, Figures
from cityzoo.watch.counting import IntervalCount, count_intervals
from cityzoo.watch.scene.line import BACK, BOTH, FORWARD, Line
from cityzoo.watch.sources.health import iso_time

COUNT_COLUMNS = ("time", "sensor", "value", "low", "high", "observed_share", "counted", "unit")


@dataclass(frozen=True)
class CountRow:
    """A count of one interval, line, direction and class."""

    camera: str
    line: str
    direction: str
    side: str  # where the vehicles go
    label: str  # class; "": all
    count: IntervalCount
    figures: Mapping[str, Any]  # more columns, of observers

    @property
    def sensor(self) -> str:
        """Name of the sensor in counts.csv: CAMERA.LINE.SIDE."""
        return sensor_name(self.camera, self.line, self.side)

    def event(self) -> dict[str, Any]:
        """Return the row as an event of type "counts", as sinks take it."""
        count = self.count
        numbers = {"value": count.value, "low": count.low, "high": count.high}
        rounded = {key: None if math.isnan(value) else round(value, 2) for key, value in numbers.items()}
        about = {"type": "counts", "camera": self.camera, "sensor": self.sensor, "line": self.line}
        about |= {"direction": self.direction, "to_side": self.side}
        span = {"time": iso_time(count.end), "from": iso_time(count.start), "to": iso_time(count.end)}
        return {**about, **span, **rounded, "observed_share": round(count.observed_share, 4), **self.figures}

    def cells(self) -> dict[str, Any]:
        """Return the cells of counts.csv; those of time that was not observed are empty."""
        count = self.count
        numbers = {"value": count.value, "low": count.low, "high": count.high}
        cells: dict[str, Any] = {"time": iso_time(count.start)[:19] + "+00:00", "sensor": self.sensor}
        cells |= {key: "" if math.isnan(value) else round(value, 2) for key, value in numbers.items()}
        cells |= {"observed_share": round(count.observed_share, 4), "counted": count.counted}
        return {**cells, "unit": f"vehicles per {count.end - count.start:g} s"}


def sensor_name(camera: str, line: str, side: str) -> str:
    """Return a name that tables, topics and files can hold.

    Example:
        >>> sensor_name("road", "north 1", "to/harbour")
        'road.north-1.to-harbour'
    """
    return ".".join(re.sub(r"[^\w-]+", "-", part).strip("-") or "x" for part in (camera, line, side))


def directions(line: Line) -> list[tuple[str, str]]:
    """Return the directions that a line counts and the names of the sides they lead to.

    Example:
        >>> directions(Line("north", ((0, 0.5), (1, 0.5)), ("city", "harbour")))
        [('forward', 'harbour'), ('back', 'city')]
    """
    both = [(FORWARD, line.sides[1]), (BACK, line.sides[0])]
    return [item for item in both if line.direction in (BOTH, item[0])]


def count_rows(
    watch: CameraWatch, start: float, end: float, by_class: bool = False, figures: Figures | None = None
) -> list[CountRow]:
    """Return the counts of one interval, by line and direction.

    Args:
        watch: of one camera.
        start: of the interval, Unix seconds.
        end: of the interval.
        by_class: a row for each class that any variant has counted, instead of one for all.
        figures: more columns, from `CameraWatch.collect_measures`.
    """
    observed, rows = watch.spans(start, end), []
    for line in watch.scene.lines:
        for direction, side in directions(line):
            labels = watch.spread.labels(line.name, direction) if by_class else [None]
            more = {} if figures is None else figures.get((line.name, direction), {})
            for label in labels:
                times = watch.spread.times(line.name, direction, label)
                (count,) = count_intervals(times, observed, start, end, end - start)
                count = count if by_class else watch.calibrate(count, line.name, direction)
                name = "" if label is None else watch.class_names[label]
                if label is None or count.high > 0:
                    rows.append(CountRow(watch.camera, line.name, direction, side, name, count, more))
    return rows


def zone_rows(watch: CameraWatch, start: float, end: float, figures: Figures) -> list[dict[str, Any]]:
    """Return what was measured in the zones in one interval; cells of time that was not observed are empty.

    Args:
        watch: of one camera.
        start: of the interval, Unix seconds.
        end: of the interval.
        figures: from `CameraWatch.collect_measures`.
    """
    share = sum(b - a for a, b in watch.spans(start, end)) / (end - start)
    names = dict.fromkeys(name for item in watch.observers for name in getattr(item, "zone_columns", ()))
    rows = []
    for zone in watch.scene.zones if names else ():
        found = figures.get(zone.name, {})
        row = {"time": iso_time(start)[:19] + "+00:00", "camera": watch.camera, "zone": zone.name}
        rows.append(row | {"observed_share": round(share, 4)} | {name: found.get(name, "") for name in names})
    return rows


def zone_event(row: Mapping[str, Any], start: float, end: float) -> dict[str, Any]:
    """Return a row of a zone as an event of type "zone", as sinks take it.

    Example:
        >>> event = zone_event({"time": "", "zone": "lane", "queue": 2, "dwell_seconds": ""}, 0.0, 1.0)
        >>> event["type"], event["queue"], event["to"], "dwell_seconds" in event
        ('zone', 2, '1970-01-01T00:00:01.000+00:00', False)
    """
    span = {"time": iso_time(end), "from": iso_time(start), "to": iso_time(end)}
    return {"type": "zone", **{key: value for key, value in row.items() if value != ""}, **span}
