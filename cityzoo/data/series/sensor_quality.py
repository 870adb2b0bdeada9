"""Checks of sensors: no data, constant values, another unit by a factor, zeros for failed measurements."""

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
SUSPICIOUS, FEW = 0.001, 10  # minimum share and number of zeros among a speed's values
SPEED_UNITS = ("mph", "mi/h", "mile/h", "miles/h", "km/h", "kmh", "kph", "kmph", "m/s")
# Factors between units of one quantity.
OF_SPEED = {1.609: "mph or km/h", 2.237: "m/s or mph", 3.6: "m/s or km/h", 1000.0: "thousandths"}
OF_OCCUPANCY = {100.0: "shares or percent", 1000.0: "thousandths"}
OF_ALL = {1000.0: "thousandths, as mg and µg"}
CLOSE = 0.25  # relative tolerance of the logarithm of a factor
APART = 4.0  # robust standard deviations that an outlier is away from the other sensors
ENOUGH = 5  # sensors, the minimum to compare them
LEVELS = (0.5, 0.9, 0.99)  # of each sensor's measurements: another unit scales all of them


def is_speed(channel: str, unit: str) -> bool:
    """Return whether a channel is a speed on roads, by its name or unit.

    Example:
        >>> is_speed("speed", ""), is_speed("value", "mph"), is_speed("flow", ""), is_speed("wind_speed", "m/s")
        (True, True, False, False)
    """
    words = set(re.split(r"[^a-z/]+", f"{channel} {unit}".lower()))
    is_wind = words & {"wind", "gust"} or channel.lower() == "wspm"
    return bool(words & {"speed", *SPEED_UNITS}) and not is_wind


def drop_zeros(
    values: np.ndarray, channels: Sequence[str], units: Sequence[str], missing: str, findings: SeriesFindings
) -> None:
    """Replace zeros that mean "not measured", as in METR-LA, with NaN in place; values are (T, N, C) float32.

    Args:
        missing: "zero": all zeros; "none": no zero; "auto": zeros of speeds if there are ten or more, 0.1 % or more of
            the measurements, and ten times as many as values between 0 and 1/50 of the 95th percentile: traffic
            does not stop without slowing down. Zeros of unnamed channels are only reported.

    Raises:
        InputError: unknown value of `missing`.
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
    """Return (N,) bool, True for sensors without any measurement in (T, N, C) values.

    Sensors that lack one channel of several are findings, too.

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
        findings.add("all missing", sensors[int(sensor)])
    for sensor, channel in np.argwhere(lacking & ~gone[:, None]):
        findings.add("channel missing", f"{sensors[sensor]}: {channels[channel]}")
    return gone


def find_suspects(series: Series, findings: SeriesFindings) -> None:
    """Report constant sensors, and sensors that seem to use another unit.

    A sensor seems to use another unit if its median, 90th and 99th percentile (of values above 0) all differ from
    those of the other sensors by about the same factor, one between units of the quantity: 1.609 (mph, km/h),
    2.237 (m/s, mph), 3.6 (m/s, km/h), 100 (share, percent) or 1000. This requires five sensors, most of them with
    the same unit, and otherwise similar: flows of small and large roads differ too much for factors below 1000.
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
