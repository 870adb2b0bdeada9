"""The demo's incidents with noisy true boxes: found within 5 s of their begin, and nothing in normal traffic."""

import numpy as np
import pytest

from cityzoo.demo.videos import VIDEOS, Part, plan_video
from cityzoo.demo.videos.scene_file import scene_of
from cityzoo.demo.videos.truth import incidents_of
from cityzoo.watch.camera import CameraWatch
from cityzoo.watch.frames import Frame
from cityzoo.watch.incidents.build import make_observers
from cityzoo.watch.measures.build import make_meters
from cityzoo.watch.measures.motion import Motion
from cityzoo.watch.scene import parse_scene
from tests.cityzoo.watch.demo_traffic import add_noise, find_boxes

NAMES, FPS = ("car", "bus", "truck", "motorbike"), 5
ANYWHERE = ("stopped for 3s", "wrong way", "congestion for 20s")
SHORT = (
    Part(30, "day"),
    Part(75, "day", incident="stopped"),
    Part(60, "dusk", incident="wrong_way"),
    Part(100, "rain", 1500.0, "jam"),
)


def watch(parts, seed, rules=()):
    """Return the plan and the alarms of its scene and of further rules."""
    plan = plan_video(parts, seed)
    scene, rng = parse_scene(scene_of(plan)), np.random.default_rng(seed)
    motion = Motion(scene.ground)
    observers = make_observers("road", scene, NAMES, 0.3, motion, rules) + make_meters(scene, NAMES, motion)
    camera = CameraWatch("road", scene, NAMES, plan.size_hw, 0.3, observers=observers)
    image, alarms = np.zeros((*plan.size_hw, 3), np.uint8), []
    for index in range(int(plan.seconds * FPS)):
        now = index / FPS
        _, boxes, labels = find_boxes(plan, now)
        _, events = camera.update(
            Frame("road", index, now, now, image), add_noise(rng, boxes, labels, plan.size_hw)
        )
        alarms += [event for event in events if "state" in event]
    return plan, alarms


def check(plan, alarms, rules):
    """Compare the alarms of some rules with the truth: each incident once, in time, and nothing else."""
    raised = [event for event in alarms if event["state"] == "raised" and event["rule"] in rules]
    truth = incidents_of(plan)
    delays = {}
    for incident in truth:
        kind = "congestion" if incident.kind == "jam" else incident.kind
        own = [event for event in raised if event["type"] == kind]
        assert len(own) == 1, (kind, [event["stream_seconds"] for event in own])
        delays[kind] = own[0]["stream_seconds"] - incident.start_s
    assert len(raised) == len(truth) and min(delays.values()) >= -2
    assert delays["stopped"] <= 5 and delays["wrong_way"] <= 5 and delays["congestion"] <= 30


def test_incidents_of_the_demo_are_found_in_time():
    """By the rules of its scene."""
    plan, alarms = watch(SHORT, 0)
    check(plan, alarms, parse_scene(scene_of(plan)).rules)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_ten_minutes(seed):
    """By the rules of the scene and by rules without any place, direction or calibration drawn for them."""
    plan, alarms = watch(VIDEOS["incidents"], seed, ANYWHERE)
    check(plan, alarms, parse_scene(scene_of(plan)).rules)
    check(plan, alarms, ANYWHERE)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_an_hour_of_normal_traffic(seed):
    """Day, dusk and rain, twice."""
    assert watch(VIDEOS["normal"], seed, ANYWHERE)[1] == []
