"""How much a count depends on the score threshold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cityzoo.watch.counting.line_counter import Crossing, LineCounter
from cityzoo.watch.scene.line import Line
from cityzoo.watch.tracking import Track, Tracker
from cityzoo.watch.tracking.tracker import Detections

NEIGHBOURS = {"lower": 0.75, "nominal": 1.0, "higher": 1.25}  # of the score at which tracks start


class CountSpread:
    """Count the same detections with the wanted threshold and with its neighbours.

    A threshold a quarter lower or higher is as good a choice as the one that was made. If it gives another count,
    the count is uncertain by that much: the error bar as long as no clip was counted by hand.

    Args:
        lines: to count at.
        image_hw: height and width of the image in pixels.
        high: 0..1, score at which tracks start.
        low: score at which they continue; default: a third of `high`.

    Raises:
        InputError: scores out of range.

    Example:
        >>> from cityzoo.watch.scene import Line
        >>> spread = CountSpread([Line("north", ((0, 0.5), (1, 0.5)))], (100, 200), high=0.2)
        >>> spread.times("north", "forward")
        {'lower': [], 'nominal': [], 'higher': []}
    """

    def __init__(
        self, lines: Sequence[Line], image_hw: tuple[int, int], high: float, low: float | None = None
    ) -> None:
        low = high / 3 if low is None else low
        self.trackers = {
            name: Tracker(min(high * factor, 1.0), min(low * factor, high * factor, 1.0))
            for name, factor in NEIGHBOURS.items()
        }
        self.counters = {
            name: [LineCounter(line, image_hw, tracker.high) for line in lines]
            for name, tracker in self.trackers.items()
        }
        self._crossings: dict[str, list[Crossing]] = {name: [] for name in NEIGHBOURS}
        self._since = float("-inf")
        self._totals: Counter[tuple[str, str, str, int]] = Counter()

    def update(self, detections: Detections, seconds: float) -> tuple[list[Track], list[Crossing]]:
        """Return the tracks of a frame and its crossings, both with the wanted threshold."""
        wanted: tuple[list[Track], list[Crossing]] = ([], [])
        for name, tracker in self.trackers.items():
            tracks = tracker.update(detections, seconds)
            crossings = [item for counter in self.counters[name] for item in counter.update(tracks, seconds)]
            self._crossings[name] += crossings
            self._totals.update((name, item.line, item.direction, item.label) for item in crossings)
            if name == "nominal":
                wanted = tracks, crossings
        return wanted

    def times(self, line: str, direction: str, label: int | None = None) -> dict[str, list[float]]:
        """Return the times of the crossings since `forget`, by threshold; what `count_intervals` takes.

        A crossing of the time before that, which became certain only now (who stops on the line), has that time.

        Args:
            line: name of the line.
            direction: "forward" or "back".
            label: class; None: all.
        """
        return {
            name: [
                max(item.time, self._since)
                for item in crossings
                if (item.line, item.direction) == (line, direction) and label in (None, item.label)
            ]
            for name, crossings in self._crossings.items()
        }

    def totals(self, line: str, direction: str, label: int | None = None) -> dict[str, int]:
        """Return the number of all crossings so far, by threshold; arguments as of `times`."""
        return {
            name: sum(
                number
                for (of, at, way, kind), number in self._totals.items()
                if (of, at, way) == (name, line, direction) and label in (None, kind)
            )
            for name in NEIGHBOURS
        }

    def labels(self, line: str, direction: str) -> list[int]:
        """Return the classes that any of the thresholds has counted at a line in a direction."""
        return sorted({kind for _, at, way, kind in self._totals if (at, way) == (line, direction)})

    def forget(self, before: float) -> None:
        """Forget the times of crossings before a time; the totals stay."""
        for name, crossings in self._crossings.items():
            self._crossings[name] = [item for item in crossings if max(item.time, self._since) >= before]
        self._since = before

    def check_scores(self) -> None:
        """Raise InputError if no detection so far reaches the wanted threshold."""
        self.trackers["nominal"].check_scores()
