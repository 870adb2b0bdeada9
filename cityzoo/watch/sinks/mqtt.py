"""Events over MQTT, with a last will that says when the watch is gone."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError, escape_control
from cityzoo.runtime.packages import require
from cityzoo.watch.sinks.secrets import read_secret, split_url
from cityzoo.watch.sinks.sink import WAITING, Event, Report
from cityzoo.watch.sources.health import iso_time

LOG = logging.getLogger(__name__)
USER, PASSWORD = "CITYZOO_MQTT_USER", "CITYZOO_MQTT_PASSWORD"  # environment
PORTS = {"mqtt": 1883, "mqtts": 8883}
ONLINE, OFFLINE = "online", "offline"
AVAILABLE = {"connected": ONLINE, "lost": OFFLINE, "ended": OFFLINE}  # what a source says of itself
ROWS = ("counts", "zone")  # types of the rows of an interval
KEEP_ALIVE, LONGEST_WAIT = 20, 30  # seconds: until the broker publishes the will; between attempts to connect
ONCE = 1  # quality of service: at least once

Acknowledge = Callable[[str, str], object]


class MqttSink:
    """Publish to cityzoo/CAMERA/events, alarms, counts and, retained, available.

    Each camera has a connection of its own, since a connection has one last will. Acknowledgements come in on
    cityzoo/CAMERA/acknowledge as {"alarm": ID, "by": NAME}.

    Args:
        address: HOST, HOST:PORT, mqtt://HOST or, with TLS, mqtts://HOST; user and password in CITYZOO_MQTT_USER and
            CITYZOO_MQTT_PASSWORD.
        cameras: their names.
        report: gets health events: connection lost, found again, refused; events lost.
        authority: file of certificates that sign the broker's; None: those of the system.
        acknowledge: called with alarm and name.

    Raises:
        InputError: no address, or paho-mqtt is missing.

    Attributes:
        lost: that did not fit into the queue or were not confirmed at the end.
    """

    def __init__(
        self,
        address: str,
        cameras: Sequence[str],
        report: Report = lambda event: None,
        authority: Path | None = None,
        acknowledge: Acknowledge | None = None,
    ) -> None:
        url = split_url(address, "--mqtt", ("mqtt", "mqtts"), f"{USER} and {PASSWORD}")
        self._mqtt: Any = require("paho.mqtt.client", "MQTT")
        self.place = f"{url.hostname}:{url.port or PORTS[url.scheme]}"
        self.report, self.acknowledge = report, acknowledge
        self.lost = 0
        self._sent, self._lock = 0, threading.Lock()
        self._waiting: dict[tuple[int, int], bool] = {}  # by client and number: whether it is an event
        self._confirmed: deque[tuple[int, int]] = deque()
        self._states = dict.fromkeys(cameras, ONLINE)
        self._said: dict[str, str] = {}
        uses_tls = url.scheme == "mqtts"
        if authority and not uses_tls:
            raise InputError("--mqtt-ca is for TLS: give --mqtt mqtts://HOST")
        self._clients = {camera: self._make_client(camera, uses_tls, authority) for camera in cameras}
        for client in self._clients.values():
            client.connect_async(url.hostname, url.port or PORTS[url.scheme], KEEP_ALIVE)
            client.loop_start()

    def send(self, event: Event) -> None:
        """Publish an event of a camera."""
        camera = event.get("camera")
        if camera not in self._clients:
            return
        what = "alarms" if "state" in event else "counts" if event["type"] in ROWS else "events"
        self.publish(topic(camera, what), event, camera)
        state = AVAILABLE.get(event.get("what", "")) if event["type"] == "source" else None
        if state and self._states[camera] != state:
            self._states[camera] = state
            self._publish(self._clients[camera], topic(camera, "available"), state, retain=True)

    def publish(self, place: str, message: Any, camera: str | None = None) -> None:
        """Publish a JSON message to any topic."""
        client = self._clients.get(camera or "") or next(iter(self._clients.values()))
        self._publish(client, place, json.dumps(message, ensure_ascii=False, default=str))

    @property
    def sent(self) -> int:
        """The events that the broker has confirmed so far."""
        with self._lock:
            self._count_confirmed()
            return self._sent

    def close(self, seconds: float = 5.0) -> None:
        """Wait for confirmations for at most this time, say offline, and disconnect."""
        end = time.monotonic() + seconds
        self._wait_until(end)
        for camera, client in self._clients.items():
            if client.is_connected() and self._states[camera] != OFFLINE:
                self._publish(client, topic(camera, "available"), OFFLINE, retain=True)
        self._wait_until(max(end, time.monotonic() + 0.5) if self.sent else end)
        for client in self._clients.values():
            client.disconnect()
            client.loop_stop()
        self.lost += sum(self._waiting.values())
        if self.lost:
            self._tell("", "lost", "messages were not confirmed by the broker")

    def summary(self) -> dict[str, Any]:
        """Return what was sent and lost."""
        return {"sink": f"mqtt {self.place}", "sent": self.sent, "lost": self.lost}

    def _make_client(self, camera: str, uses_tls: bool, authority: Path | None) -> Any:
        mqtt = self._mqtt
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        user, password = read_secret(USER), read_secret(PASSWORD)
        if user:
            client.username_pw_set(user, password)
        if uses_tls:
            try:
                client.tls_set(str(authority) if authority else None)
            except (OSError, ValueError) as error:
                raise InputError(
                    f"--mqtt-ca '{authority}' holds no certificates ({error}): give a PEM file"
                ) from error
        client.will_set(topic(camera, "available"), OFFLINE, ONCE, retain=True)
        client.reconnect_delay_set(1, LONGEST_WAIT)
        client.max_queued_messages_set(WAITING)

        def connected(client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
            if reason.is_failure:
                self._tell(camera, "fails", str(reason))
                return
            if camera in self._said:
                self._tell(camera, "delivers again", "")
            self._publish(client, topic(camera, "available"), self._states[camera], retain=True)
            client.subscribe(topic(camera, "acknowledge"), ONCE)

        client.on_connect = connected
        client.on_connect_fail = lambda *_: self._tell(camera, "fails", "no connection")
        client.on_disconnect = lambda c, d, f, reason, p: self._disconnected(camera, reason)
        # Called while paho holds its locks, so it must not wait for one of this class.
        client.on_publish = lambda client, d, mid, *_: self._confirmed.append((id(client), mid))
        client.on_message = lambda c, d, message: self._receive(message.payload)
        return client

    def _publish(self, client: Any, place: str, text: str, retain: bool = False) -> None:
        made = client.publish(place, text, ONCE, retain)
        with self._lock:
            if made.rc != self._mqtt.MQTT_ERR_QUEUE_SIZE:
                self._waiting[id(client), made.mid] = not retain
            elif not retain:
                self.lost += 1
            self._count_confirmed()

    def _count_confirmed(self) -> None:
        for _ in range(len(self._confirmed)):
            number = self._confirmed.popleft()
            if number in self._waiting:
                self._sent += self._waiting.pop(number)
            else:  # another thread has published it, and is about to note it
                self._confirmed.append(number)

    def _wait_until(self, end: float) -> None:
        while self.sent >= 0 and self._waiting and time.monotonic() < end:
            time.sleep(0.02)

    def _disconnected(self, camera: str, reason: Any) -> None:
        if reason.is_failure:
            self._tell(camera, "fails", f"the connection was lost ({reason})")

    def _receive(self, payload: bytes) -> None:
        try:
            message = json.loads(payload)
            alarm, name = str(message["alarm"]), str(message["by"])
        except (ValueError, TypeError, KeyError, RecursionError):
            LOG.warning("an acknowledgement over MQTT is no {'alarm': ID, 'by': NAME}: %r", payload[:80])
            return
        if self.acknowledge:
            try:
                self.acknowledge(alarm, name)
            except InputError as error:
                LOG.warning("%s", error)

    def _tell(self, camera: str, what: str, detail: str) -> None:
        """Report a change; a connection that fails again and again is one event."""
        if what == "fails" and self._said.get(camera) == what:
            return
        self._said[camera] = what
        event = {"type": "sink", "sink": f"mqtt {self.place}", "time": iso_time(time.time()), "what": what}
        about = {"camera": camera} if camera else {}
        text = {"detail": escape_control(detail)} if detail else {}
        self.report({**event, **about, "lost": self.lost, **text})


def topic(camera: str, what: str) -> str:
    """Return a topic of a camera, whose name may hold letters that mean something in topics.

    Example:
        >>> topic("north/2 #1", "events")
        'cityzoo/north_2__1/events'
    """
    return f"cityzoo/{''.join(letter if letter.isalnum() or letter in '-_.' else '_' for letter in camera)}/{what}"
