"""Codes that loggers write where nothing was measured, such as -999: recognized, or given with --missing.

A value is recognized as a code if it looks like one (see `strength`), is repeated, and
- lies below or above all others by many times the widest gap between those, or
- the measurements before and after it do not know of it. A saturated sensor, a cold night or an empty road is entered
  and left through similar values: around other extreme values of the channel the neighbors in time are extreme, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from cityzoo.data.series.findings import SeriesFindings
from cityzoo.data.series.raw import RawSeries
from cityzoo.data.series.sensor_quality import MISSING, is_speed
from cityzoo.errors import InputError, unknown

BOUNDS = {255.0, 65535.0, 32767.0, -32768.0, 2147483647.0, -2147483648.0, 4294967295.0}
HUGE = 1e9  # nothing in a city measures more
REPEATED = re.compile(r"-?(9{2,}|8{3,}|7{3,})(\.(9+|8+|7+))?")
WHOLE_BELOW_ZERO = re.compile(r"-\d+")
NOT_NEGATIVE = {"flow", "volume", "count", "occupancy", "density", "vehicles", "headway", "traffic"}
MOST, FEWEST = 3, 3  # codes on one side, different values that are none
TWICE, SEVERAL = 2, 5  # repetitions of a code behind a wide gap, and of one that only its neighbors give away
WIDE = 5.0  # times the widest gap between the other values on that side
SHARES = {
    (1, 2): 0.1,
    (1, 1): 0.25,
    (-1, 2): 0.3,
}  # gap over range of the others: by side (1: low) and strength
TAIL = 0.01  # share of the values beyond which a frequent one may be a code among others
FREQUENT = 5.0  # times as frequent as any other value in the tail
DIFFERENT = (
    0.2  # minimum difference of the shares of extreme neighbors: those of extreme values, those of all
)


class Missing(NamedTuple):
    """What --missing says."""

    zeros: str = "auto"  # see `sensor_quality.drop_zeros`
    detect: bool = True  # whether codes are recognized
    codes: tuple[float, ...] = ()  # values that are codes in any case


def parse_missing(text: str) -> Missing:
    """Read "auto", "none", "zero", or codes with commas between; codes alone replace the detection.

    Raises:
        InputError: any other word.

    Example:
        >>> parse_missing("-999,9999")
        Missing(zeros='none', detect=False, codes=(-999.0, 9999.0))
        >>> parse_missing("zero"), parse_missing("auto,-5").codes
        (Missing(zeros='zero', detect=True, codes=()), (-5.0,))
    """
    words = [word.strip(" '\"").lower() for word in str(text).strip("[]() ").split(",")]
    codes = []
    for word in words:
        if word not in MISSING:
            try:
                codes.append(float(word))
            except ValueError:
                raise unknown("value of missing", word, (*MISSING, "codes such as -999,9999")) from None
    if ("none" in words and len(words) > 1) or not np.isfinite(codes).all():
        raise InputError(
            f"--missing '{text}' is contradictory: give auto, none, zero, or codes as in -999,9999"
        )
    detect = "auto" in words or (not codes and "none" not in words)
    zeros = "zero" if "zero" in words or 0.0 in codes else "auto" if detect else "none"
    return Missing(zeros, detect, tuple(code for code in codes if code))


def drop_codes(
    raw: RawSeries, channels: Sequence[str], missing: Missing, findings: SeriesFindings
) -> RawSeries:
    """Return raw rows with NaN in place of codes; each code is a finding with its count and first place.

    Args:
        channels: names of the raw channels.
    """
    values = raw.values.copy()
    order = np.argsort(raw.tracks, kind="stable")
    owner = raw.tracks[:, None] * values.shape[1] + np.arange(values.shape[1])
    for number, channel in enumerate(channels):
        here = (owner % len(channels) == number) & np.isfinite(values)
        marks = [(code, True, here & (values == code)) for code in missing.codes]
        if missing.detect:
            across = here[order].T  # sensor after sensor, in time
            series, of = values[order].T[across], owner[order].T[across]
            for code, sensor, sure in find_codes(series, of, _is_never_negative(channel)):
                spots = here & (values == code)
                marks.append((code, sure, spots if sensor is None else spots & (owner == sensor)))
        for code, sure, spots in marks:
            count = int(spots.sum())
            if count:
                first = findings.shorten(raw.cell(*map(int, np.argwhere(spots)[0])))
                place = f"{code:.6g} in {channel} {count} times, first in {first}"
                findings.add("code" if sure else "code?", place, count)
            if sure:
                values[spots] = np.nan
    return replace(raw, values=values)


def _is_never_negative(channel: str) -> bool:
    return is_speed(channel, "") or bool(NOT_NEGATIVE & set(re.split(r"[^a-z]+", channel.lower())))


def find_codes(
    values: np.ndarray, owner: np.ndarray, never_negative: bool = False
) -> Iterator[tuple[float, int | None, bool]]:
    """Yield codes among measurements: the code, its sensor (None: all), and whether it is certain.

    Args:
        values: (M,) float64, finite, sensor after sensor, in the order of time.
        owner: (M,) int, sensor of each.
        never_negative: whether the quantity has no values below 0.

    Example:
        >>> values = np.array([20.5, 21, -999, 22.5, 23, -999, 24, 21.5, 20, 9999, 9999, 22])
        >>> list(find_codes(values, np.zeros(12, int)))
        [(-999.0, None, True), (9999.0, None, True)]
    """
    distinct, counts = np.unique(values, return_counts=True)
    likely = {value: n for value, n in zip(distinct.tolist(), counts, strict=True) if strength(value)}
    if not likely:
        return
    found = _both_sides(values, owner)
    found |= {value: True for value in likely if never_negative and value < 0}
    yield from ((code, None, sure) for code, sure in found.items())
    rest = [
        value for value, n in likely.items() if strength(value) == 2 and n >= TWICE and value not in found
    ]
    if owner[0] == owner[-1] or not rest:
        return
    for sensor in np.unique(
        owner[np.isin(values, rest)]
    ):  # a code of a small road lies in the range of large ones
        own = values[(owner == sensor) & ~np.isin(values, list(found))]
        codes = _both_sides(own, np.zeros(len(own), np.int64))
        yield from ((code, int(sensor), True) for code, sure in codes.items() if sure and code in rest)


def strength(value: float) -> int:
    """Return 2 for a value that is nearly always a code, 1 for one that may be one, 0 for others.

    Example:
        >>> [strength(value) for value in (-999.0, 99.9, 32767.0, -200.0, 1e20, -1.0, 0.0, 60.5, 100.0)]
        [2, 2, 2, 2, 2, 1, 0, 0, 0]
    """
    text = f"{value:.6g}"
    if abs(value) >= HUGE or value in BOUNDS or REPEATED.fullmatch(text) or (value < 0 and value % 100 == 0):
        return 2
    return 1 if WHOLE_BELOW_ZERO.fullmatch(text) else 0


def _both_sides(values: np.ndarray, owner: np.ndarray) -> dict[float, bool]:
    """Return codes below and above the other values, or in their tails: code -> whether it is certain."""
    found: dict[float, bool] = {}
    for find in (_codes_below, _codes_in_tail):  # what is certain first: it would spoil the other test
        for sign in (1, -1):
            kept = ~np.isin(values, list(found))
            turned, of = sign * values[kept], owner[kept]
            distinct, counts = np.unique(turned, return_counts=True)
            level = np.array([strength(sign * value) if value < 0 else 0 for value in distinct.tolist()])
            usual = distinct[[strength(sign * value) < 2 for value in distinct.tolist()]]
            if len(usual) >= FEWEST:
                codes = find(_Side(turned, of, distinct, counts, level, float(np.ptp(usual)), sign))
                found |= {sign * code: sure for code, sure in codes.items()}
    return found


class _Side(NamedTuple):
    """Values, turned over if codes above the others are looked for."""

    values: np.ndarray  # (M,) float64
    owner: np.ndarray  # (M,) int
    distinct: np.ndarray  # (D,) float64, rising
    counts: np.ndarray  # (D,) int
    level: np.ndarray  # (D,) int, `strength` of values below 0, 0 for others
    span: float  # range of the values that are no likely codes
    sign: int  # 1, or -1 if turned


def _codes_below(side: _Side) -> dict[float, bool]:
    """Return codes behind a wide gap."""
    distinct, likely = side.distinct, side.level > 0
    outside = MOST if likely[:MOST].all() else int(np.argmin(likely))
    for k in range(min(outside, len(distinct) - FEWEST), 0, -1):
        inner = distinct[k : k + (len(distinct) - k) // 2 + 1]
        gap, share = (
            float(inner[0] - distinct[k - 1]),
            SHARES.get((side.sign, int(side.level[:k].min())), np.inf),
        )
        if gap >= WIDE * np.diff(inner).max() and gap >= share * side.span:
            return dict(zip(distinct[:k].tolist(), (side.counts[:k] >= TWICE).tolist(), strict=True))
    return {}


def _codes_in_tail(side: _Side) -> dict[float, bool]:
    """Return codes among the lowest values, or less than that, that their neighbors in time do not know of."""
    found: dict[float, bool] = {}
    tail = int((side.distinct <= np.quantile(side.values, TAIL)).sum())
    for place in np.flatnonzero((side.level > 0)[:tail] & (side.counts >= SEVERAL)[:tail])[: 2 * MOST]:
        others = np.delete(side.counts[: tail + MOST], place)
        only_negative = side.sign > 0 and place == 0 and side.distinct[1] >= 0
        stands_out = only_negative or side.counts[place] >= FREQUENT * others.max(initial=0)
        code = float(side.distinct[place])
        if stands_out or place < MOST:
            unrelated = _is_unrelated(side.values, side.owner, code)
            if unrelated or (unrelated is None and stands_out):
                found[code] = bool(unrelated)
    return found


def _is_unrelated(values: np.ndarray, owner: np.ndarray, code: float) -> bool | None:
    """Return whether neighbors in time of a low value are as high as others are; None if that cannot be decided."""
    others = values != code
    quarter, low = np.quantile(values[others], (0.25, 0.05))
    near_code = _neighbors(values, owner, ~others)
    near_low = _neighbors(values, owner, others & (values <= low))
    near_code, near_low = near_code[near_code != code], near_low[near_low != code]
    if len(near_code) < SEVERAL or not len(near_low):
        return None
    of_all, of_low, of_code = ((each <= quarter).mean() for each in (values[others], near_low, near_code))
    if of_low - of_all < DIFFERENT:
        return None
    return bool(of_code + 0.5 / np.sqrt(len(near_code)) <= of_all + (of_low - of_all) / 2)


def _neighbors(values: np.ndarray, owner: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the values before and after some, of the same sensor."""
    same = owner[1:] == owner[:-1]
    return np.concatenate([values[1:][same & mask[:-1]], values[:-1][same & mask[1:]]])
