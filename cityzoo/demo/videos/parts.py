"""Parts of a video: stretches with their light, traffic and incident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

INCIDENTS = ("", "stopped", "wrong_way", "jam")


@dataclass(frozen=True)
class Part:
    """A stretch of a video with one light."""

    seconds: float
    condition: str  # one of cityzoo.demo.scenes.light.CONDITIONS
    per_hour: float = 500.0  # vehicles per lane and hour
    incident: str = ""  # one of INCIDENTS


VIDEOS: dict[str, tuple[Part, ...]] = {
    "incidents": (
        Part(100, "day"),
        Part(90, "day", incident="stopped"),
        Part(80, "dusk"),
        Part(80, "dusk", incident="wrong_way"),
        Part(100, "rain"),
        Part(150, "rain", 1500.0, "jam"),
    ),
    "normal": tuple(Part(600, condition) for condition in ("day", "dusk", "rain") * 2),
    "short": (Part(20, "day"),),
}


def part_at(parts: Sequence[Part], seconds: float) -> int:
    """Return the position of the part at a time; the last for later times.

    Example:
        >>> part_at((Part(10, "day"), Part(5, "rain")), 10.0)
        1
    """
    ends = list(accumulate(part.seconds for part in parts))
    return min(sum(seconds >= end for end in ends), len(parts) - 1)


def list_starts(parts: Sequence[Part]) -> list[tuple[float, Part]]:
    """Return the time at which each part starts, and the part."""
    ends = accumulate(part.seconds for part in parts)
    return [(end - part.seconds, part) for end, part in zip(ends, parts, strict=True)]
