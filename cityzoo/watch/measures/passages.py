"""What happens at lines: the time between vehicles and the share of time that a line is covered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.watch.measures.coverage import covers_line
from cityzoo.watch.measures.motion import Motion
from cityzoo.watch.scene import Line
from cityzoo.watch.scene.line import BACK, FORWARD

if TYPE_CHECKING:
    from cityzoo.watch.camera import Observation


class PassageMeter:
    """Measure headways and occupancy of one line.

    A headway is the time between two vehicles that cross in the same direction; one with a gap of observation in it
    is left out. Occupancy is the share of observed time with a vehicle on the line, in either direction.

    Args:
        line: that is measured.
        motion: of the camera.
    """

    columns = ("headway_seconds", "headway_shortest", "occupancy")

    def __init__(self, line: Line, motion: Motion) -> None:
        self.line, self.motion, self._points = line, motion, np.array(line.points)
        self._last: dict[str, float] = {}
        self._headways: dict[str, list[tuple[float, float]]] = defaultdict(list)  # time, seconds
        self._steps: list[tuple[float, float, bool]] = []

    def update(self, observation: Observation) -> list[dict[str, Any]]:
        """Take a frame; no events."""
        self.motion.update(observation)
        trails = self.motion.trails
        if trails.after_gap:
            self._last = {}
        boxes = trails.boxes / np.tile(trails.scale, 2)
        is_covered = bool(len(boxes)) and bool(covers_line(boxes, self._points).any())
        self._steps.append((observation.frame.time, trails.step, is_covered))
        for crossing in observation.crossings:
            if crossing.line == self.line.name:
                last = self._last.get(crossing.direction)
                if last is not None and crossing.time > last:
                    self._headways[crossing.direction].append((crossing.time, crossing.time - last))
                self._last[crossing.direction] = crossing.time
        return []

    def health(self, event: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Do nothing: gaps are seen in the times of frames."""
        return []

    def interval(self, start: float, end: float) -> dict[tuple[str, str], dict[str, float]]:
        """Return headway and occupancy by (line, direction) in an interval, and forget it."""
        steps = [step for step in self._steps if start <= step[0] < end]
        self._steps = [step for step in self._steps if step[0] >= end]
        observed = sum(seconds for _, seconds, _ in steps)
        covered = sum(seconds for _, seconds, is_covered in steps if is_covered)
        rows = {}
        for direction in (FORWARD, BACK):
            headways = [seconds for time, seconds in self._headways[direction] if start <= time < end]
            self._headways[direction] = [pair for pair in self._headways[direction] if pair[0] >= end]
            row = {"occupancy": round(covered / observed, 4)} if observed else {}
            if headways:
                row["headway_seconds"] = round(sum(headways) / len(headways), 2)
                row["headway_shortest"] = round(min(headways), 2)
            rows[self.line.name, direction] = row
        return rows
