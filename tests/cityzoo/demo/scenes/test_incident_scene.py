"""Fire and smoke in traffic: the same from the same seed, boxes around the pixels that they change."""

from collections import Counter
from functools import cache

import numpy as np
import pytest

from cityzoo.demo.scenes import incident_scene
from cityzoo.demo.scenes.fire import box_of, contrast, render_fire
from cityzoo.demo.scenes.incident_scene import (
    CLASS_NAMES,
    draw_exhausts,
    draw_scene,
    incident_of,
    low_sun,
    plan_blaze,
)
from cityzoo.demo.scenes.traffic_scene import plan_scene, render

SEEDS = (*range(18), 20, 24, 31)  # four or more of each kind; seeds without a visible place take long


@pytest.fixture(scope="module")
def scenes():
    return {seed: draw_scene(seed) for seed in SEEDS}


@cache
def burning(seed):
    """A scene's plan, its layers without the blaze, and the blaze."""
    plan = plan_scene(seed)
    layers = render(plan)
    return plan, layers, plan_blaze(plan, layers)


def of_kind(kind, scenes, count=3):
    return [seed for seed in SEEDS if scenes[seed].name == kind][:count]


def test_equal_seeds_give_equal_bytes_and_others_do_not(scenes):
    np.random.seed(0)  # global state must play no part
    for seed in (0, of_kind("both", scenes)[0]):
        again = draw_scene(seed)
        assert again.image.tobytes() == scenes[seed].image.tobytes()
        assert again.boxes_xyxy.tobytes() == scenes[seed].boxes_xyxy.tobytes()
    assert len({scene.image.tobytes() for scene in scenes.values()}) == len(scenes)


def test_shapes_types_and_ranges(scenes):
    for scene in scenes.values():
        assert scene.image.shape == (288, 384, 3) and scene.image.dtype == np.uint8
        assert scene.boxes_xyxy.dtype == np.float32 and scene.boxes_xyxy.shape == (len(scene.labels), 4)
        assert scene.labels.dtype == np.int32
        x1, y1, x2, y2 = scene.boxes_xyxy.T
        assert (x1 >= 0).all() and (y1 >= 0).all() and (x2 <= 384).all() and (y2 <= 288).all()
        assert (x2 - x1 >= 7).all() and (y2 - y1 >= 7).all()


def test_every_kind_has_about_its_share(scenes):
    asked = Counter(incident_of(seed) for seed in range(2000))
    assert all(abs(asked[kind] / 2000 - share) < 0.04 for share, kind in incident_scene.KINDS)
    shown = Counter(scene.name for scene in scenes.values())
    assert min(shown.values()) >= 3 and len(shown) == 4
    for scene in scenes.values():
        named = {"fire": [0], "smoke": [1], "both": [0, 1], "neither": []}[scene.name]
        assert scene.labels.tolist() == named
    missed = [seed for seed in SEEDS if incident_of(seed) != scenes[seed].name]
    assert len(missed) <= 1  # only where no place showed it


def test_it_is_small_and_large_by_day_and_by_night(scenes):
    boxes = np.concatenate([scene.boxes_xyxy for scene in scenes.values()])
    longest = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    assert longest.min() < 25 and longest.max() > 150
    assert {"day", "night"} <= {scene.condition for scene in scenes.values() if len(scene.labels)}


@pytest.mark.parametrize("kind", ["fire", "smoke", "both"])
def test_boxes_are_tight_around_what_differs_from_the_scene_without(scenes, kind):
    for seed in of_kind(kind, scenes):
        plan, layers, blaze = burning(seed)
        with_it, without = (render_fire(plan, layers, blazes).astype(int) for blazes in ([blaze], []))
        changed = np.abs(with_it - without).max(-1)
        for veil, label in ((blaze.fire, 0), (blaze.smoke, 1)):
            if veil is None:
                continue
            box = scenes[seed].boxes_xyxy[scenes[seed].labels.tolist().index(label)]
            assert tuple(box.tolist()) == box_of(veil)
            x1, y1, x2, y2 = box.astype(int)
            outside = veil.alpha.copy()
            outside[y1:y2, x1:x2] = 0
            # Beyond the box nothing but single pixels and what nobody can see.
            assert (outside >= 0.15).sum() <= 12 and outside.sum() < 0.06 * veil.alpha.sum() + 3
            inside = veil.alpha[y1:y2, x1:x2] >= 0.15
            assert inside.any(axis=0)[[0, -1]].all() and inside.any(axis=1)[[0, -1]].all()
            assert changed[y1:y2, x1:x2][inside].mean() > 8
        opaque = np.zeros(changed.shape)
        for veil in (blaze.fire, blaze.smoke):
            opaque = np.maximum(opaque, 0 if veil is None else veil.alpha)
        if kind == "smoke":  # fire also lights what is around it
            assert (changed[opaque == 0] > 40).mean() < 0.01


def test_fire_is_bright_and_warm_and_lights_the_night(scenes):
    nights = 0
    for seed in [*of_kind("fire", scenes), *of_kind("both", scenes)]:
        plan, layers, blaze = burning(seed)
        nights += plan.light.condition == "night"
        image = render_fire(plan, layers, [blaze]).astype(float)
        red, green, blue = image[blaze.fire.alpha > 0.6].mean(axis=0)
        assert red > 150 and red > green + 15 > blue + 25
        if plan.light.condition == "night":
            assert image.mean() > render_fire(plan, layers, []).mean()
    assert nights


def test_smoke_stands_out_against_what_is_behind_it(scenes):
    for seed in of_kind("smoke", scenes):
        plan, layers, blaze = burning(seed)
        assert contrast(blaze.smoke, layers, plan.light) >= incident_scene.LEAST_CONTRAST


def test_images_without_hold_what_looks_alike():
    plans = [plan_scene(seed, (96, 128)) for seed in range(30)]
    wisps = [blaze for plan in plans for blaze in draw_exhausts(plan)]
    assert len(wisps) > 10 and all(wisp.fire is None for wisp in wisps)
    assert max(wisp.smoke.alpha.max() for wisp in wisps) < 0.35
    suns = [low_sun(plan_scene(seed, (96, 128), "dusk")) for seed in range(20)]
    assert 2 < sum(sun is not None for sun in suns) < 18


@pytest.mark.parametrize(("seed", "size_hw"), [(-1, (96, 128)), (0, (95, 128)), (0, (32, 32))])
def test_a_bad_seed_or_size_is_refused(seed, size_hw):
    with pytest.raises(ValueError, match="expected a seed"):
        draw_scene(seed, size_hw)


def test_other_sizes_are_drawn_too():
    assert draw_scene(1, (96, 128)).image.shape == (96, 128, 3)
    assert CLASS_NAMES == ("fire", "smoke") and incident_scene.VERSION >= 1
