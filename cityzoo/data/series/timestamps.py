"""Columns of times as people write them, read as one kind of time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cityzoo.data.series.raw import Origin
from cityzoo.errors import InputError

if TYPE_CHECKING:
    import pandas

# Times written as digits alone, by their number: a unit counts from 1970, UTC.
DIGITS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
UNITS = {10: "s", 13: "ms", 16: "us", 19: "ns"}
PARTS = ("year", "month", "day", "hour", "minute", "second")
_ZONED = re.compile(r".*\d(Z|\s*[+-]\d{2}:?\d{2}|\s*UTC)$", re.IGNORECASE)
_DAY_AND_MONTH = r"(?P<a>\d{1,2})[/.-](?P<b>\d{1,2})[/.-](?P<year>\d{4})(?P<rest>.*)"


class Times(NamedTuple):
    """Hold a column of times.

    Attributes:
        times: (R,) datetime64[s]; None: the column counts rows and tells no time.
        zoned: whether they are UTC; otherwise they are those of a local clock.
        notes: kinds of finding about how they were read.
        timezone: IANA name of the zone that they were stored in, where it is known.
    """

    times: np.ndarray | None
    zoned: bool
    notes: tuple[str, ...] = ()
    timezone: str | None = None


def read_times(written: pandas.Series, origin: Origin, name: str) -> Times:
    """Read a column of times.

    Dates are read year first: 2012-03-01, with a time of day behind a blank or T, and an offset such as -08:00
    or Z if it has one. 3/1/2012 is read in the order, day or month first, that all rows allow, or that makes the
    more even steps. Digits alone are seconds (10 of them) or milliseconds (13) since 1970 in UTC, or
    YYYYMMDD[HHMM[SS]]; 0, 1, 2, ... counts rows.

    Args:
        written: R texts or numbers, or times that pandas has read already.
        origin: where rows were read.
        name: of the column.

    Raises:
        InputError: text that is no time, with its place, or dates that can be read in two ways.

    Example:
        >>> import pandas
        >>> read_times(pandas.Series(["2012-03-01 00:05-08:00"]), Origin(("roads.csv",)), "time")
        Times(times=array(['2012-03-01T08:05:00'], dtype='datetime64[s]'), zoned=True, notes=(), timezone=None)
    """
    if written.dtype.kind == "M":
        return _read_already(written, origin, name)
    text = written.astype(str).str.strip().str.removesuffix(".0")
    if text.str.fullmatch(r"\d+").all():
        return _digits(text, origin, name)
    order = text.str.extract(f"^{_DAY_AND_MONTH}$")
    if order["year"].notna().all():
        return _slashes(text, order, origin, name)
    return _iso(text, text, origin, name)


def read_parts(parts: pandas.DataFrame, origin: Origin) -> Times:
    """Read columns year, month, day and, where they are, hour, minute and second as local times.

    Raises:
        InputError: numbers that are no date, with their place.
    """
    import pandas

    numbers = parts.apply(pandas.to_numeric, errors="coerce")
    for part, most in (
        ("hour", 23),
        ("minute", 59),
        ("second", 59),
    ):  # pandas would count on into the next day
        if part in numbers:
            numbers[part] = numbers[part].where(numbers[part].between(0, most))
    times = pandas.to_datetime(numbers, errors="coerce")
    _require_all(times, parts.astype(str).agg("-".join, axis=1), origin, "-".join(parts))
    return Times(times.to_numpy("datetime64[s]"), False)


def _read_already(written: pandas.Series, origin: Origin, name: str) -> Times:
    _require_all(written, written.astype(str), origin, name)
    zone = getattr(written.dtype, "tz", None)
    if zone is None:
        return Times(_seconds(written), False)
    name = getattr(zone, "key", getattr(zone, "zone", None))
    return Times(_seconds(written.dt.tz_convert("UTC").dt.tz_localize(None)), True, (), name)


def _digits(text: pandas.Series, origin: Origin, name: str) -> Times:
    import pandas

    size = len(text.iloc[0])
    numbers = text.astype("int64")
    if numbers.iloc[0] in (0, 1) and (numbers.diff().dropna() == 1).all():
        return Times(None, False)
    if size in UNITS:
        return Times(_seconds(pandas.to_datetime(numbers, unit=UNITS[size])), True)
    times = pandas.to_datetime(text, format=DIGITS.get(size, "%Y%m%d"), errors="coerce")
    _require_all(times, text, origin, name)
    return Times(_seconds(times), False)


def _slashes(text: pandas.Series, parts: pandas.DataFrame, origin: Origin, name: str) -> Times:
    """Dates that begin with day or month: the order that all of them allow, else the one of more even steps."""
    read = {}
    for kind, (month, day) in {"month first": "ab", "day first": "ba"}.items():
        iso = parts["year"] + "-" + parts[month].str.zfill(2) + "-" + parts[day].str.zfill(2) + parts["rest"]
        if (parts[month].astype(int) <= 12).all():
            read[kind] = _iso(iso, text, origin, name)._replace(notes=(kind,))
    if not read:
        return _iso(text, text, origin, name)  # which names the first that is no date
    if len(read) == 2:
        steps = {kind: np.diff(each.times.astype(np.int64)) for kind, each in read.items()}
        odd = {kind: len(np.unique(each)) + (each < 0).sum() for kind, each in steps.items()}
        same = (read["day first"].times == read["month first"].times).all()
        if odd["day first"] == odd["month first"] and not same:
            raise InputError(
                f"{origin.place(0)}, column '{name}': '{text.iloc[0]}' can be read as day/month or month/day: write "
                "dates year first, as 2012-03-01"
            )
        return min(read.items(), key=lambda each: odd[each[0]])[1]
    return next(iter(read.values()))


def _iso(iso: pandas.Series, text: pandas.Series, origin: Origin, name: str) -> Times:
    import pandas

    zoned = iso.map(lambda each: _ZONED.match(each) is not None).to_numpy()
    if zoned.any() and not zoned.all():
        place = int(np.argmin(zoned))
        raise InputError(
            f"{origin.place(place)}, column '{name}': '{text.iloc[place]}' has no offset from UTC while others have "
            "one: write it in all rows or in none"
        )
    dated = iso.where(iso.str.match(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(\D|$)"))  # or pandas makes dates of "5"
    times = pandas.to_datetime(dated, format="ISO8601", errors="coerce", utc=True)
    if times.isna().any():
        times = times.fillna(
            pandas.to_datetime(dated.where(times.isna()), format="mixed", errors="coerce", utc=True)
        )
    _require_all(times, text, origin, name)
    return Times(_seconds(times.dt.tz_localize(None)), bool(zoned.all()))


def _require_all(times: pandas.Series, text: pandas.Series, origin: Origin, name: str) -> None:
    if times.isna().any():
        place = int(np.argmax(times.isna().to_numpy()))
        shown = text.iloc[place]
        raise InputError(
            f"{origin.place(place)}, column '{name}': '{shown}' is no time: write it as 2012-03-01 00:05, or with an "
            "offset as 2012-03-01 00:05-08:00"
        )


def _seconds(times: pandas.Series) -> np.ndarray:
    return times.dt.round("s").to_numpy().astype("datetime64[s]")


def time_parts(words: Sequence[str]) -> list[int]:
    """Return the positions of the columns year, month, day, hour, ... among names in small letters, [] if no date.

    Example:
        >>> time_parts(["no", "year", "month", "day", "hour", "pm2.5"])
        [1, 2, 3, 4]
    """
    found = [words.index(part) for part in PARTS if part in words]
    return found if all(part in words for part in PARTS[:3]) else []
