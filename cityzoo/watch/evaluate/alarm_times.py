"""How soon incidents are found, and how often an alarm is false."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cityzoo.watch.evaluate.truth import Incident

# Seconds before the start and after the end in which an alarm belongs to an incident: labels say when a vehicle is
# large enough to be seen, and when a jam is complete; it forms before.
EARLY, EARLY_JAM, LATE = 5.0, 20.0, 10.0
SOON = 5.0  # seconds in which an incident should be found
DAY = 86400.0
KINDS = (
    "stopped",
    "wrong_way",
    "congestion",
)  # that a truth can have; other alarms are listed, not evaluated


def evaluate_alarms(
    raised: Sequence[tuple[str, float]], incidents: Sequence[Incident], seconds: float
) -> dict[str, Any]:
    """Return the time to the alarm of each incident, and the rate of false alarms with its interval.

    More alarms of the same kind while an incident lasts are repeated, not false. A vehicle that stands in a jam is
    stopped by it: such alarms are repeated alarms of the jam.

    Args:
        raised: kind and time in seconds of the alarms.
        incidents: that happened.
        seconds: that were observed.

    Example:
        >>> jam = Incident("congestion", 60.0, 90.0)
        >>> found = evaluate_alarms([("congestion", 64.0), ("stopped", 65.0), ("stopped", 200.0)], [jam], 3600.0)
        >>> found["incidents"][0]["seconds_to_alarm"], found["repeated"], found["false"]
        (4.0, 1, 1)
    """
    rows, explained = [], set()
    for incident in incidents:
        is_jam = incident.kind == "congestion"
        kinds, early = (("congestion", "stopped"), EARLY_JAM) if is_jam else ((incident.kind,), EARLY)
        own = [
            (kind, at)
            for kind, at in raised
            if kind in kinds and incident.start - early <= at <= incident.end + LATE
        ]
        explained |= set(own)
        times = [at for kind, at in own if kind == incident.kind]
        delay = max(0.0, min(times) - incident.start) if times else None
        rows.append(vars(incident) | {"seconds_to_alarm": delay, "alarms": len(own)})
    known = [alarm for alarm in raised if alarm[0] in KINDS]
    false = [alarm for alarm in known if alarm not in explained]
    found = [row["seconds_to_alarm"] for row in rows if row["seconds_to_alarm"] is not None]
    low, high = poisson_interval(len(false))
    return {
        "incidents": rows,
        "found": len(found),
        "happened": len(rows),
        "found_share": len(found) / len(rows) if rows else None,
        "found_soon": sum(delay <= SOON for delay in found),
        "raised": len(known),
        "repeated": len(known) - len(false) - len(found),
        "false": len(false),
        "false_alarms": [{"kind": kind, "seconds": at} for kind, at in false],
        "not_evaluated": len(raised) - len(known),
        "hours": seconds / 3600,
        "false_per_day": len(false) * DAY / seconds,
        "false_per_day_interval": [low * DAY / seconds, high * DAY / seconds],
    }


def poisson_interval(count: int, coverage: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of the mean of a Poisson count; of a count of 0 the one-sided limit.

    Garwood, "Fiducial limits for the Poisson distribution", Biometrika, 1936.

    Example:
        >>> [round(end, 2) for end in poisson_interval(0)], [round(end, 2) for end in poisson_interval(3)]
        ([0.0, 3.0], [0.62, 8.77])
    """
    from scipy.stats import chi2

    if not count:
        return 0.0, -math.log(1 - coverage)
    tail = (1 - coverage) / 2
    return float(chi2.ppf(tail, 2 * count) / 2), float(chi2.ppf(1 - tail, 2 * count + 2) / 2)
