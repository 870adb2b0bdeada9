#!/usr/bin/env python3
"""A copy of a data set with vehicles pasted where none can be, to measure what --rule-loss changes.

python benchmarks/rule_loss.py traffic_cam/ planted/

In every second training image a labeled vehicle is pasted more than .12 of the image away from where any vehicle of the
scene stands, and labeled there; in each val image, too, without a label. `planted/rules.yaml` is fitted to the training
labels as they were. With `python benchmarks/rule_loss.py planted/ RUN ...` each run is asked for the score of the
detection at each pasted vehicle of val, 0 where there is none.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path[0] = str(Path(__file__).resolve().parents[1])  # not benchmarks/, where augment.py is

AWAY, LEAST_PIXELS = 0.12, 16
PASTED, RULES = "pasted.json", "rules.yaml"


def choose(image: Any, feet: np.ndarray, rng: np.random.Generator) -> tuple[int, np.ndarray] | None:
    """Return which box of an image is pasted, and where, xyxy in whole pixels; None where there is no room."""
    large = np.flatnonzero((image.boxes_xyxy[:, 2:] - image.boxes_xyxy[:, :2]).min(axis=1) >= LEAST_PIXELS)
    for _ in range(500 if len(large) else 0):
        row = int(rng.choice(large))
        size = np.floor(image.boxes_xyxy[row, 2:]) - np.ceil(image.boxes_xyxy[row, :2])
        corner = rng.integers(0, np.maximum(image.size_hw[::-1] - size, 1).astype(int))
        box = np.concatenate([corner, corner + size]).astype(int)
        foot = np.array([(box[0] + box[2]) / 2, box[3]]) / image.size_hw[::-1]
        if np.hypot(*(feet - foot).T).min() > AWAY:
            return row, box
    return None


def plant(source: Path, out: Path) -> None:
    """Write the copy, its rules and what was pasted into val."""
    import yaml
    from PIL import Image

    from cityzoo.data.image.load import load
    from cityzoo.evaluation.rules.fitting import fit_rules

    data, rng, pasted = load(str(source)), np.random.default_rng(0), {}
    shutil.copytree(source, out)
    for split, side in (("train", data.train), ("val", data.val)):
        for number, image in enumerate(side.examples):
            own = [e for s in (data.train, data.val) for e in s.examples if e.scene == image.scene]
            boxes = np.concatenate([e.boxes_xyxy / np.tile(e.size_hw[::-1], 2) for e in own])
            feet = np.stack([boxes[:, ::2].mean(axis=1), boxes[:, 3]], axis=1)
            found = choose(image, feet, rng) if split == "val" or number % 2 else None
            if found is None:
                continue
            row, (x1, y1, x2, y2) = found
            canvas, (left, top) = Image.open(image.path).convert("RGB"), np.ceil(image.boxes_xyxy[row, :2])
            patch = canvas.crop((int(left), int(top), int(left) + x2 - x1, int(top) + y2 - y1))
            canvas.paste(patch, (int(x1), int(y1)))
            file = out / Path(image.path).relative_to(source)
            canvas.save(file, quality=95)
            if split == "val":
                pasted[file.name] = [int(each) for each in (x1, y1, x2, y2)]
                continue
            width, height = canvas.size
            line = [(x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height]
            with open(out / split / "labels" / f"{file.stem}.txt", "a", encoding="utf-8") as labels:
                labels.write(f"\n{image.labels[row]} " + " ".join(f"{each:.6f}" for each in line) + "\n")
    rules = fit_rules(data.train, [each.scene for each in data.train.examples])
    content = {**rules.general.to_json(), "scenes": {name: r.to_json() for name, r in rules.scenes.items()}}
    (out / RULES).write_text(yaml.safe_dump(content, sort_keys=False, default_flow_style=None))
    (out / PASTED).write_text(json.dumps(pasted))


def ask(data: Path, path: str) -> dict[str, Any]:
    """Return how a run scores the pasted vehicles, and how many of its detections break a rule."""
    import yaml

    from cityzoo.data.image.scene_rules import parse_rules
    from cityzoo.evaluation.evaluated_run import open_evaluated
    from cityzoo.evaluation.rules.violations import find_violations
    from heads.detection_decode import iou_one_to_many

    run, pasted = open_evaluated(path), json.loads((data / PASTED).read_text())
    flags = dict.fromkeys(("format", "class_map", "limit"))
    names = run.output.class_names
    flags |= {"bad_boxes": "clip", "split": "val", "data": str(data)}
    val, _ = run.task.modality.read_to_evaluate(run.spec, run.task, names, flags)
    results, scores = run.results(val), []
    for image, found in zip(val.examples, results, strict=True):
        if (box := pasted.get(Path(image.path).name)) is not None:
            overlap = iou_one_to_many(np.array(box, np.float32), found.boxes_xyxy)
            scores.append(float(found.scores[overlap > 0.5].max(initial=0.0)))
    rules = parse_rules(yaml.safe_load((data / RULES).read_text()), names)
    sure = [each.filter_by_score(0.3) for each in results]
    broken = np.concatenate(find_violations(rules, val, sure, run.task.modality.groups(val)))
    return {
        "run": path,
        "pasted": len(scores),
        "mean score": float(np.mean(scores)),
        "above .3": int((np.array(scores) > 0.3).sum()),
        "detections above .3": len(broken),
        "outside": int((broken == "place").sum()),
        **{name: run.output.metrics(val, results)[name] for name in ("AP", "AP50")},
    }


if __name__ == "__main__":
    if Path(sys.argv[2], "report.json").is_file():
        for given in sys.argv[2:]:
            print(json.dumps(ask(Path(sys.argv[1]), given)))
    else:
        plant(Path(sys.argv[1]), Path(sys.argv[2]))
