"""The monitor counts what is reported, in bounded sets of labels, and costs next to nothing on the request's path."""

import threading
import time

import numpy as np
import pytest

pytest.importorskip("prometheus_client")

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from cityzoo.monitor.drift import read_inputs
from cityzoo.monitor.health import Health
from cityzoo.monitor.metric_table import MetricTable
from cityzoo.monitor.metrics import Monitor
from cityzoo.monitor.reference import make_reference

IMAGE = np.full((480, 640, 3), (10, 20, 30), np.uint8)
ANSWER = {
    "detections": [
        {"class": "car", "score": 0.85},
        {"class": "car", "score": 0.3},
        {"class": "bus", "score": 0.6},
    ]
}


@pytest.fixture
def monitor():
    """One that measures every image."""
    made = Monitor(cameras=["north"], most_cameras=2, sample_seconds=0)
    yield made
    made.close()


def test_everything_reported_is_rendered(monitor):
    """The text is what Prometheus reads, with the values reported."""
    monitor.model_loaded("cars", 2, sha256="abc")
    with monitor.track_in_flight():
        assert monitor.value("in_flight") == 1
    monitor.request("cars", 2, 200, {"decode": 0.004, "infer": 0.03, "total": 0.04})
    monitor.request("cars", 2, 429, {"total": 0.001})
    monitor.batch("cars", 2, 4)
    monitor.queue("cars", 2, 7)
    monitor.shadow("cars", False)
    monitor.auth_failure("expired")
    monitor.redaction("plate", 3)
    monitor.load_failed("cars", "signature")
    body, kind = monitor.render()
    families = text_string_to_metric_families(body.decode())
    samples = {(s.name, frozenset(s.labels.values())): s.value for family in families for s in family.samples}

    def value(name, *labels):
        return samples[f"cityzoo_{name}", frozenset(labels)]

    assert kind.startswith("text/plain")
    assert value("requests_total", "cars", "2", "429") == 1
    assert value("requests_total", "cars", "2", "500") == 0  # there before the first error
    assert value("request_seconds_sum", "cars", "2", "infer") == 0.03
    assert value("queue_depth", "cars", "2") == 7
    assert value("batch_size_sum", "cars", "2") == 4
    assert value("shadow_disagreements_total", "cars") == 1
    assert value("redactions_total", "plate") == 3
    assert value("auth_failures_total", "expired") == 1
    assert value("model_load_failures_total", "cars", "signature") == 1
    assert value("model_info", "cars", "2", "abc") == 1
    assert value("in_flight") == 0
    monitor.model_unloaded("cars", 2)
    assert b"cityzoo_model_info{" not in monitor.render()[0]


def test_images_and_answers(monitor):
    """Classes are counted per camera, scores per class, brightness and blur measured."""
    before = time.time()
    monitor.image("cars", "north", IMAGE, ANSWER)
    monitor.flush()
    north = {"model": "cars", "camera": "north"}
    assert monitor.value("detections_total", **north, **{"class": "car"}) == 2
    assert monitor.value("score_sum", model="cars", **{"class": "car"}) == pytest.approx(1.15)
    assert monitor.value("input_brightness_sum", **north) == pytest.approx(
        0.299 * 10 + 0.587 * 20 + 0.114 * 30, abs=0.5
    )
    assert monitor.value("input_blur_sum", **north) == 0
    assert monitor.value("camera_frames_total", **north) == 1
    assert before <= monitor.value("camera_last_frame_timestamp_seconds", **north) <= time.time()


def test_labels_are_bounded(monitor):
    """A client that invents cameras fills two labels and "other", whatever it sends."""
    for number in range(50):
        monitor.image("cars", f"made-up-{number}", None, {})
    monitor.image("cars", None, None, {})
    monitor.flush()
    assert monitor.value("camera_frames_total", model="cars", camera="other") == 48
    assert monitor.value("camera_frames_total", model="cars", camera="unnamed") == 1
    assert monitor.render()[0].count(b"cityzoo_camera_frames_total{") == 4


def test_images_that_nobody_looks_at_are_counted(monitor):
    """The camera is not silent."""
    monitor.frame("cars", "north")
    monitor.flush()
    assert monitor.value("camera_frames_total", model="cars", camera="north") == 1
    assert monitor.value("images_unmeasured_total") == 1


def test_a_damaged_answer_does_not_stop_the_monitor(monitor):
    """It is logged, and the next one is counted."""
    monitor.image("cars", "north", np.zeros(3, np.uint8), {"detections": [{"class": "car", "score": "high"}]})
    monitor.image("cars", "north", IMAGE, ANSWER)
    monitor.flush()
    assert monitor.value("detections_total", model="cars", camera="north", **{"class": "bus"}) == 1


