"""Rendered traffic scenes: the same from the same seed, boxes that fit the pixels, variety."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from cityzoo.demo.scenes.camera import Camera
from cityzoo.demo.scenes.light import CONDITIONS
from cityzoo.demo.scenes.meshes import Thing
from cityzoo.demo.scenes.renderer import painting_order
from cityzoo.demo.scenes.traffic_scene import (
    CLASS_NAMES,
    ENLARGED,
    LEAST_SIDE_PX,
    arrange,
    boxes_of,
    draw_scene,
    plan_scene,
    render,
)

SMALL = (96, 128)


@pytest.fixture(scope="module")
def scenes():
    return [draw_scene(seed) for seed in range(24)]


def digest(scene):
    parts = (scene.image, scene.boxes_xyxy, scene.labels)
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def test_equal_seeds_give_equal_bytes_and_others_do_not(scenes):
    np.random.seed(0)  # global state must play no part
    assert digest(draw_scene(3)) == digest(scenes[3])
    assert len({digest(scene) for scene in scenes}) == len(scenes)


def test_shapes_types_and_ranges(scenes):
    for scene in scenes:
        assert scene.image.shape == (288, 384, 3) and scene.image.dtype == np.uint8
        assert scene.boxes_xyxy.dtype == np.float32 and scene.boxes_xyxy.shape == (len(scene.labels), 4)
        assert scene.labels.dtype == np.int32
        x1, y1, x2, y2 = scene.boxes_xyxy.T
        assert (x1 >= 0).all() and (y1 >= 0).all() and (x2 <= 384).all() and (y2 <= 288).all()
        assert (x2 - x1 >= LEAST_SIDE_PX).all() and (y2 - y1 >= LEAST_SIDE_PX).all()


def test_every_class_light_and_size_occurs(scenes):
    labels = np.concatenate([scene.labels for scene in scenes])
    share = np.bincount(labels, minlength=len(CLASS_NAMES)) / len(labels)
    assert share.min() > 0.04 and share.argmax() == 0
    assert {scene.condition for scene in scenes} == set(CONDITIONS)
    assert len({scene.layout for scene in scenes}) == 5
    assert 4 < np.mean([len(scene.labels) for scene in scenes]) < 16
    boxes = np.concatenate([scene.boxes_xyxy for scene in scenes])
    longest = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    assert longest.min() < 14 and longest.max() > 150


def test_night_is_darker_than_day():
    day, night = (draw_scene(4, condition=name).image.mean() for name in ("day", "night"))
    assert night < 0.7 * day


@pytest.mark.parametrize("seed", range(3))
def test_boxes_are_tight_around_the_ids(seed):
    plan = plan_scene(seed)
    layers = render(plan)
    for number, box in enumerate(boxes_of(layers, plan.vehicles), 1):
        rows, columns = np.nonzero(layers.ids == number)
        extent = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) / ENLARGED
        assert box.tolist() == extent.tolist()
    assert set(np.unique(layers.ids)) <= set(range(len(plan.vehicles) + 1))


@pytest.mark.parametrize("seed", [2, 11])
def test_taking_a_vehicle_away_changes_no_pixel_outside_its_box_and_shadow(seed):
    plan = plan_scene(seed)
    full = render(plan)
    boxes = boxes_of(full, plan.vehicles)
    for gone in range(0, len(plan.vehicles), 3):
        rest = tuple(v for k, v in enumerate(plan.vehicles) if k != gone)
        without = render(arrange(replace(plan, vehicles=rest)))
        changed = (np.asarray(full.canvas) != np.asarray(without.canvas)).any(-1)
        x1, y1, x2, y2 = (boxes[gone] * ENLARGED).astype(int)
        shadow = np.asarray(full.shadows) != np.asarray(without.shadows)
        inside = np.zeros_like(changed)
        inside[y1:y2, x1:x2] = True
        assert changed[inside].any()
        assert not (changed & ~inside & ~shadow).any()
        # and the box is no larger than what changed needs: all four of its edges are touched
        mine = changed & (full.ids == gone + 1)
        assert mine[y1:y2, x1:x2].any(axis=0)[[0, -1]].all() and mine[y1:y2, x1:x2].any(axis=1)[[0, -1]].all()


def test_a_camera_projects_as_worked_out_by_hand():
    down = Camera(10.0, np.pi / 4, 0.0, 0.0, 100.0, (200, 100))
    pixels, depth = down.project(np.array([[0.0, 10.0, 0.0], [np.sqrt(2), 10.0, 0.0]]))
    assert np.allclose(pixels, [[100, 50], [110, 50]]) and np.allclose(depth, 10 * np.sqrt(2))
    assert np.isclose(down.horizon_row(), -50)


def test_a_car_beside_a_long_truck_is_painted_after_it_when_it_stands_nearer_to_the_camera():
    truck, car = Thing((), 4.0, 20.0, 0.0, (2.5, 16.0, 4.0)), Thing((), 0.5, 25.0, 0.0, (1.8, 4.5, 1.5))
    assert painting_order([truck, car]) == [0, 1]  # though the car's middle is farther away
    beyond = replace(car, x=8.0)
    assert painting_order([truck, beyond]) == [1, 0]


@pytest.mark.parametrize(("seed", "size_hw"), [(-1, SMALL), (0, (95, 128)), (0, (32, 32))])
def test_a_bad_seed_or_size_is_refused(seed, size_hw):
    with pytest.raises(ValueError, match="expected a seed"):
        draw_scene(seed, size_hw)


def test_other_sizes_are_drawn_too():
    assert draw_scene(1, SMALL).image.shape == (*SMALL, 3)
