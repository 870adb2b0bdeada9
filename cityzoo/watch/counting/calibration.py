"""What a hand-counted clip says about later counts of the same camera."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.errors import InputError
from cityzoo.watch.counting.intervals import IntervalCount, estimate_count

COVERAGE, SAMPLES, PRIOR = 0.95, 5_000, 0.5  # Jeffreys' prior of a Poisson rate


def measure_rates(counted: int, missed: int, extra: int) -> dict[str, Any]:
    """Return the calibration of a line and direction: how many vehicles a counted one stands for.

    Args:
        counted: crossings in the clip.
        missed: true ones that were not counted.
        extra: counted ones that are not true.

    Example:
        >>> rates = measure_rates(100, 4, 1)
        >>> rates["true"], rates["ratio"], [round(end, 2) for end in rates["interval"]]
        (103, 1.03, [0.99, 1.08])
    """
    true = counted - extra + missed
    rates = {"counted": counted, "missed": missed, "extra": extra, "true": true}
    return {**rates, "ratio": true / counted if counted else None, "interval": _ratio_interval(rates)}


def _ratio_interval(rates: Mapping[str, int]) -> list[float] | None:
    if not rates["counted"]:
        return None
    missed, extra = _draw_rates(rates)
    low, high = np.quantile(1 + missed - extra, _ends())
    return [float(low), float(high)]


def calibrate_count(counted: float, rates: Mapping[str, Any]) -> tuple[float, float, float]:
    """Return value, low and high of a later count, by the rates of a hand-counted clip.

    Misses and extras of the later count are Poisson numbers with rates of Gamma distribution: their uncertainty after
    the clip and the chance of the later time are both in the interval.

    Args:
        counted: of an interval of the same line and direction.
        rates: as `measure_rates` returns; without counts in the clip they say nothing.

    Example:
        >>> calibrate_count(50, measure_rates(100, 4, 1))
        (51.5, 48.0, 56.0)
    """
    if not rates["counted"]:
        return float(counted), float(counted), float(counted)
    missed, extra = _draw_rates(rates)
    rng = np.random.default_rng(1)
    later = counted + rng.poisson(missed * counted) - np.minimum(rng.poisson(extra * counted), counted)
    low, high = np.quantile(later, _ends())
    return counted * float(rates["ratio"]), float(low), float(high)


def calibrate_interval(count: IntervalCount, rates: Mapping[str, Any]) -> IntervalCount:
    """Return the count of an interval with the range of a hand-counted clip instead of that of the thresholds.

    Time that was not observed widens the range as in `estimate_count`.

    Args:
        count: of the interval.
        rates: of its line and direction.

    Example:
        >>> calibrate_interval(IntervalCount(0, 60, 50.0, 50, 50, 50, 1.0), measure_rates(100, 4, 1))
        IntervalCount(start=0, end=60, value=51.5, low=48.0, high=56.0, counted=50, observed_share=1.0)
    """
    if not count.observed_share or not rates["counted"]:
        return count
    share = count.observed_share
    missing = estimate_count({"nominal": count.counted}, count.start, count.end, share)
    value, low, high = calibrate_count(count.counted, rates)
    low, high = low + missing.low - count.counted, high + missing.high - count.counted
    return replace(count, value=value / share, low=low, high=high)


def _draw_rates(rates: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    missed, extra = (
        rng.gamma(rates[name] + PRIOR, 1 / rates["counted"], SAMPLES) for name in ("missed", "extra")
    )
    return missed, np.minimum(extra, 1.0)


def _ends() -> tuple[float, float]:
    return (1 - COVERAGE) / 2, (1 + COVERAGE) / 2


def read_calibration(path: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the rates by line and direction ("forward" or "back") of a calibration.json.

    Raises:
        InputError: not there, or no calibration.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["lines"]
        found = {(row["line"], row["direction"]): row for row in rows}
        for row in rows:
            measure_rates(int(row["counted"]), int(row["missed"]), int(row["extra"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"--calibration '{path}' cannot be read ({error}): write one with python -m cityzoo watch --evaluate"
        ) from error
    return found
