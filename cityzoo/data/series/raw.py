"""What a format of series hands over: numbers and times as they were written, before anything is laid on a grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

NOT_NAMED = "value"  # the channel of a table that does not say what its numbers are


@dataclass(frozen=True)
class SeriesOptions:
    """Hold what is said about a source by its reader or by a file beside it; None: not said.

    Attributes:
        start: time of the first row, where the source has no times.
        step: time from row to row, as `clock.parse_step` takes it.
        timezone: IANA name of the zone that times without an offset are of.
        unit: of each channel, or of the only one; or by name.
        channel: names of the channels to keep, in that order; or what the numbers are, where the source does
            not say.
        adjacency: file of roads between sensors, or (N, N) weights.
        places: file of sensors with latitude and longitude.
        missing: "auto", "none" or "zero".
    """

    start: str | None = None
    step: str | int | None = None
    timezone: str | None = None
    unit: str | tuple[str, ...] | Mapping[str, str] | None = None
    channel: tuple[str, ...] | None = None
    adjacency: str | np.ndarray | None = None
    places: str | None = None
    missing: str | None = None


@dataclass(frozen=True)
class Origin:
    """Hold where rows were read.

    Attributes:
        files: what was read.
        lines: (R,) int, line of the file, or row, counted from 1; None: rows as they come.
        of: (R,) int, which of the files; None: the only one.
        by_line: whether `lines` are lines of a text file.
    """

    files: tuple[str, ...]
    lines: np.ndarray | None = None
    of: np.ndarray | None = None
    by_line: bool = False

    def place(self, row: int) -> str:
        """Return where a row was written.

        Example:
            >>> Origin(("a.npz",)).place(1), Origin(("a.csv", "b.csv"), [2, 3, 2], [0, 0, 1], True).place(2)
            ('a.npz: row 2', 'b.csv:2')
        """
        file = self.files[0 if self.of is None else self.of[row]]
        line = row + 1 if self.lines is None else self.lines[row]
        return f"{file}:{line}" if self.by_line else f"{file}: row {line}"

    def rows(self, rows: np.ndarray) -> Origin:
        """Return the origin of some rows."""
        lines = np.arange(1, int(rows.max(initial=0)) + 2) if self.lines is None else self.lines
        return Origin(self.files, lines[rows], None if self.of is None else self.of[rows], self.by_line)


@dataclass(frozen=True)
class RawSeries:
    """Hold rows of numbers.

    A wide table is one track: a row holds all sensors. In a long one each sensor is a track of its own, or each
    sensor and channel. Tracks x width = N x C, in the order of sensors, then channels.

    Attributes:
        values: (R, width) float64, NaN where nothing was measured.
        sensors: N names.
        channels: C names.
        columns: width names, for messages: what the values of a row are.
        named: whether the source itself says what its channels are.
        origin: where rows were read.
        track: (R,) int64; None: one track.
        times: (R,) datetime64[s]; None: the source has none.
        zoned: whether `times` are UTC; otherwise they are those of a local clock.
        timezone: IANA name that the source says, or None.
        units: of channels that the source says, by name.
        places: (N, 2) float64, latitude and longitude in degrees; or None.
        notes: what the reader alone could see: kind of finding -> places.
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

    @property
    def tracks(self) -> np.ndarray:
        """(R,) int64, zeros where there is one track."""
        return np.zeros(len(self.values), np.int64) if self.track is None else self.track

    def cell(self, row: int, column: int) -> str:
        """Return where a number was written: the row, and the column or sensor.

        Example:
            >>> RawSeries(np.zeros((2, 1)), ("a",), ("speed",), ("a",), False, Origin(("roads.npz",))).cell(1, 0)
            "roads.npz: row 2, column 'a'"
        """
        return f"{self.origin.place(row)}, column '{self.columns[column]}'"
