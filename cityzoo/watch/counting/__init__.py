"""Count tracks that cross lines, per interval and with error bars."""

from cityzoo.watch.counting.line_counter import Crossing, LineCounter

__all__ = ["Crossing", "LineCounter"]
