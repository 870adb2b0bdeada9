"""Read series of many sensors: `load_series` gives a checked `Series`, `split` and `windows` divide it."""

from cityzoo.series.findings import SeriesFindings
from cityzoo.series.load import Loaded, load_series
from cityzoo.series.series import Series
from cityzoo.series.split import Split, Windows, days, split, windows

__all__ = [
    "Loaded",
    "Series",
    "SeriesFindings",
    "Split",
    "Windows",
    "days",
    "load_series",
    "split",
    "windows",
]
