"""The scores at which tracks start and continue, from the operating points of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cityzoo.errors import InputError

BEST, SHARE = "best F1", 0.75
CONTINUE = 1 / 3  # of the score at which tracks start


@dataclass(frozen=True)
class Thresholds:
    """Scores of a tracker."""

    high: float  # tracks start
    low: float  # tracks continue
    origin: str  # where they come from, in words

    def to_json(self) -> dict[str, float | str]:
        """Return the entry of watched.json."""
        return {"start": self.high, "continue": self.low, "origin": self.origin}


def choose_thresholds(points: Mapping[str, float], given: float | None = None) -> Thresholds:
    """Return the thresholds of a run.

    A single image needs the score of the best F1. A track is seen in many frames and counts only if it crosses a
    line, so that neither one missed frame nor one false box changes the count: tracks start at three quarters of
    that score.

    Args:
        points: scores of the operating points, by name.
        given: score at which tracks start; None: by the rule.

    Raises:
        InputError: no operating point, and nothing given.

    Example:
        >>> choose_thresholds({"best F1": 0.4})
        Thresholds(high=0.3, low=0.1, origin='3/4 of the best F1 (0.40) on the validation images')
    """
    if given is not None:
        return Thresholds(given, given * CONTINUE, "given")
    best = points.get(BEST)
    if not best:
        raise InputError(
            "the exported run names no score of the best F1: evaluate it and export it again, or give --threshold"
        )
    origin = f"3/4 of the best F1 ({best:.2f}) on the validation images"
    return Thresholds(round(best * SHARE, 4), round(best * SHARE * CONTINUE, 4), origin)
