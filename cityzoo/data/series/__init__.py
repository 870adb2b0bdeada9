"""Read series of many sensors: `load_series` gives a checked `Series`, `split` and `windows` divide it."""

from cityzoo.data.series.findings import SeriesFindings
from cityzoo.data.series.load import Loaded, load_series
from cityzoo.data.series.series import Series
from cityzoo.data.series.split import Split, Windows, days, split, windows

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
