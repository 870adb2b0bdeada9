"""Carry out the actions of response plans, through sinks: never through a shell."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cityzoo.errors import InputError, unknown
from cityzoo.watch.response.plan import Action, Plan
from cityzoo.watch.sinks.json_lines import JsonLinesSink
from cityzoo.watch.sinks.mail import MailSink
from cityzoo.watch.sinks.mqtt import MqttSink, topic
from cityzoo.watch.sinks.sink import Report, Sink
from cityzoo.watch.sinks.webhook import WebhookSink
from cityzoo.watch.sources.health import iso_time

if TYPE_CHECKING:
    from pathlib import Path

    from cityzoo.watch.evidence.recorder import EvidenceRecorder

REQUESTS = "signal_requests.jsonl"


class Actions:
    """Do what plans ask for; a sink that is closed with the others.

    Signals are never switched: a request for a program is written to signal_requests.jsonl and, with MQTT, published
    to cityzoo/CAMERA/signals, both marked as shadow. A person is named in the message of the other actions.

    Args:
        plans: all of them; what they need is opened, and checked, before the first alarm.
        out: the out folder.
        cameras: that are watched.
        mqtt: the connection to the broker; None: there is none.
        recorder: of clips; None: none are kept.
        make_mail: opens a sink for addresses; None: there is no mail server.
        report: see `QueuedSink`.

    Raises:
        InputError: a plan asks for something that is not set up, or names a camera that is not watched.
    """

    def __init__(
        self,
        plans: Sequence[Plan],
        out: Path,
        cameras: Sequence[str],
        mqtt: MqttSink | None = None,
        recorder: EvidenceRecorder | None = None,
        make_mail: Callable[[tuple[str, ...]], MailSink] | None = None,
        report: Report = lambda event: None,
    ) -> None:
        self.mqtt, self.recorder = mqtt, recorder
        self._sinks: dict[Any, Sink] = {}
        wanted = [(plan, action) for plan in plans for level in plan.levels for action in level.actions]
        for plan, action in wanted:
            missing = {
                "mqtt": "" if mqtt else "--mqtt",
                "mail": "" if make_mail else "--mail-server",
                "clip": "" if recorder else "clips, which --no-evidence turns off",
            }.get(action.kind)
            if missing:
                raise InputError(f"plan '{plan.name}' has the action {action.kind}: it needs {missing}")
            if action.kind == "clip":
                for camera in action.target:
                    if camera not in cameras:
                        raise unknown(f"camera of plan '{plan.name}'", camera, cameras)
        for _, action in wanted:
            if action.kind == "webhook" and action.target not in self._sinks:
                self._sinks[action.target] = WebhookSink(action.target, report)
            if action.kind == "mail" and make_mail and action.target not in self._sinks:
                self._sinks[action.target] = make_mail(action.target)
        if any(action.kind == "signals" for _, action in wanted):
            self._sinks[REQUESTS] = JsonLinesSink(out / REQUESTS)

    def send(self, event: Mapping[str, Any]) -> None:
        """Ignore an event: what is sent is the plans' decision."""

    def close(self, seconds: float) -> None:
        """Close what was opened for the plans."""
        for sink in self._sinks.values():
            sink.close(seconds)

    def summary(self) -> dict[str, Any]:
        """Return what was sent and lost."""
        parts = [sink.summary() for sink in self._sinks.values()]
        sums = {name: sum(part[name] for part in parts) for name in ("sent", "lost")}
        return {"sink": "actions of plans", **sums, "to": parts}

    def act(self, action: Action, alarm: Mapping[str, Any]) -> None:
        """Do an action, without waiting for it.

        Args:
            action: one of the plans'.
            alarm: with the name of the plan, and the level.

        Raises:
            InputError: a camera has had no frame yet.
        """
        if action.kind in ("webhook", "mail"):
            self._sinks[action.target].send(alarm)
        elif action.kind == "mqtt" and self.mqtt:
            self.mqtt.publish(
                action.target["topic"], {"alarm": alarm, "message": action.target.get("message")}
            )
        elif action.kind == "clip" and self.recorder:
            names = [self.recorder.start({**alarm, "camera": camera}) for camera in action.target]
            if None in names:
                raise InputError("a camera has had no frame yet")
        elif action.kind == "signals":
            self._request(action, alarm)

    def _request(self, action: Action, alarm: Mapping[str, Any]) -> None:
        request = {"type": "signal_request", "shadow": True, "time": iso_time(time.time())}
        request |= {"plan": alarm["plan"], "alarm": alarm["id"], "camera": alarm["camera"], **action.target}
        self._sinks[REQUESTS].send(request)
        if self.mqtt:
            self.mqtt.publish(topic(alarm["camera"], "signals"), request)
