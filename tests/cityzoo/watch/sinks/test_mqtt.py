"""MQTT against a real mosquitto: topics, last will, passwords, TLS, a broker that dies."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time

import pytest

from cityzoo.errors import InputError
from cityzoo.watch.sinks import mqtt as mqtt_module
from cityzoo.watch.sinks.mqtt import PASSWORD, USER, MqttSink
from tests.cityzoo.watch.sinks.certificates import write_certificate
from tests.cityzoo.watch.sinks.conftest import wait_for

client_library = pytest.importorskip("paho.mqtt.client")
MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
needs_broker = pytest.mark.skipif(not MOSQUITTO, reason="mosquitto is not installed")


class Broker:
    """A mosquitto on a free port."""

    def __init__(self, folder, lines=("allow_anonymous true",)):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.config = folder / "mosquitto.conf"
        own = [f"user {os.environ.get('USER') or 'root'}"] if os.geteuid() == 0 else []
        self.config.write_text("\n".join([*own, f"listener {self.port} 127.0.0.1", *lines, ""]))
        self.start()

    def start(self):
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen([MOSQUITTO, "-c", str(self.config)], stdout=quiet, stderr=quiet)
        wait_for(self._answers)

    def _answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.kill()
        self.process.wait()


class Listener:
    """A client that keeps what it hears on cityzoo/#."""

    def __init__(self, port):
        self.heard = []
        self.client = client_library.Client(client_library.CallbackAPIVersion.VERSION2)
        self.client.on_connect = lambda client, *_: client.subscribe("cityzoo/#", 1)
        self.subscribed = []
        self.client.on_subscribe = lambda *_: self.subscribed.append(True)
        self.client.on_message = lambda c, d, message: self.heard.append(
            (message.topic, message.payload.decode())
        )
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        wait_for(lambda: self.subscribed)

    def of(self, topic):
        return [payload for place, payload in list(self.heard) if place == topic]

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def broker(tmp_path):
    """A broker that lets everyone in."""
    broker = Broker(tmp_path)
    yield broker
    broker.stop()


@needs_broker
def test_events_have_topics_by_camera_and_kind_and_cameras_are_online(broker, alarm):
    listener, acknowledged = Listener(broker.port), []
    sink = MqttSink(
        f"127.0.0.1:{broker.port}", ["north", "south"], acknowledge=lambda *names: acknowledged.append(names)
    )
    wait_for(lambda: listener.of("cityzoo/south/available") == ["online"])
    crossing = {"id": "c1", "type": "crossing", "camera": "south", "time": alarm["time"], "line": "Brücke"}
    counts = {"type": "counts", "camera": "north", "sensor": "north.1.in", "value": 3}
    for event in (alarm, crossing, counts, {"type": "crossing", "camera": "unknown"}):
        sink.send(event)
    sink.send({"type": "source", "camera": "south", "what": "lost", "time": alarm["time"]})
    sink.send({"type": "source", "camera": "south", "what": "connected", "time": alarm["time"]})
    wait_for(lambda: listener.of("cityzoo/south/available") == ["online", "offline", "online"])
    assert json.loads(*listener.of("cityzoo/north/alarms")) == alarm
    assert json.loads(listener.of("cityzoo/south/events")[0]) == crossing
    assert json.loads(*listener.of("cityzoo/north/counts")) == counts
    listener.client.publish("cityzoo/north/acknowledge", b"not JSON", 1)
    listener.client.publish("cityzoo/north/acknowledge", json.dumps({"alarm": "a1", "by": "Ada"}), 1)
    wait_for(lambda: acknowledged == [("a1", "Ada")])
    sink.close(5)
    assert sink.summary() == {"sink": f"mqtt 127.0.0.1:{broker.port}", "sent": 5, "lost": 0}
    wait_for(lambda: listener.of("cityzoo/north/available") == ["online", "offline"])
    listener.close()
    late = Listener(broker.port)  # retained: who comes later knows it, too
    wait_for(lambda: late.of("cityzoo/north/available") == ["offline"])
    late.close()


