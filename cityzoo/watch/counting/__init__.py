"""Count tracks that cross lines, per interval and with error bars."""

from cityzoo.watch.counting.intervals import IntervalCount, count_intervals, estimate_count
from cityzoo.watch.counting.line_counter import Crossing, LineCounter
from cityzoo.watch.counting.spread import CountSpread

__all__ = ["CountSpread", "Crossing", "IntervalCount", "LineCounter", "count_intervals", "estimate_count"]
