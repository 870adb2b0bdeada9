"""--rule-loss of a detector with the real commands: wrong labels off the road, with and without it."""

import json

import numpy as np
import pytest
from PIL import Image

SIDE, HORIZON = 96, 48
RULES = "places:\n  - points: [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]\n"


def paint(rng, off_road):
    """Two cars on the gray lower half, and one on the green upper one if it is planted."""
    pixels = np.full((SIDE, SIDE, 3), 110, np.uint8)
    pixels[:HORIZON] = (60, 120, 60)
    pixels += rng.integers(0, 20, pixels.shape, dtype=np.uint8)
    boxes = []
    for number in range(2 + off_road):
        x = rng.integers(0, 20) + 4 + 44 * (number % 2)
        bottom = rng.integers(26, 40) if number == 2 else rng.integers(70, 92)
        pixels[bottom - 14 : bottom, x : x + 22] = (200, 40, 40)
        pixels[bottom - 12 : bottom - 7, x + 4 : x + 18] = 30
        boxes.append(np.array([x, bottom - 14, x + 22, bottom]) / SIDE)
    return pixels, boxes


def write_street(folder):
    """In half of the training images a car off the road is labeled, too; in those of val it is not."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 32), ("val", 16)):
        for kind in ("images", "labels"):
            (folder / split / kind).mkdir(parents=True)
        for number in range(count):
            pixels, boxes = paint(rng, int(split == "val" or number % 2))
            Image.fromarray(pixels).save(folder / split / "images" / f"{number}.png")
            labeled = boxes if split == "train" else boxes[:2]
            rows = [
                f"0 {(a + c) / 2:.5f} {(b + d) / 2:.5f} {c - a:.5f} {d - b:.5f}" for a, b, c, d in labeled
            ]
            (folder / split / "labels" / f"{number}.txt").write_text("\n".join(rows) + "\n")
    (folder / "data.yaml").write_text("train: train/images\nval: val/images\nnames: [car]\n")
    (folder / "rules.yaml").write_text(RULES)


def highest_score_off_road(folder):
    """The mean over the images of the highest score of a detection above the horizon."""
    found = json.loads((folder / "detections.json").read_text())
    best = dict.fromkeys((each["image_id"] for each in found), 0.0)
    for each in found:
        if each["bbox"][1] + each["bbox"][3] < HORIZON - 1:
            best[each["image_id"]] = max(best[each["image_id"]], each["score"])
    return np.mean(list(best.values()))


@pytest.mark.slow
def test_detections_off_the_road_have_lower_scores_with_rules_in_the_loss(tmp_path, as_scripts):
    write_street(tmp_path / "street")
    train = "--task vehicle_detect --data street --backbone mobilenet_025 --weights random --image-size 96"
    train += " --phases none:6 --batch-size 8 --ema 0 --backbone-rate 1 --learning-rate 0.004 --augment light"
    rules = ["--rule-loss", "street/rules.yaml"]
    answers = as_scripts(
        tmp_path,
        {
            "plain": ("train.py", [*train.split(), "--out", "plain"]),
            "ruled": ("train.py", [*train.split(), "--out", "ruled", *rules]),
            "see plain": ("evaluate.py", ["plain", "--rules", "street/rules.yaml", "--out", "a"]),
            "see ruled": ("evaluate.py", ["ruled", "--rules", "street/rules.yaml", "--out", "b"]),
            "no file": ("train.py", [*train.split(), "--rule-loss", "missing.yaml"]),
        },
    )
    assert answers["no file"][0] == 2 and "Traceback" not in answers["no file"][2]
    assert all(answers[name][0] == 0 for name in answers if name != "no file"), answers["ruled"][2][-2000:]
    assert "16 of 80 labeled boxes" in answers["ruled"][1] + answers["ruled"][2]
    plain, ruled = (highest_score_off_road(tmp_path / name) for name in "ab")
    assert ruled < 0.5 * plain, (plain, ruled)