@needs_broker
def test_a_watch_that_is_killed_is_offline_by_its_last_will(broker):
    listener = Listener(broker.port)
    code = (
        "import os, time\nfrom cityzoo.watch.sinks.mqtt import MqttSink\n"
        f"sink = MqttSink('127.0.0.1:{broker.port}', ['north'])\ntime.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        wait_for(lambda: listener.of("cityzoo/north/available") == ["online"], 20)
    finally:
        process.kill()
        process.wait()
    wait_for(lambda: listener.of("cityzoo/north/available") == ["online", "offline"])
    listener.close()


@needs_broker
def test_threads_that_publish_at_once_never_wait_for_each_other_for_ever(broker, alarm):
    sink = MqttSink(f"127.0.0.1:{broker.port}", ["north", "south"])
    cameras = ["north", "south", "north"]
    threads = [
        threading.Thread(target=lambda name=name: [sink.send(alarm | {"camera": name}) for _ in range(400)])
        for name in cameras
    ]
    for thread in threads:
        thread.daemon = True
        thread.start()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
    sink.close(10)
    assert sink.sent + sink.lost == 1200
    assert sink.sent > 400


@needs_broker
def test_a_broker_that_dies_gets_what_waited_when_it_is_back(broker, alarm, monkeypatch):
    reports = []
    sink = MqttSink(f"mqtt://127.0.0.1:{broker.port}", ["north"], reports.append)
    sink._clients["north"].reconnect_delay_set(3, 3)  # the listener below subscribes before the sink is back
    sink.send(alarm)
    wait_for(lambda: sink.sent == 1)
    broker.stop()
    wait_for(lambda: [report["what"] for report in reports] == ["fails"])
    started = time.monotonic()
    for number in range(50):
        sink.send(alarm | {"id": f"b{number}"})
    assert time.monotonic() - started < 0.5
    broker.start()
    listener = Listener(broker.port)
    wait_for(lambda: sink.sent == 51, 20)
    # The broker confirms a message before every subscriber has it.
    waited = {f"b{number}" for number in range(50)}
    wait_for(lambda: waited <= {json.loads(text)["id"] for text in listener.of("cityzoo/north/alarms")})
    assert [report["what"] for report in reports] == ["fails", "delivers again"]
    sink.close(2)
    listener.close()


def test_without_a_broker_nothing_stops_and_losses_are_counted(alarm, monkeypatch):
    monkeypatch.setattr(mqtt_module, "WAITING", 20)
    reports = []
    sink = MqttSink("127.0.0.1:9", ["north"], reports.append)
    for _ in range(50):
        sink.send(alarm)
    wait_for(lambda: reports)
    assert reports[0]["what"] == "fails"
    sink.close(0.1)
    assert (sink.sent, sink.lost) == (0, 50)
    assert reports[-1]["what"] == "lost"
    assert reports[-1]["lost"] == 50


@needs_broker
def test_passwords_come_from_the_environment_or_a_file(tmp_path, alarm, monkeypatch):
    tool = shutil.which("mosquitto_passwd")
    if not tool:
        pytest.skip("mosquitto_passwd is not installed")
    subprocess.run(
        [tool, "-b", "-c", str(tmp_path / "users"), "watch", "right"], check=True, capture_output=True
    )
    broker, reports = Broker(tmp_path, [f"password_file {tmp_path / 'users'}"]), []
    try:
        monkeypatch.setenv(USER, "watch")
        monkeypatch.setenv(PASSWORD, "wrong")
        wrong = MqttSink(f"127.0.0.1:{broker.port}", ["north"], reports.append)
        wait_for(lambda: reports)
        assert reports[0]["what"] == "fails"
        assert "uthoriz" in reports[0]["detail"]
        wrong.close(0)
        (tmp_path / "secret").write_text("right\n")
        monkeypatch.setenv(f"{PASSWORD}_FILE", str(tmp_path / "secret"))
        right = MqttSink(f"127.0.0.1:{broker.port}", ["north"])
        right.send(alarm)
        wait_for(lambda: right.sent == 1)
        right.close(1)
    finally:
        broker.stop()


@needs_broker
def test_tls_trusts_only_the_given_authority(tmp_path, alarm):
    certificate, key = write_certificate(tmp_path)
    broker = Broker(tmp_path, ["allow_anonymous true", f"certfile {certificate}", f"keyfile {key}"])
    reports = []
    try:
        stranger = MqttSink(f"mqtts://127.0.0.1:{broker.port}", ["north"], reports.append)
        trusting = MqttSink(f"mqtts://127.0.0.1:{broker.port}", ["north"], authority=certificate)
        trusting.send(alarm)
        stranger.send(alarm)
        wait_for(lambda: trusting.sent == 1 and reports)
        assert stranger.sent == 0
        trusting.close(1)
        stranger.close(0)
    finally:
        broker.stop()


def test_passwords_on_the_command_line_and_wrong_addresses_are_refused(tmp_path):
    with pytest.raises(InputError, match="CITYZOO_MQTT_USER") as error:
        MqttSink("mqtt://user:hidden@host", ["north"])
    assert "hidden" not in str(error.value)
    with pytest.raises(InputError, match="protocol of --mqtt"):
        MqttSink("amqp://host", ["north"])
    with pytest.raises(InputError, match="mqtts://HOST"):
        MqttSink("host", ["north"], authority=tmp_path / "ca.pem")
    with pytest.raises(InputError, match="PEM"):
        MqttSink("mqtts://host", ["north"], authority=tmp_path / "ca.pem")
