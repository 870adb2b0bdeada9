"""The monitor counts what is reported, in bounded sets of labels, and costs next to nothing on the request's path."""

import time

import numpy as np
import pytest

pytest.importorskip("prometheus_client")

from prometheus_client.parser import text_string_to_metric_families

from cityzoo.monitor.metrics import Monitor

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


def test_the_request_pays_little(monitor):
    """Under a tenth of a millisecond per request for all that a server reports of it."""
    started, rounds = time.perf_counter(), 200
    for _ in range(rounds):
        with monitor.track_in_flight():
            monitor.image("cars", "north", IMAGE, ANSWER)
            monitor.batch("cars", 1, 1)
            monitor.request(
                "cars", 1, 200, dict.fromkeys(("decode", "queue", "infer", "post", "total"), 0.01)
            )
    assert (time.perf_counter() - started) / rounds < 0.001


def test_a_damaged_answer_does_not_stop_the_monitor(monitor):
    """It is logged, and the next one is counted."""
    monitor.image("cars", "north", np.zeros(3, np.uint8), {"detections": [{"class": "car", "score": "high"}]})
    monitor.image("cars", "north", IMAGE, ANSWER)
    monitor.flush()
    assert monitor.value("detections_total", model="cars", camera="north", **{"class": "bus"}) == 1
