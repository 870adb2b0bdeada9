"""Time series of sensors: `load_series` returns a checked `Series`, `split` divides it in time."""

from cityzoo.data.series.findings import SeriesFindings
from cityzoo.data.series.load import Loaded, load_series
from cityzoo.data.series.series import Series
from cityzoo.data.series.split import Split, days, split

__all__ = ["Loaded", "Series", "SeriesFindings", "Split", "days", "load_series", "split"]
