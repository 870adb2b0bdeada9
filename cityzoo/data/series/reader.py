"""Readers of tasks on series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cityzoo.cli import flag
from cityzoo.cli.values import parse_names

if TYPE_CHECKING:
    from cityzoo.data.series.load import Loaded


@dataclass(frozen=True)
class SeriesReader:
    """Read a series; None means: as the data itself, or a file next to it, specifies."""

    start: str | None = flag(
        None, "time of the first row if the data has no times: 2012-03-01", metavar="TIME"
    )
    step: str | None = flag(None, "time between rows if the data has no times: 5min", metavar="STEP")
    timezone: str | None = flag(
        None, "time zone of the sensors, e.g. America/Los_Angeles (default: UTC)", metavar="ZONE"
    )
    unit: str | None = flag(None, "unit of each channel, separated by commas", metavar="UNIT")
    channels: str | None = flag(
        None,
        "channels to use, the first is forecast: pm25,temperature,wind_u",
        metavar="NAMES",
        was="channel",
    )
    sensor_column: tuple[str, ...] | None = flag(
        None, "column (or columns) of a long table that tells which sensor a row is of", parse_names, "NAME"
    )
    time_column: tuple[str, ...] | None = flag(
        None, "column of times, or of dates and of times of day", parse_names, "NAME"
    )
    adjacency: str | None = flag(
        None, "roads between sensors: a CSV or .npy matrix, or from,to,cost", metavar="FILE"
    )
    missing: str | None = flag(
        None, "what means 'not measured': auto, none, zero, or codes: -999,9999", metavar="CODES"
    )
    leave_out: str | None = flag(
        None,
        "measurements that are wrong: a table of sensor, start, end and use (yes or no), as select writes it",
        metavar="FILE",
    )
    assumed: tuple[str, str] | None = None

    def __call__(self, source: str, window: int, format: str | None = None) -> Loaded:
        """Return the checked series and what the check found.

        Raises:
            InputError: anything about the data that cannot be used.
        """
        from cityzoo.data.series.load import load_series

        options: dict[str, Any] = {
            name: value for name, value in vars(self).items() if value is not None and name != "assumed"
        }
        if "channels" in options:
            options["channel"] = options.pop("channels")
        return load_series(source, **options, format=format, window=window, assumed=self.assumed)
