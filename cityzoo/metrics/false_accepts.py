"""False accepts per hour of a detector that listens without pause, and the misses of a threshold against them.

The measure of wake words: Chen, Parada and Heigold, "Small-footprint keyword spotting using deep neural networks",
ICASSP 2014.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

PER_HOUR = (0.1, 0.5, 1.0, 5.0, 10.0, 50.0)  # rates of the table
NEVER = 1.0 + 1e-6  # a threshold that no probability reaches


def peaks(scores: np.ndarray) -> np.ndarray:
    """Return the scores of the alarms that a recording can raise: the highest score of each run of windows.

    An alarm lasts as long as neighboring windows exceed the threshold: a local maximum is at most one alarm. Of two
    maxima, both are alarms only above the valley between them, which is ignored here: counts are upper bounds.

    Args:
        scores: (W,) scores of overlapping windows in order.

    Example:
        >>> peaks(np.array([0.1, 0.8, 0.9, 0.2, 0.6])).tolist()
        [0.9, 0.6]
    """
    padded = np.concatenate([[-np.inf], scores, [-np.inf]])
    # Of equal neighbors the last one counts.
    return scores[(padded[1:-1] >= padded[:-2]) & (padded[1:-1] > padded[2:])]


def threshold_at_rate(alarms: np.ndarray, hours: float, per_hour: float) -> float:
    """Return the lowest threshold that at most `per_hour` alarms an hour reach; above 1 if none does.

    Args:
        alarms: (A,) scores of possible alarms.
        hours: time that they were collected in.
        per_hour: allowed rate.

    Example:
        >>> round(threshold_at_rate(np.array([0.9, 0.6, 0.3]), hours=2.0, per_hour=0.5), 3)
        0.6
    """
    allowed = int(per_hour * hours + 1e-9)
    ordered = np.sort(alarms)[::-1]
    if len(ordered) <= allowed:
        return 0.0
    # Just above the first alarm that is one too many.
    return float(min(np.nextafter(ordered[allowed], np.inf), NEVER))


def false_accept_metrics(
    streams: Sequence[np.ndarray],
    hours: float,
    positives: Sequence[tuple[np.ndarray, int]],
    names: Sequence[str],
    per_hour: float,
) -> dict[str, Any]:
    """Return thresholds on the score of the surest event, each with its false accepts per hour and its misses.

    Args:
        streams: (W, E) scores of E events for the windows of each recording without events.
        hours: duration of all of them.
        positives: scores (E,) and the true event of each sound of an event.
        names: of the events.
        per_hour: wanted rate of false accepts.

    Returns:
        `hours`, `wanted_per_hour`, `threshold`, `per_hour` at it, `miss_rate` and `false_rejects` by event at it
        (sounds whose event does not reach the threshold, or is not the surest), `smallest_rate` that so many hours
        can tell from 0, and a table `rates`.
    """
    alarms = np.concatenate([peaks(np.asarray(scores).max(axis=1)) for scores in streams])
    correct = np.array(
        [float(scores[true]) if int(np.argmax(scores)) == true else -1.0 for scores, true in positives]
    )
    truth = np.array([true for _, true in positives], int)

    def at(rate: float) -> dict[str, float | None]:
        threshold = threshold_at_rate(alarms, hours, rate)
        missed = float(np.mean(correct < threshold)) if len(correct) else None
        return {
            "threshold": threshold,
            "per_hour": float(np.sum(alarms >= threshold)) / hours,
            "miss_rate": missed,
        }

    chosen = at(per_hour)
    missed = correct < chosen["threshold"]
    by_event = {name: float(missed[truth == n].mean()) for n, name in enumerate(names) if (truth == n).any()}
    return {
        "hours": hours,
        "wanted_per_hour": per_hour,
        "smallest_rate": 1.0 / hours,
        **chosen,
        "false_rejects": by_event,
        "rates": {f"{rate:g}": at(rate) for rate in PER_HOUR},
    }
