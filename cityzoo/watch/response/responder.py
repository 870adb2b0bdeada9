"""Carry out response plans: at once, and level by level until somebody acknowledges the alarm."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cityzoo.watch.response.acknowledgements import Acknowledgements
from cityzoo.watch.response.plan import Action, Plan
from cityzoo.watch.sinks.json_lines import JsonLinesSink
from cityzoo.watch.sources.health import iso_time

LOG = logging.getLogger(__name__)
FILE = "responses.jsonl"
TICK = 0.5  # seconds between two looks at acknowledgements and levels
Act = Callable[[Action, Mapping[str, Any]], None]


@dataclass
class _Case:
    """An alarm that a plan is for."""

    plan: Plan
    alarm: Mapping[str, Any]
    raised: float  # monotonic seconds
    level: int = 1  # the next one


class Responder:
    """Carry out plans; a sink of events.

    Every decision is a line of responses.jsonl: what was done, or would have been done, or why not.

    Args:
        plans: of `read_plans`.
        out: the out folder.
        act: does an action without waiting for it; None: a dry run.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        plans: Sequence[Plan],
        out: Path,
        act: Act | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plans, self.act, self.clock = tuple(plans), act, clock
        self.acknowledgements = Acknowledgements(out)
        self.log = JsonLinesSink(out / FILE)
        self._cases: dict[tuple[str, str], _Case] = {}  # that may escalate, by incident and plan
        self._acknowledged: set[str] = set()
        self._acted: dict[tuple[str, ...], float] = {}
        self._lock, self._stop = threading.RLock(), threading.Event()
        self._done = 0
        self._thread = threading.Thread(target=self._work, name="responses", daemon=True)
        self._thread.start()

    def send(self, event: Mapping[str, Any]) -> None:
        """Take an event; only alarms lead to anything."""
        if "state" not in event:
            return
        incident = str(event.get("incident") or event["id"])
        with self._lock:
            if event["state"] == "released":
                self._end(incident, "released")
            for plan in self.plans:
                if plan.fits(event):
                    self._begin(plan, incident, event)

    def check(self) -> None:
        """Look at acknowledgements and times; a thread calls it twice a second."""
        with self._lock:
            for incident, name in self.acknowledgements.read_new():
                self._acknowledged.add(incident)
                self._end(incident, f"acknowledged by {name}")
            now = self.clock()
            for key, case in list(self._cases.items()):
                levels = case.plan.levels
                while case.level < len(levels) and now - case.raised >= levels[case.level].after:
                    self._carry_out(case, case.level)
                    case.level += 1
                if case.level >= len(levels):
                    del self._cases[key]

    def close(self, seconds: float = 0.0) -> None:
        """Stop escalating, and write which alarms nobody has acknowledged."""
        self._stop.set()
        self._thread.join(2 * TICK)
        self.check()
        with self._lock:
            for case in self._cases.values():
                self._write(case, "not acknowledged when the watch ended")
            self._cases.clear()
        self.log.close()

    def summary(self) -> dict[str, Any]:
        """Return how many actions there were."""
        return {"sink": "responses", "sent": self._done, "lost": self.log.lost, "dry_run": self.act is None}

    def _begin(self, plan: Plan, incident: str, event: Mapping[str, Any]) -> None:
        case, now = _Case(plan, event, self.clock()), self.clock()
        place = (plan.name, *(str(event.get(name, "")) for name in ("camera", "zone", "line")))
        if (incident, plan.name) in self._cases or (event.get("repeat") and incident in self._acknowledged):
            self._write(case, "known already")
        elif now - self._acted.get(place, float("-inf")) < plan.cooldown:
            self._write(case, "cooldown")
        else:
            self._acted[place] = now
            self._carry_out(case, 0)
            if len(plan.levels) > 1 and event["state"] == "raised":
                self._cases[incident, plan.name] = case

    def _carry_out(self, case: _Case, level: int) -> None:
        actions = case.plan.levels[level].actions
        people = ", ".join(action.target for action in actions if action.kind == "person")
        alarm = {
            **case.alarm,
            "plan": case.plan.name,
            "level": level,
            **({"person": people} if people else {}),
        }
        for action in actions:
            about = {"level": level, "action": action.kind, "target": action.target}
            if self.act is None:
                self._write(case, "dry run", **about)
                continue
            try:
                self.act(action, alarm)
            except Exception as error:  # one action must not stop the others
                LOG.exception("plan '%s': the action %s failed", case.plan.name, action.kind)
                self._write(case, f"failed: {error}"[:200], **about)
            else:
                self._done += 1
                self._write(case, "done", **about)

    def _end(self, alarm: str, reason: str) -> None:
        for key, case in list(self._cases.items()):
            if alarm in (key[0], str(case.alarm["id"])):
                if reason != "released":
                    self._acknowledged.add(key[0])
                self._write(case, reason)
                del self._cases[key]

    def _write(self, case: _Case, result: str, **about: Any) -> None:
        alarm = {
            name: case.alarm[name] for name in ("id", "incident", "type", "camera") if name in case.alarm
        }
        row = {"time": iso_time(time.time()), "plan": case.plan.name, "alarm": alarm, "result": result}
        self.log.send({**row, **about})

    def _work(self) -> None:
        while not self._stop.wait(TICK):
            self.check()
