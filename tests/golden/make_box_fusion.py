"""Write box_fusion.json: boxes of several detectors and what ensemble-boxes 1.0.9 fuses them to.

It gets an environment of its own, here next to the repository, because it brings numba:

    python3 -m venv ../fusion
    ../fusion/bin/pip install "ensemble-boxes==1.0.9"
    ../fusion/bin/python tests/golden/make_box_fusion.py

The file holds `cases`: `weights` and `iou`, `found` (for each detector boxes, scores, labels), and the fused `boxes`,
`scores` and `labels`. A second run writes the same bytes.
"""

import json
from pathlib import Path

import numpy as np
from ensemble_boxes import weighted_boxes_fusion

FILE = Path(__file__).with_name("box_fusion.json")
SETTINGS = [([1, 1], 0.55), ([2, 1], 0.5), ([1, 1, 1], 0.7), ([1, 0.5, 2], 0.6)]


def draw_boxes(rng, objects, labels):
    """Return what one detector finds: most of the objects, three others, and the first object once more."""
    near, kept = objects + rng.normal(0, 0.02, (6, 4)), rng.random(6) > 0.25
    start = rng.uniform(0.1, 0.4, (3, 2))
    others = np.concatenate([start, start + rng.uniform(0.1, 0.3, (3, 2))], 1)
    boxes = np.clip(np.concatenate([near[kept], others, near[:1] + 0.01]), 0, 1).round(4)
    scores = rng.uniform(0.05, 0.95, len(boxes)).round(4)
    return (
        boxes.tolist(),
        scores.tolist(),
        [*labels[kept].tolist(), *rng.integers(0, 3, 3).tolist(), int(labels[0])],
    )


def main():
    """Draw the cases and write the file."""
    rng, cases = np.random.default_rng(4), []
    for weights, iou in SETTINGS:
        start = rng.uniform(0.05, 0.6, (6, 2))
        objects = np.concatenate([start, start + rng.uniform(0.1, 0.35, (6, 2))], 1)
        labels = rng.integers(0, 3, 6)
        found = [draw_boxes(rng, objects, labels) for _ in weights]
        boxes, scores, names = weighted_boxes_fusion(*zip(*found, strict=True), weights=weights, iou_thr=iou)
        fused = {"boxes": boxes.round(5), "scores": scores.round(5), "labels": names.astype(int)}
        case = {"weights": weights, "iou": iou, "found": found}
        cases.append(case | {name: values.tolist() for name, values in fused.items()})
    FILE.write_text(json.dumps({"cases": cases}) + "\n")


if __name__ == "__main__":
    main()
