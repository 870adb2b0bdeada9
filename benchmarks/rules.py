#!/usr/bin/env python3
"""Impossible detections that rules fitted to training labels remove, and what the filter costs.

python benchmarks/rules.py runs/cam

Boxes are planted into val images that cannot be: at places more than .12 of the image away from every label of the
scene (training and val), and four to six times taller or lower than the median of the labels of the class at that
place. Rules come from the training labels alone.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path[0] = str(Path(__file__).resolve().parents[1])  # not benchmarks/, where augment.py is

AWAY, NEAR, PLANTED = 0.12, 0.05, 5  # shares of the image; boxes of each kind per image


def plant(image: Any, known: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> dict[str, list]:
    """Return impossible boxes of an image by kind, with labels; known: labeled boxes of its scene, 0..1."""
    found: dict[str, list] = {"place": [], "height": []}
    feet = np.stack([known[:, ::2].mean(axis=1), known[:, 3]], axis=1)
    scale = np.tile(image.size_hw[::-1], 2)
    for _ in range(2000):
        row = rng.integers(len(known))
        width, height = known[row, 2:] - known[row, :2]
        foot = rng.uniform([width / 2, height], [1 - width / 2, 1])
        if len(found["place"]) < PLANTED and np.hypot(*(feet - foot).T).min() > AWAY:
            box = np.array([foot[0] - width / 2, foot[1] - height, foot[0] + width / 2, foot[1]])
            found["place"].append((box * scale, labels[row]))
        near = (np.abs(known[:, 3] - known[row, 3]) < NEAR) & (labels == labels[row])
        usual = np.median(known[near, 3] - known[near, 1])
        tall = usual * rng.uniform(4, 6) ** rng.choice([-1, 1])
        box = known[row] - [0, known[row, 1] - (known[row, 3] - tall), 0, 0]
        if len(found["height"]) < PLANTED and near.sum() >= 10 and box[1] >= 0:
            found["height"].append((box * scale, labels[row]))
    return found


def main() -> None:
    """Print the shares removed, and the metrics with and without the filter, as JSON."""
    from cityzoo.evaluation.evaluated_run import open_evaluated
    from cityzoo.evaluation.rules.fitting import fit_rules
    from cityzoo.evaluation.rules.violations import find_violations, measure
    from cityzoo.sample import Detections

    run = open_evaluated(sys.argv[1])
    modality, names = run.task.modality, run.output.class_names
    flags = dict.fromkeys(("data", "format", "class_map", "limit")) | {"bad_boxes": "clip"}
    sides = {
        split: modality.read_to_evaluate(run.spec, run.task, names, {**flags, "split": split})[0]
        for split in ("train", "val")
    }
    scenes = {split: modality.groups(side) for split, side in sides.items()}
    rules, val = fit_rules(sides["train"], scenes["train"]), sides["val"]
    rng, planted = np.random.default_rng(0), {"place": [], "height": []}
    for image, scene in zip(val.examples, scenes["val"], strict=True):
        own = [
            e for s in sides for e, name in zip(sides[s].examples, scenes[s], strict=True) if name == scene
        ]
        known = np.concatenate([each.boxes_xyxy / np.tile(each.size_hw[::-1], 2) for each in own])
        for kind, rows in plant(image, known, np.concatenate([each.labels for each in own]), rng).items():
            boxes, labels = [box for box, _ in rows], [label for _, label in rows]
            planted[kind].append(Detections(boxes, np.ones(len(rows)), labels))
    removed = {}
    for kind, found in planted.items():
        marks = np.concatenate(find_violations(rules, val, found, scenes["val"]))
        removed[kind] = {"planted": len(marks), "removed": int(np.count_nonzero(marks))}
    results = run.results(val)
    print(
        json.dumps({"removed": removed, **measure(rules, run.output, val, results, scenes["val"])}, indent=1)
    )


if __name__ == "__main__":
    main()
