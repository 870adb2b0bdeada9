"""Faults planted in days of sensors, to see whether a selection finds them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.tune.repeats import interval

if TYPE_CHECKING:
    from cityzoo.data.series.series import Series

SEEDS, SHARE = 5, 0.05
FAULTS = ("stuck", "half", "noise", "late")


def plant_faults(series: Series, seed: int, share: float = SHARE) -> tuple[Series, np.ndarray]:
    """Return a series with faults in the first channel of a share of its sensors' days, and which days these are.

    In turns: the first measurement of the day stays for the rest of it; half of what was measured; noise of the
    sensor's own spread is added; the day is told half a day late.

    Returns:
        The series, and (D, N) bool over its local days.

    Example:
        >>> from cityzoo.data.series.series import Series
        >>> times = np.arange("2012-03-01", "2012-03-03", 3600, dtype="datetime64[s]")
        >>> values = np.arange(96, dtype=np.float32).reshape(48, 2, 1)
        >>> planted, where = plant_faults(Series(values, times, ("a", "b"), ("speed",), ("mph",)), 0, share=0.25)
        >>> (day, sensor), = np.argwhere(where)
        >>> set(planted.values[24 * day : 24 * day + 24, sensor, 0]) == {values[24 * day, sensor, 0]}
        True
    """
    rng, values = np.random.default_rng(seed), series.values.copy()
    dates, day = np.unique(series.local_times.astype("datetime64[D]"), return_inverse=True)
    shape = (len(dates), len(series.sensors))
    wrong = np.zeros(shape, bool)
    chosen = rng.choice(wrong.size, max(1, round(share * wrong.size)), replace=False)
    wrong.flat[chosen] = True
    spread = np.nanstd(values[..., 0].astype(np.float64), axis=0)
    for number, each in enumerate(chosen):
        at, sensor = np.unravel_index(each, shape)
        cells = np.flatnonzero(day == at)
        own = values[cells, sensor, 0]
        known = own[np.isfinite(own)]
        if not len(known):
            continue
        changed = {
            "stuck": np.where(np.isfinite(own), known[0], np.nan),
            "half": own / 2,
            "noise": own + rng.normal(0, spread[sensor], len(own)),
            "late": np.roll(own, len(own) // 2),
        }
        values[cells, sensor, 0] = changed[FAULTS[number % len(FAULTS)]]
    return replace(series, values=values), wrong


def summarize_planted(found: np.ndarray) -> dict[str, Any]:
    """Return precision of the choice and of a random one, over seeds.

    Args:
        found: (seeds, 2) float, share of chosen days with a planted fault, and of all days.

    Example:
        >>> summary = summarize_planted(np.array([[0.5, 0.05], [0.7, 0.05], [0.6, 0.05]]))
        >>> round(summary["chosen"], 2), summary["is_better"]
        (0.6, True)
    """
    low, high = interval(found[:, 0] - found[:, 1])
    return {
        "seeds": len(found),
        "chosen": float(found[:, 0].mean()),
        "random": float(found[:, 1].mean()),
        "gain_interval": [low, high],
        "is_better": bool(low > 0),
    }
