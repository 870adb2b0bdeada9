"""One fixed camera: always the same street, and masks where something shows that does not belong."""

from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageFilter

from cityzoo.demo.scenes import anomaly_scene
from cityzoo.demo.scenes.anomaly_scene import (
    CLASS_NAMES,
    LEAST_AREA,
    draw_held_out,
    draw_normal,
    mask_of,
    plan_anomalies,
    plan_street,
    render_street,
)
from cityzoo.demo.scenes.traffic_scene import ENLARGED, arrange, render

SIZE = (256, 320)
SEEDS = range(48)


@pytest.fixture(scope="module")
def planned():
    """The plan and the anomalies of each seed."""
    return [plan_anomalies(plan_street(seed, SIZE)) for seed in SEEDS]


@pytest.fixture(scope="module")
def held_out(planned):
    """The scene of a seed, rendered once."""
    return cache(lambda seed: render_street(*planned[seed]))


@pytest.fixture(scope="module")
def rendered(held_out):
    """Scenes with and without anomalies."""
    return [held_out(seed) for seed in range(16)]


@pytest.fixture(scope="module")
def normal():
    return [draw_normal(seed) for seed in range(6)]


def name_of(anomalies):
    return anomalies[0].kind if anomalies else "normal"


def test_equal_seeds_give_equal_bytes_and_others_do_not(rendered, normal):
    np.random.seed(0)  # global state must play no part
    assert draw_normal(3).image.tobytes() == normal[3].image.tobytes()
    seed = next(seed for seed, scene in enumerate(rendered) if scene.mask is not None)
    again = draw_held_out(seed)
    assert again.image.tobytes() == rendered[seed].image.tobytes()
    assert again.mask.tobytes() == rendered[seed].mask.tobytes()
    assert len({scene.image.tobytes() for scene in [*rendered, *normal]}) >= len(rendered)


def test_shapes_and_types(planned, rendered, normal):
    assert [scene.name for scene in rendered] == [name_of(found) for _, found in planned[: len(rendered)]]
    for scene in [*rendered, *normal]:
        assert scene.image.shape == (*SIZE, 3) and scene.image.dtype == np.uint8
        assert scene.boxes_xyxy.shape == (0, 4) and scene.boxes_xyxy.dtype == np.float32
        assert scene.labels.shape == (0,) and scene.labels.dtype == np.int32
        assert scene.name in CLASS_NAMES and (scene.mask is None) == (scene.name == "normal")
        if scene.mask is not None:
            assert scene.mask.shape == SIZE and scene.mask.dtype == bool and scene.mask.sum() >= LEAST_AREA


def test_normal_images_hold_nothing_odd(normal):
    assert all(scene.mask is None and scene.name == "normal" for scene in normal)


def test_shares_of_the_kinds(planned):
    names = Counter(name_of(found) for _, found in planned)
    assert 0.25 < names["normal"] / len(SEEDS) < 0.55
    assert set(names) == set(CLASS_NAMES)
    anomalies = [len(found) for _, found in planned]
    assert set(anomalies) == {0, 1, 2} and anomalies.count(2) < anomalies.count(1) / 2


def test_a_held_out_image_without_anomaly_is_the_normal_one(rendered):
    seed = next(seed for seed, scene in enumerate(rendered) if scene.mask is None)
    assert rendered[seed].image.tobytes() == draw_normal(seed).image.tobytes()


def grown(mask, pixels):
    image = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(image.filter(ImageFilter.MaxFilter(2 * pixels + 1))) > 0


def test_masks_cover_what_differs_from_the_image_without(planned, held_out):
    compared = Counter()
    for seed in SEEDS:
        plan, anomalies = planned[seed]
        things = tuple(thing for anomaly in anomalies for thing in anomaly.things)
        burns = any(anomaly.kind == "fire" for anomaly in anomalies)
        if not anomalies or plan.light.lamps or compared[anomalies[0].kind] == 1:
            continue  # at dusk the lamps of a wreck, and fire at all times, light what is around
        compared[anomalies[0].kind] += 1
        mask = held_out(seed).mask
        there, gone = (image.astype(int) for image in (held_out(seed).image, render_street(plan, ()).image))
        changed = np.abs(there - gone).max(-1) > 12
        assert changed[mask].mean() > 0.6
        full = arrange(replace(plan, vehicles=plan.vehicles + things))
        dark = [np.asarray(render(p).shadows.reduce(ENLARGED), int) for p in (full, plan)]
        shadow = grown(np.abs(dark[0] - dark[1]) > 2, 2)
        beyond = changed & ~grown(mask, 3) & ~shadow
        assert beyond.mean() < (0.03 if burns else 0.001)
        assert all(part.sum() > 0 for part in mask_of(plan, anomalies))
    assert len(compared) >= 6  # of the seven kinds


def test_the_camera_stands_still_but_for_a_little_sway():
    plans = [plan_street(seed, SIZE) for seed in range(12)]
    post = np.array([[4.0, 25.0, 0.0]])
    places = np.concatenate([plan.camera.project(post)[0] for plan in plans]) / ENLARGED
    swayed = np.ptp(places, axis=0).max()
    assert 0.3 < swayed <= 4.5  # twice the largest sway and what the turn adds
    assert all(len(plan.ground) == len(plans[0].ground) for plan in plans)
    for plan in plans:
        assert all(np.array_equal(a[0], b[0]) for a, b in zip(plan.ground, plans[0].ground, strict=True))
        shared = min(len(plan.scenery), len(plans[0].scenery)) - 3
        assert [(t.x, t.y) for t in plan.scenery[:shared]] == [(t.x, t.y) for t in plans[0].scenery[:shared]]


def test_the_sky_is_grey_and_the_light_varies(normal):
    assert {scene.condition for scene in normal} == {"overcast"}
    levels = [scene.image.mean() for scene in normal]
    assert max(levels) - min(levels) > 5


@pytest.mark.parametrize("draw", [draw_normal, draw_held_out])
@pytest.mark.parametrize(("seed", "size_hw"), [(-1, (96, 128)), (0, (95, 128)), (0, (32, 32))])
def test_a_bad_seed_or_size_is_refused(draw, seed, size_hw):
    with pytest.raises(ValueError, match="expected a seed"):
        draw(seed, size_hw)


def test_other_sizes_are_drawn_too():
    assert draw_normal(1, (96, 128)).image.shape == (96, 128, 3) and anomaly_scene.VERSION >= 1
    assert {draw_held_out(seed, (96, 128)).image.shape for seed in range(4)} == {(96, 128, 3)}
