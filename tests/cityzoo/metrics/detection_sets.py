"""Boxes and detections, usual and nasty ones, and what pycocotools says of them."""

import contextlib
import functools
import io

import numpy as np
import pytest

from cityzoo.metrics.coco import coco_results, coco_truth
from cityzoo.sample import Detections, ImageExample, ImageSet, no_boxes

NAMES = ("car", "bus", "van/suv")
NOTHING = Detections(no_boxes(), [], [])


def image_set(*boxes_and_labels, names=NAMES):
    """A set of images with the boxes and labels of each."""
    images = [
        ImageExample(f"{i}.jpg", (400, 400), boxes, labels)
        for i, (boxes, labels) in enumerate(boxes_and_labels)
    ]
    return ImageSet("val", names, tuple(images))


def random_set(seed, n_images=8, most_boxes=6, n_extra=10, classes=(0, 1, 2), side=300, round_scores=None):
    """Boxes of all sizes in whole pixels, with two detections near each and some anywhere; best score not first."""
    rng, images, detections = np.random.default_rng(seed), [], []
    for _ in range(n_images):
        boxes = random_boxes(rng, rng.integers(0, most_boxes + 1), side)
        labels = rng.choice(classes, len(boxes))
        near = np.repeat(boxes, 2, axis=0) + rng.integers(-5, 6, (2 * len(boxes), 4))
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        found = np.concatenate([near, random_boxes(rng, n_extra, side)])
        said = np.concatenate([np.repeat(labels, 2), rng.integers(0, 3, n_extra)])
        scores = rng.uniform(0, 1, len(found))
        scores = scores if round_scores is None else np.round(scores, round_scores)
        images.append((boxes, labels))
        detections.append(Detections(found, scores, said))
    return image_set(*images), detections


def random_boxes(rng, n, side):
    """Boxes of 4 pixels to half the side, wide or high, small ones more often."""
    corner, size = rng.integers(0, side, (n, 2)), (4 + side / 2 * rng.uniform(0, 1, (n, 2)) ** 2).astype(int)
    return np.concatenate([corner, corner + size], axis=1)


@functools.cache
def nasty_sets():
    """Name -> truth, detections."""
    truth, found = random_set(5)
    empty = image_set(*[(no_boxes(), [])] * len(truth))
    same = [[10, 10, 60, 60]] * 4
    edge = [
        [0, 0, 32, 32],
        [40, 0, 136, 96],
        [0, 200, 32, 233],
    ]  # 32 * 32 is small and medium, 96 * 96 both, too
    return {
        "random": (truth, found),
        "tied scores": random_set(1, round_scores=1),
        "all scores equal": random_set(2, round_scores=0),
        "one class missing": random_set(3, classes=(0, 2)),
        "crowded": random_set(4, n_images=2, most_boxes=60, n_extra=60, side=80, round_scores=2),
        "over 100": random_set(6, n_images=1, most_boxes=20, n_extra=420, side=60),
        "one image": random_set(7, n_images=1, most_boxes=9),
        "no detections": (truth, [NOTHING] * len(truth)),
        "no boxes": (empty, found),
        "neither": (empty, [NOTHING] * len(truth)),
        "no images": (image_set(), []),
        "the same box": (image_set((same, [0, 0, 1, 1])), [Detections(same, [0.5] * 4, [0, 0, 0, 1])]),
        "edges of sizes": (image_set((edge, [0, 0, 0])), [Detections(edge, [0.3, 0.2, 0.1], [0, 0, 0])]),
    }


def reference(truth, found):
    """Return pycocotools' evaluation."""
    coco, evaluate = pytest.importorskip("pycocotools.coco"), pytest.importorskip("pycocotools.cocoeval")
    known = coco_truth(truth)
    rows = [
        {**row, "id": i, "area": row["bbox"][2] * row["bbox"][3], "iscrowd": 0}
        for i, row in enumerate(coco_results(truth, found), start=1)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        sides = []
        for dataset in (known, {**known, "annotations": rows}):
            sides.append(coco.COCO())
            sides[-1].dataset = dataset
            sides[-1].createIndex()
        evaluation = evaluate.COCOeval(*sides, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation
