"""Counts per interval of time, with what was not observed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

COVERAGE = 0.95  # of the interval where time is missing
LARGEST = 1_000_000  # vehicles that may be missing, lest a second of an hour is searched forever


@dataclass(frozen=True)
class IntervalCount:
    """Vehicles in one interval of time."""

    start: float  # in seconds
    end: float
    value: float  # scaled to the whole interval; not a number where nothing was observed
    low: float  # range over the variants, widened to 95 % coverage by the time not observed
    high: float
    counted: int  # really seen
    observed_share: float  # 0..1 of the interval


def count_intervals(
    variants: Mapping[str, Sequence[float]],
    observed: Sequence[tuple[float, float]],
    start: float,
    end: float,
    seconds: float,
    nominal: str = "nominal",
) -> list[IntervalCount]:
    """Count crossings per interval.

    The range over the variants (neighbouring thresholds) is not calibrated: it says how much the count depends on
    the threshold. Time that was not observed is never zero vehicles: the count is scaled by the observed share,
    and widened by the negative binomial distribution of what a Poisson stream of unknown rate (Jeffreys prior)
    would have brought in the time that is missing.

    Args:
        variants: times of the crossings in seconds, by name of the variant.
        observed: spans of time in which frames arrived, in order, without overlaps.
        start: of the first interval.
        end: of the last interval, which may be shorter.
        seconds: length of an interval.
        nominal: the variant that gives the value.

    Example:
        >>> rows = count_intervals({"nominal": [1, 2, 70], "low": [1, 2, 3, 70]}, [(0, 60), (60, 90)], 0, 180, 60)
        >>> for row in rows:
        ...     print(row.counted, row.value, row.low, row.high, row.observed_share)
        2 2.0 2 3 1.0
        1 2.0 1 7 0.5
        0 nan nan nan 0.0
    """
    edges = [*np.arange(start, end, seconds).tolist(), end]
    rows = []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        counts = {
            name: int(((np.asarray(times) >= low) & (np.asarray(times) < high)).sum())
            for name, times in variants.items()
        }
        seen = sum(max(0.0, min(high, until) - max(low, since)) for since, until in observed)
        rows.append(estimate_count(counts, low, high, min(1.0, seen / (high - low)), nominal))
    return rows


def estimate_count(
    counts: Mapping[str, int], start: float, end: float, share: float, nominal: str = "nominal"
) -> IntervalCount:
    """Return the count of one interval of which a share was observed.

    Args:
        counts: what each variant has counted.
        start: of the interval.
        end: of the interval.
        share: 0..1, observed.
        nominal: the variant that gives the value.
    """
    counted, fewest, most = counts[nominal], min(counts.values()), max(counts.values())
    if share <= 0:
        return IntervalCount(start, end, math.nan, math.nan, math.nan, counted, 0.0)
    low = fewest + _missing_quantile(fewest, share, (1 - COVERAGE) / 2)
    high = most + _missing_quantile(most, share, (1 + COVERAGE) / 2)
    return IntervalCount(start, end, counted / share, low, high, counted, share)


def _missing_quantile(counted: int, share: float, probability: float) -> int:
    """Return a quantile of the vehicles in the time that is missing: negative binomial, counted + 0.5 and share."""
    shape, missing = counted + 0.5, 0
    log_mass = shape * math.log(share)
    total = math.exp(log_mass)
    while total < probability and share < 1 and missing < LARGEST:
        log_mass += math.log((missing + shape) / (missing + 1) * (1 - share))
        missing += 1
        total += math.exp(log_mass)
    return missing