def test_drift_and_its_alarm(caplog):
    """A camera that goes dark raises drift, is logged and released when it sees as before."""
    random = np.random.default_rng(0)

    def send(monitor, level, count):
        for _ in range(count):
            image = np.full((32, 32, 3), level + random.integers(-20, 20), np.uint8)
            monitor.image("cars", "north", image, {})
        monitor.flush()

    rows = [{"brightness": [float(100 + shift)]} for shift in random.integers(-20, 20, 200)]
    monitor = Monitor(sample_seconds=0, window=64, rules=["drift > 1 release 0.8 hold 4"])
    monitor.compare_with("cars", make_reference(rows))
    labels = {"model": "cars", "camera": "north"}
    with caplog.at_level("INFO"):
        send(monitor, 100, 100)
        assert monitor.value("drift_score", **labels, signal="brightness") < 0.1
        assert monitor.value("alarm_active", **labels, alarm="drift") == 0
        send(monitor, 30, 64)
        assert monitor.value("drift_score", **labels, signal="brightness") > 0.8
        assert monitor.value("alarm_active", **labels, alarm="drift") == 1
        send(monitor, 100, 64)
        assert monitor.value("alarm_active", **labels, alarm="drift") == 0
        send(monitor, 30, 64)
        monitor.compare_with("cars", None)  # the stable version is another one, without a reference
        monitor.flush()
        assert monitor.value("alarm_active", **labels, alarm="drift") == 0
        assert b"cityzoo_drift_score{" not in monitor.render()[0]
    assert [r.message for r in caplog.records if "alarm" in r.message] == [
        "alarm drift raised: camera north, model cars",
        "alarm drift released: camera north, model cars",
        "alarm drift raised: camera north, model cars",
    ]
    assert caplog.records[0].camera == "north"
    monitor.close()


def test_silence_and_loss_of_confidence():
    """A registered camera that sends nothing is silent after a minute; scores that fall to a tenth are noticed."""
    table = MetricTable(CollectorRegistry())
    health = Health(table, ["north", "south"], window=64)

    def is_active(alarm, model, camera):
        return table.alarms.labels(model, camera, alarm)._value.get()

    start = time.time()
    health.hear("north", start + 50)
    health.tick(start + 65)
    assert (is_active("silence", "any", "north"), is_active("silence", "any", "south")) == (0, 1)
    health.hear("south", start + 66)
    health.tick(start + 67)
    assert is_active("silence", "any", "south") == 0

    reference = make_reference([{"confidence": [0.9]}] * 100)
    health.set_reference("cars", reference)
    for confidence in [0.9] * 64 + [0.1] * 64:
        health.observe("cars", "north", {"confidence": [confidence]}, start)
    assert is_active("confidence", "cars", "north") == 1
    for _ in range(64):
        health.observe("cars", "north", {"confidence": [0.9]}, start)
    assert is_active("confidence", "cars", "north") == 0


def test_windows_of_sensors(monitor):
    """Series tasks have no images: their values and gaps are compared."""
    mask = np.ones((12, 5, 1), np.float32)
    speeds = [np.random.default_rng(i).normal(60, 5, (12, 5, 1)) for i in range(100)]
    rows = [read_inputs({"series": each, "mask": mask}) for each in speeds]
    monitor.compare_with("speed", make_reference(rows))
    for each in speeds[:64]:
        monitor.series("speed", "north", {"series": each * 0.5, "mask": mask})
    monitor.flush()
    found = {
        name: monitor.value("drift_score", model="speed", camera="north", signal=name)
        for name in ("series:0", "missing")
    }
    assert found["series:0"] > 0.9 and found["missing"] == 0
    monitor.compare_with("speed", None)
    monitor.series("speed", "south", {"series": speeds[0], "mask": mask})
    monitor.flush()
    assert monitor.value("camera_frames_total", model="speed", camera="south") == 1


def test_a_burst_is_one_example():
    """Images of one moment do not fill the window."""
    health = Health(MetricTable(CollectorRegistry()), window=64, spacing=10)
    health.set_reference("cars", make_reference([{"blur": [float(i)]} for i in range(100)]))
    for second in range(630):
        health.observe("cars", "north", {"blur": [1.0]}, 1e9 + second)
    assert health._windows["cars", "north"].scores() == {}
    health.observe("cars", "north", {"blur": [1.0]}, 1e9 + 630)
    assert health._windows["cars", "north"].scores()["blur"] > 0.5


def test_large_images_do_not_pile_up(monitor):
    """While some wait, others are counted and not measured."""
    monitor._budget.most = 2 * IMAGE.nbytes
    gate = threading.Event()
    monitor._worker.put(gate.wait)
    for _ in range(5):
        monitor.image("cars", "north", IMAGE, ANSWER)
    gate.set()
    monitor.flush()
    assert monitor.value("camera_frames_total", model="cars", camera="north") == 5
    assert monitor.value("input_blur_count", model="cars", camera="north") == 2
    monitor.image("cars", "north", IMAGE, ANSWER)
    monitor.flush()
    assert monitor.value("input_blur_count", model="cars", camera="north") == 3
