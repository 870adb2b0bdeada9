"""Scene file of a demo video: what watch reads lies where the geometry of the road says."""

import numpy as np
import pytest
import yaml

from cityzoo.demo.videos import Part, plan_video
from cityzoo.demo.videos.frames import box_of_outline
from cityzoo.demo.videos.scene_file import scene_of
from cityzoo.demo.videos.truth import incidents_of, line_of, line_position
from cityzoo.watch.scene.line import measure_side
from cityzoo.watch.scene.reader import parse_scene


@pytest.fixture(scope="module")
def plan():
    """The plan of a video with a stopped car."""
    return plan_video((Part(90, "day", incident="stopped"),))


@pytest.fixture(scope="module")
def scene(plan):
    """Its scene as watch reads it."""
    return parse_scene(yaml.safe_load(yaml.safe_dump(scene_of(plan))))


def zone(scene, name):
    return next(zone for zone in scene.zones if zone.name == name)


def standing(plan, track, seconds):
    """Bottom center of the box of a vehicle, 0..1."""
    box = box_of_outline([track.place(plan.road, seconds)], plan.camera)[0]
    return np.array([[(box[0] + box[2]) / 2, box[3]]]) / plan.camera.size_wh


def test_the_line_and_its_sides_are_those_of_the_truth(plan, scene):
    line = scene.lines[0]
    np.testing.assert_allclose(line.points, line_of(plan), atol=1e-5)
    far = plan.road.position(line_position(plan) + 10, 0.0)[:2]
    pixels, _ = plan.camera.project(np.array([(*far, 0.0)]))
    side = measure_side((pixels / plan.camera.size_wh)[0], np.array(line.points))
    assert line.sides[side > 0] == "far"


def test_the_ground_is_calibrated_to_meters(plan, scene):
    for along, right in ((22.0, 0.0), (40.0, -6.0), (75.0, 6.0)):
        x, y, _ = plan.road.position(along, right)
        pixels, _ = plan.camera.project(np.array([(x, y, 0.0)]))
        np.testing.assert_allclose(scene.ground.to_metres(pixels / plan.camera.size_wh), [[x, y]], atol=0.02)


def test_a_stopped_car_stands_in_its_zone_and_others_pass_beside_it(plan, scene):
    shoulder = zone(scene, "near_far_shoulder")
    (stopped,) = [incident for incident in incidents_of(plan) if incident.kind == "stopped"]
    tracks = {track.number: track for track in plan.tracks}
    assert shoulder.contains(standing(plan, tracks[stopped.track], stopped.start_s + 1)).all()
    points = np.concatenate(
        [
            standing(plan, track, seconds)
            for seconds in range(20, 90, 5)
            for track in plan.tracks
            if track is not tracks[stopped.track] and track.ride.start_s <= seconds < track.end_s
        ]
    )
    assert not shoulder.contains(points).any()
    for way in ("near_far", "far_near"):
        assert zone(scene, f"{way}_lanes").contains(points).sum() > 5


@pytest.mark.parametrize("direction", [1, -1])
def test_only_the_direction_against_the_lanes_is_forbidden(plan, scene, direction):
    name, way = scene.forbidden[direction < 0]
    line = next(line for line in scene.lines if line.name == name)
    assert line.direction == way
    lane = next(offset for offset, own in plan.road.lanes if own == direction)
    before, after = 60.0, 30.0  # towards the camera
    points = [plan.road.position(along, lane)[:2] for along in (before, after)]
    pixels, _ = plan.camera.project(np.array([(*point, 0.0) for point in points]))
    sides = [measure_side(point, np.array(line.points)) for point in pixels / plan.camera.size_wh]
    assert sides[0] < 0 < sides[1]  # forward is towards the camera
    assert (way == "forward") == (direction > 0)


@pytest.mark.parametrize("place_seed", [1, 3, 16])
def test_other_places_have_a_scene_too(place_seed):
    scene = parse_scene(scene_of(plan_video((Part(5, "day"),), place_seed=place_seed)))
    assert len(scene.lines) == len(scene.forbidden) + 1
