"""Output of a format reader: numbers and times as they were written, before they are put on a regular grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

NOT_NAMED = "value"  # channel of a table that does not name its quantity


def split_names(text: object) -> tuple[str, ...]:
    """Return names given as a sequence, as text with commas, or as a number.

    Example:
        >>> split_names("pm25, wind"), split_names(["pm25"])
        (('pm25', 'wind'), ('pm25',))
    """
    if isinstance(text, (list, tuple)):
        return tuple(map(str, text))
    return tuple(each.strip() for each in str(text).split(","))


@dataclass(frozen=True)
class SeriesOptions:
    """Facts about a source, given by the reader or in a sidecar file; None: not given.

    Names may be given as text with commas between, or as a list.
    """

    start: str | None = None  # time of the first row, if the source has no times
    step: str | int | None = None  # time from row to row, see `timezones.parse_step`
    timezone: str | None = None  # IANA name of the zone of times without an offset
    # of each channel, or of the only one; or by name
    unit: str | Sequence[str] | Mapping[str, str] | None = None
    # names of the channels to keep, in that order; or the quantity, if the source does not name it
    channel: str | Sequence[str] | None = None
    adjacency: str | np.ndarray | None = None  # file of roads between sensors, or (N, N) weights
    sensor_column: str | Sequence[str] | None = None  # columns that tell which sensor a row is of
    time_column: str | Sequence[str] | None = None  # column of times, or of dates and of times of day
    places: str | None = None  # file of sensors with latitude and longitude
    missing: str | None = None  # "auto", "none", "zero" or codes, see `missing_codes.parse_missing`
    leave_out: str | None = None  # table of measurements that are wrong, see `left_out`

    def __post_init__(self) -> None:
        for name in ("channel", "sensor_column", "time_column"):
            given = getattr(self, name)
            object.__setattr__(self, name, None if given is None else split_names(given))


@dataclass(frozen=True)
class Origin:
    """Files and lines that rows were read from."""

    files: tuple[str, ...]  # paths
    # (R,) int, line of the file, or row, counted from 1; None: rows as they come
    lines: np.ndarray | None = None
    of: np.ndarray | None = None  # (R,) int, which of the files; None: the only one
    by_line: bool = False  # True if `lines` are lines of a text file

    def place(self, row: int) -> str:
        """Return where a row was written.

        Example:
            >>> Origin(("a.npz",)).place(1), Origin(("a.csv", "b.csv"), [2, 3, 2], [0, 0, 1], True).place(2)
            ('a.npz: row 2', 'b.csv:2')
        """
        file = self.files[0 if self.of is None else self.of[row]]
        line = row + 1 if self.lines is None else self.lines[row]
        return f"{file}:{line}" if self.by_line else f"{file}: row {line}"

    def take(self, rows: np.ndarray) -> Origin:
        """Return the origin of some rows."""
        lines = np.arange(1, int(rows.max(initial=0)) + 2) if self.lines is None else self.lines
        return Origin(self.files, lines[rows], None if self.of is None else self.of[rows], self.by_line)


@dataclass(frozen=True)
class RawSeries:
    """Rows of numbers.

    A wide table is one track: a row holds all sensors. In a long one each sensor, or each sensor and channel, is a
    track. Tracks x width = N x C, in the order of sensors, then channels.

    Attributes:
        values: (R, width) float64, NaN where nothing was measured.
        sensors: N names.
        channels: C names.
        columns: width names of the values of a row, for messages.
        named: whether the source names its channels.
        origin: where the rows were read.
        track: (R,) int64; None: one track.
        times: (R,) datetime64[s]; None: the source has none.
        relative: True if `times` count from the start of a simulation, as from 1970-01-01.
        zoned: True if `times` are UTC, False for local times.
        timezone: IANA name in the source, or None.
        units: of channels in the source, by name.
        places: (N, 2) float64, latitude and longitude in degrees; or None.
        notes: findings of the reader: kind -> places.
    """

    values: np.ndarray
    sensors: tuple[str, ...]
    channels: tuple[str, ...]
    columns: tuple[str, ...]
    named: bool
    origin: Origin
    track: np.ndarray | None = None
    times: np.ndarray | None = None
    zoned: bool = False
    timezone: str | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    places: np.ndarray | None = None
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    relative: bool = False

    @property
    def tracks(self) -> np.ndarray:
        """(R,) int64, zeros if there is one track."""
        return np.zeros(len(self.values), np.int64) if self.track is None else self.track

    def cell(self, row: int, column: int) -> str:
        """Return where a number was written: the row, and the column or sensor."""
        return f"{self.origin.place(row)}, column '{self.columns[column]}'"
