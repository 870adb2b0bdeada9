"""Response plans: on which alarm what is done."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, tzinfo
from typing import Any


@dataclass(frozen=True)
class Action:
    """One thing to do.

    Attributes:
        kind: "webhook", "mqtt", "mail", "clip", "signals" or "person".
        target: URL; topic and message; addresses; cameras; junction and program; name.
    """

    kind: str
    target: Any


@dataclass(frozen=True)
class Level:
    """What is done when nobody has acknowledged an alarm for a while."""

    after: float  # seconds since it was raised
    actions: tuple[Action, ...]


@dataclass(frozen=True)
class Plan:
    """What an alarm leads to.

    Attributes:
        name: of the plan.
        patterns: by field of the alarm, one of which has to match; * and ? stand for letters.
        state: "raised" or "released".
        days: 0 Monday to 6; none: all.
        between: local times; an end before the start is on the next day. None: all day.
        levels: the first one acts at once.
        cooldown: seconds in which the plan does not act again for the same camera and place.
        zone: of the local times; None: that of the machine.
    """

    name: str
    patterns: Mapping[str, tuple[str, ...]]
    state: str
    days: tuple[int, ...]
    between: tuple[time, time] | None
    levels: tuple[Level, ...]
    cooldown: float = 0.0
    zone: tzinfo | None = None

    def fits(self, alarm: Mapping[str, Any]) -> bool:
        """Return whether an alarm is one of the plan's.

        Example:
            >>> from datetime import timezone
            >>> plan = Plan("night", {"camera": ("north*",)}, "raised", (), (time(22), time(6)), (), zone=timezone.utc)
            >>> alarm = {"state": "raised", "camera": "north2", "time": "2026-05-01T23:10:00+00:00"}
            >>> plan.fits(alarm), plan.fits(alarm | {"time": "2026-05-01T12:00:00+00:00"})
            (True, False)
        """
        if alarm.get("state") != self.state:
            return False
        for field, patterns in self.patterns.items():
            value = str(alarm.get(field, ""))
            if not any(fnmatch.fnmatchcase(value, pattern) for pattern in patterns):
                return False
        moment = datetime.fromisoformat(alarm["time"]).astimezone(self.zone)
        if self.between:
            (start, end), now = self.between, moment.time()
            if not (start <= now < end if start < end else now >= start or now < end):
                return False
        return not self.days or moment.weekday() in self.days
