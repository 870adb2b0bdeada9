"""Roads from empty to jammed: the same from the same seed, as full as they say, boxes that fit the pixels."""

import numpy as np
import pytest

from cityzoo.demo.scenes import jam_scene, traffic_scene
from cityzoo.demo.scenes.jam_scene import CLASS_NAMES, FLOWS, draw_scene, flow_of, plan_jam
from cityzoo.demo.scenes.renderer import LAMP_STEP, SHINING
from cityzoo.demo.scenes.traffic_scene import ENLARGED, boxes_of, render

SEEDS = range(24)


@pytest.fixture(scope="module")
def plans():
    """The plan of each seed."""
    return [plan_jam(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def counts(plans):
    """Vehicles in the scene of each seed, by how the traffic flows."""
    found = {flow: [] for flow in FLOWS}
    for seed, plan in enumerate(plans):
        found[flow_of(seed)].append(len(plan.vehicles))
    return found


def test_equal_seeds_give_equal_bytes_and_others_do_not():
    scenes = [draw_scene(seed) for seed in (3, 3, 4)]
    np.random.seed(0)  # global state must play no part
    assert scenes[0].image.tobytes() == draw_scene(3).image.tobytes() == scenes[1].image.tobytes()
    assert scenes[0].boxes_xyxy.tobytes() == scenes[1].boxes_xyxy.tobytes()
    assert scenes[0].image.tobytes() != scenes[2].image.tobytes()


def test_shapes_types_and_ranges():
    for seed in (7, 13, 16):
        scene = draw_scene(seed)
        assert scene.image.shape == (288, 384, 3) and scene.image.dtype == np.uint8
        assert scene.boxes_xyxy.dtype == np.float32 and scene.boxes_xyxy.shape == (len(scene.labels), 4)
        assert scene.labels.dtype == np.int32 and set(scene.labels) <= set(range(len(CLASS_NAMES)))
        assert scene.mask is None and scene.name == ""


def test_every_flow_has_about_a_third_of_the_seeds(counts):
    assert all(0.2 < len(of_flow) / len(SEEDS) < 0.47 for of_flow in counts.values())
    assert sum(map(len, counts.values())) == len(SEEDS)


def test_the_flows_differ_in_how_many_vehicles_there_are(counts):
    free, dense, jam = (np.array(counts[flow]) for flow in ("free", "dense", "jam"))
    assert free.mean() < 5 and min(free) <= 2
    assert free.mean() * 2 < dense.mean() < jam.mean() * 0.75
    assert jam.mean() > 20 and jam.max() > 35


def test_ids_of_vehicles_and_lamps_share_one_byte():
    most = max(density.most for density in FLOWS.values())
    assert most < LAMP_STEP and len(SHINING) * LAMP_STEP + most < 256


def test_boxes_are_tight_in_the_fullest_scene(plans, counts):
    seed = max(SEEDS, key=lambda seed: len(plans[seed].vehicles) if flow_of(seed) == "jam" else 0)
    plan = plans[seed]
    layers = render(plan)
    boxes = boxes_of(layers, plan.vehicles)
    assert len(boxes) == max(counts["jam"]) and np.array_equal(boxes, draw_scene(seed).boxes_xyxy)
    for number, box in enumerate(boxes, 1):
        rows, columns = np.nonzero(layers.ids == number)
        extent = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) / ENLARGED
        assert box.tolist() == extent.tolist()


def test_the_usual_traffic_knows_nothing_of_it():
    before = traffic_scene.draw_scene(5).image.tobytes()
    draw_scene(5)
    assert traffic_scene.draw_scene(5).image.tobytes() == before


@pytest.mark.parametrize(("seed", "size_hw"), [(-1, (96, 128)), (0, (95, 128)), (0, (32, 32))])
def test_a_bad_seed_or_size_is_refused(seed, size_hw):
    with pytest.raises(ValueError, match="expected a seed"):
        draw_scene(seed, size_hw)


def test_other_sizes_are_drawn_too():
    assert draw_scene(1, (96, 128)).image.shape == (96, 128, 3) and jam_scene.VERSION >= 1
