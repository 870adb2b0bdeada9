"""Random traffic at the junction: peaks by direction, weekends, noise, incidents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from cityzoo.traffic_signals.junction import ARMS, TURNS, exit_arm
from cityzoo.traffic_signals.sumo import write_xml

QUARTERS = 96  # of an hour in a day, the resolution of counts
FIRST_DAY = date(2026, 1, 5)  # a Monday
PAST_WEEKDAYS, PAST_WEEKEND = 17, 19  # days before the last one, a Thursday or a Saturday
SHARES = np.array([[0.16, 0.66, 0.18], [0.14, 0.70, 0.16], [0.18, 0.62, 0.20], [0.13, 0.70, 0.17]])

# veh/h by arm (north, east, south, west) on a usual day: base level, then peaks (arm, hour, width in hours, veh/h)
_WEEKDAY = ((190, 210, 180, 220), ((3, 8, 1.1, 400), (1, 8.3, 1.3, 150), (2, 7.6, 1, 90), (0, 13, 1.2, 120)))
_EVENING = ((2, 17.3, 1.3, 400), (0, 17.6, 1.5, 190), (1, 17, 1.5, 140), (3, 17, 1.5, 40))
_WEEKEND = (
    (180, 190, 170, 190),
    ((0, 12.5, 2.5, 190), (2, 15, 2.5, 200), (3, 11.5, 2, 130), (1, 18, 2, 130)),
)


@dataclass(frozen=True)
class Days:
    """Traffic counts of consecutive days; plans are compared on the last one.

    Args:
        dates: one per day.
        counts: (days, 96, 4 arms, 3 turns) int64, vehicles in each quarter of an hour.
        incidents: description for each day, "" for none.
        seed: of the random numbers.
    """

    dates: tuple[date, ...]
    counts: np.ndarray
    incidents: tuple[str, ...]
    seed: int

    def past_of_kind(self, day: int) -> list[int]:
        """Return the earlier days of the same kind: working days or weekend days."""
        weekend = self.dates[day].weekday() >= 5
        return [i for i in range(day % len(self.dates)) if (self.dates[i].weekday() >= 5) == weekend]

    def flows(self, period: int) -> np.ndarray:
        """Return flows (days, periods, 4 arms, 3 turns) float64 veh/h; `period` in minutes."""
        days, joined = len(self.counts), period // 15
        by_period = self.counts.reshape(days, QUARTERS // joined, joined, *self.counts.shape[2:])
        return by_period.sum(axis=2) * (60.0 / period)


def usual_day(weekend: bool) -> np.ndarray:
    """Return the flows of a usual day, (96, 4 arms) veh/h.

    Example:
        >>> flows = usual_day(weekend=False)
        >>> [ARMS[arm] for arm in (flows[32].argmax(), flows[70].argmax())]  # at 8:00 and at 17:30
        ['west', 'south']
    """
    levels, bumps = _WEEKEND if weekend else (_WEEKDAY[0], _WEEKDAY[1] + _EVENING)
    hour = (np.arange(QUARTERS) + 0.5) / 4
    awake = 0.12 + 0.88 / ((1 + np.exp(-2 * (hour - 6.3))) * (1 + np.exp(1.2 * (hour - 21.5))))
    flows = awake[:, None] * np.array(levels, float)
    for arm, centre, width, height in bumps:
        flows[:, arm] += height * np.exp(-0.5 * ((hour - centre) / width) ** 2)
    return flows


def draw_days(seed: int, scale: float = 1.0, weekend: bool = False, past: int | None = None) -> Days:
    """Draw consecutive days, the last a Thursday or a Saturday; the same seed gives the same days.

    Levels vary by day and drift within a day, counts are Poisson distributed. An incident elsewhere adds 70 % to one
    arm for an hour, on every third past day and on the last day. `scale` is a factor of the usual flows. With `past`,
    so many days before the last one, which is then of any kind.
    """
    count = 1 + (past or (PAST_WEEKEND if weekend else PAST_WEEKDAYS))
    dates = tuple(FIRST_DAY + timedelta(days=i) for i in range(count))
    generators = (np.random.default_rng([seed, i]) for i in range(count))
    days = [_draw_day(rng, day, scale, day == dates[-1]) for rng, day in zip(generators, dates, strict=True)]
    return Days(dates, np.stack([counts for counts, _ in days]), tuple(words for _, words in days), seed)


def _draw_day(rng: np.random.Generator, day: date, scale: float, incident: bool) -> tuple[np.ndarray, str]:
    level = np.exp(rng.normal(0, 0.06) + rng.normal(0, 0.06, len(ARMS)))
    flows = scale * usual_day(day.weekday() >= 5) * level
    drift, steps = np.zeros(len(ARMS)), rng.normal(0, 0.09 * np.sqrt(1 - 0.9**2), (QUARTERS, len(ARMS)))
    for quarter in range(QUARTERS):
        drift = 0.9 * drift + steps[quarter]
        flows[quarter] *= np.exp(drift)
    words, arm, hour = "", rng.integers(len(ARMS)), rng.integers(9, 20)
    if incident or rng.random() < 1 / 3:
        flows[4 * hour : 4 * hour + 4, arm] *= 1.7
        words = f"{hour:02d}:00-{hour + 1:02d}:00 diverted traffic from {ARMS[arm]}, +70 %"
    return rng.poisson(flows[:, :, None] * SHARES / 4), words


def write_routes(days: Days, day: int, hours: tuple[int, int], file: Path) -> np.ndarray:
    """Write a day's vehicles for SUMO and return the second at which each arrives, (vehicles,), in order.

    Arrivals are uniform within each quarter of an hour, and the same for all plans.
    """
    rng = np.random.default_rng([days.seed, day % len(days.dates), 1])
    arrivals = []
    for quarter in range(4 * hours[0], 4 * hours[1]):
        for arm, turn in np.ndindex(len(ARMS), len(TURNS)):
            drawn = rng.random(days.counts[day, quarter, arm, turn])
            moments = np.floor(9000 * (quarter + drawn)) / 10
            arrivals += [(float(moment), ARMS[arm], TURNS[turn]) for moment in moments]
    head = ['  <vType id="car" sigma="0.5"/>']
    start = 'type="car" departLane="best" departSpeed="max"'
    lines = [
        f'  <vehicle id="{i}" depart="{at:.1f}" {start}><route edges="{arm}_in {exit_arm(arm, turn)}_out"/></vehicle>'
        for i, (at, arm, turn) in enumerate(sorted(arrivals))
    ]
    write_xml(file, "routes", head + lines)
    return np.array([at for at, _, _ in sorted(arrivals)])
