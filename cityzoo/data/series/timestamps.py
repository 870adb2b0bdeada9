"""Parsing of time columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from cityzoo.data.series.raw import Origin
from cityzoo.errors import InputError

if TYPE_CHECKING:
    import pandas

# Times in digits only, by their length: dates, or units since 1970 in UTC.
DIGITS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
UNITS: dict[int, Literal["s", "ms", "us", "ns"]] = {10: "s", 13: "ms", 16: "us", 19: "ns"}
SHOWN = 60  # letters of a field in a message
LATEST = np.iinfo("int64").max
PARTS = ("year", "month", "day", "hour", "minute", "second")
_ZONED = re.compile(r".*\d(Z|\s*[+-]\d{2}:?\d{2}|\s*UTC)", re.IGNORECASE)
_YEAR_FIRST = r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:\D|$)"  # without it, pandas makes a date of "5"
_DAY_ENDS = r"[ T]24:00(?::00)?(?!\d)"
_YEAR_THIRD = r"^(?P<a>\d{1,2})[/.-](?P<b>\d{1,2})[/.-](?P<year>\d{4})(?P<rest>.*)$"


class Times(NamedTuple):
    """A parsed time column."""

    times: np.ndarray | None  # (R,) datetime64[s]; None: the column numbers the rows
    zoned: bool  # True for UTC, False for local times
    notes: tuple[str, ...] = ()  # kinds of finding (see `findings.KINDS`)
    timezone: str | None = None  # IANA name of the zone that they were stored in, if known


def read_times(column: pandas.Series, origin: Origin, name: str) -> Times:
    """Parse a time column.

    Formats: ISO 8601 dates (2012-03-01) with an optional time and an optional offset such as -08:00 or Z; 3/1/2012,
    day or month first, whichever all rows allow, or else whichever gives the more regular steps; digits: seconds
    (10 of them) or milliseconds (13) since 1970 in UTC, YYYYMMDD[HHMM[SS]], or 0, 1, 2, ..., which numbers the rows.

    Args:
        column: R strings or numbers, or times that pandas has parsed.

    Raises:
        InputError: text that is not a time, with its place, or ambiguous dates.

    Example:
        >>> import pandas
        >>> read_times(pandas.Series(["2012-03-01 00:05-08:00"]), Origin(("roads.csv",)), "time")
        Times(times=array(['2012-03-01T08:05:00'], dtype='datetime64[s]'), zoned=True, notes=(), timezone=None)
    """
    if column.dtype.kind == "M":
        _require_all(column, column.astype(str), origin, name)
        zone = getattr(column.dtype, "tz", None)
        times = column.dt.tz_convert("UTC").dt.tz_localize(None) if zone else column
        return Times(_seconds(times), zone is not None, (), getattr(zone, "key", getattr(zone, "zone", None)))
    text = column.astype(str).str.strip().str.removesuffix(".0")
    if text.str.fullmatch(r"\d+").all():
        return _read_digits(text, origin, name)
    ends = text.str.contains(_DAY_ENDS).to_numpy(bool)  # 24:00 is 00:00 of the next day
    parts = text.str.extract(_YEAR_THIRD)
    if parts["year"].notna().all():
        found = _read_year_third(text, parts, origin, name)
    else:
        found = Times(*_read_year_first(text, text, origin, name))
    times = None if found.times is None else found.times + ends * np.timedelta64(86400, "s")
    return found._replace(times=times)


def read_offsets(column: pandas.Series) -> Times:
    """Parse seconds since a start that is not in the table, as times after 1970-01-01."""
    import pandas

    seconds = pandas.to_numeric(column).round().to_numpy("int64")
    return Times(np.datetime64(0, "s") + seconds.astype("timedelta64[s]"), True)


def read_parts(parts: pandas.DataFrame, origin: Origin) -> Times:
    """Parse columns year, month, day and optionally hour, minute and second as local times.

    Raises:
        InputError: numbers that are not a date, with their place.
    """
    import pandas

    numbers = parts.apply(pandas.to_numeric, errors="coerce")
    for part in numbers.columns.intersection(PARTS[3:]):  # hour 25 is not 1 o'clock of the next day
        numbers[part] = numbers[part].where(numbers[part].between(0, 23 if part == "hour" else 59))
    times = pandas.to_datetime(numbers, errors="coerce")
    written = parts.astype(object).where(parts.notna(), "").astype(str)
    _require_all(times, written.agg("-".join, axis=1), origin, "-".join(parts.columns))
    return Times(times.to_numpy("datetime64[s]"), False)


def _read_digits(text: pandas.Series, origin: Origin, name: str) -> Times:
    import pandas

    too_long = text.str.len() > 19
    if too_long.any():
        _require_all(text.where(~too_long), text, origin, name)
    numbers, size = text.astype("uint64").clip(upper=LATEST).astype("int64"), len(text.iloc[0])
    if numbers.iloc[0] in (0, 1) and (numbers.diff().dropna() == 1).all():
        return Times(None, False)
    if size in UNITS:
        return Times(_seconds(pandas.to_datetime(numbers, unit=UNITS[size])), True)
    times = pandas.to_datetime(text, format=DIGITS.get(size, "%Y%m%d"), errors="coerce")
    _require_all(times, text, origin, name)
    return Times(_seconds(times), False)


def _read_year_third(text: pandas.Series, parts: pandas.DataFrame, origin: Origin, name: str) -> Times:
    """Parse dates that begin with day or month: in the order that all rows allow, else that of more regular steps."""
    read: dict[str, Times] = {}
    irregular: dict[str, int] = {}
    found: list[np.ndarray] = []
    dotted = text.str.contains(r"^\d{1,2}\.").all()  # 01.03.2012 begins with the day everywhere
    for order, month, day in (("month first", "a", "b"), ("day first", "b", "a")):
        if (parts[month].astype(int) <= 12).all() and not (dotted and order == "month first"):
            dates = parts["year"] + "-" + parts[month].str.zfill(2) + "-" + parts[day].str.zfill(2)
            times, zoned = _read_year_first(dates + parts["rest"], text, origin, name)
            read[order] = Times(times, zoned, (order,))
            found.append(times)
            steps = np.diff(times).astype(np.int64)
            irregular[order] = len(np.unique(steps)) + int((steps < 0).sum())
    if not read:
        return Times(*_read_year_first(text, text, origin, name))  # raises for the first row
    if not np.array_equal(found[0], found[-1]) and len(set(irregular.values())) == 1:
        raise InputError(
            f"{origin.place(0)}, column '{name}': '{text.iloc[0][:SHOWN]}' can be read as day/month or month/day: "
            "write dates year first, as 2012-03-01"
        )
    return read[min(irregular, key=irregular.__getitem__)]


def _read_year_first(
    iso: pandas.Series, text: pandas.Series, origin: Origin, name: str
) -> tuple[np.ndarray, bool]:
    import pandas

    iso = iso.str.replace(_DAY_ENDS, " 00:00", regex=True)
    zoned = iso.str.fullmatch(_ZONED).to_numpy(bool)
    if zoned.any() and not zoned.all():
        place = int(np.argmin(zoned))
        raise InputError(
            f"{origin.place(place)}, column '{name}': '{text.iloc[place][:SHOWN]}' has no offset from UTC while others "
            "have one: write it in all rows or in none"
        )
    dates = iso.where(iso.str.match(_YEAR_FIRST))
    times = pandas.to_datetime(dates, format="ISO8601", errors="coerce", utc=True)
    if times.isna().any():
        others = dates.where(times.isna())
        times = times.fillna(pandas.to_datetime(others, format="mixed", errors="coerce", utc=True))
    _require_all(times, text, origin, name)
    return _seconds(times.dt.tz_localize(None)), bool(zoned.all())


def _require_all(times: pandas.Series, text: pandas.Series, origin: Origin, name: str) -> None:
    if times.isna().any():
        place = int(np.argmax(times.isna()))
        raise InputError(
            f"{origin.place(place)}, column '{name}': '{text.iloc[place][:SHOWN]}' is not a time: write it as "
            "2012-03-01 00:05, or with an offset as 2012-03-01 00:05-08:00"
        )


def _seconds(times: pandas.Series) -> np.ndarray:
    return times.dt.round("s").to_numpy().astype("datetime64[s]")


def time_parts(words: Sequence[str]) -> list[int]:
    """Return the positions of the columns year, month, day, hour, ... among lowercase names, [] without a full date.

    Example:
        >>> time_parts(["no", "year", "month", "day", "hour", "pm2.5"])
        [1, 2, 3, 4]
    """
    found = [words.index(part) for part in PARTS if part in words]
    return found if all(part in words for part in PARTS[:3]) else []
