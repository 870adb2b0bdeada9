"""Captions describe what is drawn: vehicles, fire and smoke, weather; tables name the images."""

import csv
import re

import numpy as np
import pytest

from cityzoo.demo.scenes import incident_scene, scene_captions
from cityzoo.demo.scenes.vehicles import CLASS_NAMES


@pytest.mark.parametrize("seed", [1, 3, 9, 11])
def test_captions_describe_the_scene(seed):
    """Counted vehicles, and fire and smoke, are those of the labeled scene of the same seed."""
    image, caption = scene_captions.draw_captioned(seed, (96, 128))
    scene = incident_scene.draw_scene(seed, (96, 128))
    assert np.array_equal(image, scene.image)
    assert scene_captions.LIGHTS[scene.condition] in caption and caption == caption.strip()
    last = caption.rstrip(".").split(". ")[-1].lower()
    found = {"neither": "no fire and no smoke" in last, "both": "fire" in last and "smoke" in last}
    assert found.get(scene.name, scene.name in last)
    plan = scene_captions.plan_scene(seed, (96, 128))
    said = caption.lower()
    for number, name in enumerate(CLASS_NAMES):
        count = sum(each.label == number for each in plan.vehicles)
        words = scene_captions.NUMBERS[count]
        plural = "buses" if name == "bus" else f"{name}s"
        assert bool(re.search(rf"\b{words} ({plural}|{name})\b", said)) == (count > 0)


def test_tables_name_the_images(tmp_path):
    shown = []
    counts = {"train": 2, "test": 1}
    folder = scene_captions.write_captioned(tmp_path / "scenes", 0, counts, lambda *args: shown.append(args))
    assert shown == [(1, 3), (2, 3), (3, 3)]
    for split, count in (("train", 2), ("test", 1)):
        rows = list(csv.DictReader((folder / f"{split}.csv").open()))
        assert len(rows) == count and all((folder / row["image"]).is_file() and row["text"] for row in rows)


def test_colors():
    named = [scene_captions.name_color(color) for color in ((230, 205, 40), (40, 84, 62), (30, 30, 32))]
    assert named == ["yellow", "green", "black"]
