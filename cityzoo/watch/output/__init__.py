"""The folder that a watch writes: events, counts, tracks, health and a summary."""

from cityzoo.watch.output.count_rows import COUNT_COLUMNS, CountRow, count_rows, zone_event, zone_rows
from cityzoo.watch.output.progress import Progress
from cityzoo.watch.output.summary import summarize
from cityzoo.watch.output.totals_table import describe_totals
from cityzoo.watch.output.watch_folder import WatchFolder

__all__ = [
    "COUNT_COLUMNS",
    "CountRow",
    "Progress",
    "WatchFolder",
    "count_rows",
    "describe_totals",
    "summarize",
    "zone_event",
    "zone_rows",
]
