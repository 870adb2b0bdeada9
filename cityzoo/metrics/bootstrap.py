"""How sure a figure is: the images are drawn anew many times, and the figure is taken of each draw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from cityzoo.outputs import WeightedMetrics

TAILS = (2.5, 97.5)  # per cent of the draws below and above which lies what an interval of 95 % leaves out
LEAST_GROUPS = 10  # fewer scenes, drawn whole, say less of the spread than their images do
MOST_EMPTY = 0.05  # share of draws that may leave nothing to measure


def resamples(n: int, draws: int = 1000, seed: int = 0, groups: Sequence[str] | None = None) -> np.ndarray:
    """Return how often each image counts in each of many draws of as many images, with replacement.

    Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 1979. Frames of one scene are
    alike, so that each says less than an image of its own: with at least 10 groups, whole groups are drawn, as
    Cameron, Gelbach & Miller, "Bootstrap-based improvements for inference with clustered errors", Review of Economics
    and Statistics 2008, do. A draw then holds about n images, some more, some less.

    Args:
        n: images, at least 1.
        draws: how many times.
        seed: of the draws.
        groups: (n,) the scene of each image; "" is a group of its own.

    Returns:
        (draws, n) float64, whole numbers.

    Example:
        >>> resamples(4, draws=2).sum(axis=1)
        array([4., 4.])
        >>> scenes = [f"camera {i // 2}" for i in range(20)]
        >>> weights = resamples(20, draws=5, groups=scenes)
        >>> bool((weights[:, 0::2] == weights[:, 1::2]).all())
        True
    """
    rng, place = np.random.default_rng(seed), np.arange(n)
    if groups is not None:
        own = [each or (i,) for i, each in enumerate(groups)]
        number = {name: k for k, name in enumerate(dict.fromkeys(own))}
        if len(number) >= LEAST_GROUPS:
            place = np.array([number[name] for name in own])
    drawn = place.max() + 1
    return rng.multinomial(drawn, np.full(drawn, 1 / drawn), size=draws)[:, place].astype(np.float64)


def interval(values: np.ndarray) -> list[float] | None:
    """Return the 95 % percentile interval of a figure's draws.

    Args:
        values: (draws,) of the figure, NaN where there was nothing to measure.

    Returns:
        low and high; None where more than 5 % of the draws left nothing to measure.

    Example:
        >>> interval(np.arange(1001.0)), interval(np.array([1.0, np.nan]))
        ([25.0, 975.0], None)
    """
    known = values[np.isfinite(values)]
    if len(known) < (1 - MOST_EMPTY) * len(values) or not len(known):
        return None
    low, high = np.percentile(known, TAILS)
    return [float(low), float(high)]


def intervals(
    weighed: WeightedMetrics, weights: np.ndarray, keys: Iterable[str] | None = None
) -> dict[str, list[float] | None]:
    """Return the 95 % percentile interval of each figure.

    Args:
        weighed: gives figures of weighted images.
        weights: (draws, N) as `resamples` returns them.
        keys: figures wanted, those that are not known are left out; None: all.

    Returns:
        figure -> low and high, or None, see `interval`.

    Example:
        >>> right = np.array([1.0] * 80 + [0.0] * 20)
        >>> accuracy = lambda weights: {"accuracy": weights @ right / weights.sum(axis=1)}
        >>> low, high = intervals(accuracy, resamples(100))["accuracy"]
        >>> 0.7 < low < 0.74, 0.86 < high < 0.9
        (True, True)
    """
    values = weighed(weights)
    return {key: interval(values[key]) for key in (values if keys is None else keys) if key in values}
