"""Sensors that cannot be trusted: silent, stuck, of another unit by a factor, or writing 0 where they failed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np

from cityzoo.data.series.findings import SeriesFindings
from cityzoo.data.series.raw import NOT_NAMED
from cityzoo.data.series.series import Series
from cityzoo.errors import InputError, unknown

MISSING = ("auto", "none", "zero")
SUSPICIOUS, FEW = 0.001, 10  # share and number of zeros among a speed's values from which they are looked at
SPEED_UNITS = ("mph", "mi/h", "mile/h", "miles/h", "km/h", "kmh", "kph", "kmph", "m/s")
# Factors by which units of one quantity differ, and what they are.
OF_SPEED = {1.609: "mph or km/h", 2.237: "m/s or mph", 3.6: "m/s or km/h", 1000.0: "thousandths"}
OF_OCCUPANCY = {100.0: "shares or per cent", 1000.0: "thousandths"}
OF_ALL = {1000.0: "thousandths, as mg and µg"}
CLOSE = 0.25  # how far the logarithm of a factor may be off, as a part of it
APART = 4.0  # robust standard deviations from the other sensors from which one stands out
ENOUGH = 5  # sensors: what is usual cannot be told from fewer
LEVELS = (0.5, 0.9, 0.99)  # of each sensor's measurements: another unit multiplies them all


def is_speed(channel: str, unit: str) -> bool:
    """Tell whether a channel is a speed on roads, by its name or unit.

    Example:
        >>> is_speed("speed", ""), is_speed("value", "mph"), is_speed("flow", ""), is_speed("wind_speed", "m/s")
        (True, True, False, False)
    """
    words = set(re.split(r"[^a-z/]+", f"{channel} {unit}".lower()))
    return (
        bool(words & {"speed", *SPEED_UNITS}) and not words & {"wind", "gust"} and channel.lower() != "wspm"
    )


def drop_zeros(
    values: np.ndarray, channels: Sequence[str], units: Sequence[str], missing: str, findings: SeriesFindings
) -> None:
    """Turn zeros that mean "not measured" into NaN, in place, as METR-LA writes them.

    Args:
        values: (T, N, C) float32.
        channels: C names.
        units: C.
        missing: "zero": all zeros; "none": no zero; "auto": those of speeds, where they are ten or more, 0.1 % or
            more of the measurements, and ten times as many as those between 0 and a fiftieth of the usual
            greatest: roads do not stand still without being slow. Of channels that nobody named
            they are told, not touched.
        findings: where they are counted, by channel.

    Raises:
        InputError: another word for `missing`.
    """
    if missing not in MISSING:
        raise unknown("value of missing", missing, MISSING)
    for number, (channel, unit) in enumerate(zip(channels, units, strict=True)):
        numbers = values[:, :, number]
        zeros = numbers == 0
        if missing == "none" or not zeros.any() or (missing == "auto" and not _stand_apart(numbers, zeros)):
            continue
        known = missing == "zero" or is_speed(channel, unit)
        if known or channel == NOT_NAMED:
            share = zeros.sum() / np.isfinite(numbers).sum()
            findings.add("zero" if known else "zero?", f"{channel}: {share:.1%}", int(zeros.sum()))
        if known:
            numbers[zeros] = np.nan


def _stand_apart(numbers: np.ndarray, zeros: np.ndarray) -> bool:
    measured = numbers[np.isfinite(numbers)]
    if zeros.sum() < max(FEW, SUSPICIOUS * len(measured)) or not (measured > 0).any():
        return False
    high = float(np.quantile(measured[measured > 0], 0.95))
    nearly = int(((measured > 0) & (measured < high / 50)).sum())
    return int(zeros.sum()) >= 10 * nearly


def sensors_without_data(
    values: np.ndarray, sensors: Sequence[str], channels: Sequence[str], findings: SeriesFindings
) -> np.ndarray:
    """Return (N,) bool, True for sensors that measured nothing at all, and note them.

    Args:
        values: (T, N, C).
        sensors: N names.
        channels: C names.
        findings: where they are counted, and sensors that lack one channel of several.

    Raises:
        InputError: no sensor measured anything.
    """
    lacking = np.isnan(values).all(0)
    gone = lacking.all(1)
    if gone.all():
        raise InputError(
            f"none of the {len(sensors)} sensors of '{findings.source}' measured anything: check the data"
        )
    for sensor in np.flatnonzero(gone):
        findings.add("all missing", sensors[sensor])
    for sensor, channel in np.argwhere(lacking & ~gone[:, None]):
        findings.add("channel missing", f"{sensors[sensor]}: {channels[channel]}")
    return gone


def find_suspects(series: Series, findings: SeriesFindings) -> None:
    """Note sensors that always measured the same, and those of another unit by a factor.

    A sensor is of another unit, it seems, if its median, its 90th and its 99th percentile all stand out from
    the other sensors' by about the same factor, one that units of the quantity differ by: 1.609 (mph, km/h),
    2.237 (m/s, mph), 3.6 (m/s, km/h), 100 (share, per cent) or 1000. Percentiles are of values above 0. That
    takes five sensors, most of them of one unit, and sensors that are alike but for their units: flows of small
    and large roads, say, differ by too much of their own for all but the factor of 1000.

    Args:
        series: whose sensors are looked at.
        findings: where they are counted.
    """
    for number, (channel, unit) in enumerate(zip(series.channels, series.units, strict=True)):
        columns = {}
        for name, column in zip(series.sensors, series.values[:, :, number].T, strict=True):
            columns[name] = measured = column[np.isfinite(column)]
            if len(measured) > 1 and measured.min() == measured.max():
                findings.add("constant", f"{name}: {channel} {measured[0]:g}{unit and ' '}{unit}")
        for name, factor, words in _of_another_unit(columns, _factors(channel, unit)):
            findings.add("factor", f"{name}: {channel} {factor} the others' ({words}?)")


def _factors(channel: str, unit: str) -> dict[float, str]:
    if is_speed(channel, unit) or channel == NOT_NAMED:
        return OF_SPEED
    return OF_OCCUPANCY if "occup" in channel.lower() else OF_ALL


def _of_another_unit(
    columns: Mapping[str, np.ndarray], factors: Mapping[float, str]
) -> list[tuple[str, str, str]]:
    above = {name: column[column > 0] for name, column in columns.items()}
    names = [name for name, column in above.items() if len(column)]
    if len(names) < ENOUGH:
        return []
    ratios = np.log([np.quantile(above[name], LEVELS) for name in names])
    ratios -= np.median(ratios, 0)
    spread = 1.4826 * np.median(np.abs(ratios), 0)
    found = []
    for name, ratio in zip(names, ratios, strict=True):
        factor = min(factors, key=lambda each: abs(math.log(each) - abs(ratio[0])))
        size = math.log(factor)
        one_way = (np.sign(ratio) == np.sign(ratio[0])).all()
        near = (np.abs(np.abs(ratio) - size) <= CLOSE * size).all()
        if one_way and near and (np.abs(ratio) > APART * spread).all():
            found.append((name, f"{factor:g} times" if ratio[0] > 0 else f"1/{factor:g} of", factors[factor]))
    return found
