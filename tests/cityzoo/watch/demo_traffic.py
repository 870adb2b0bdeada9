"""Boxes of a demo video without drawing it: the outlines of its vehicles, hidden ones left out."""

import numpy as np

from cityzoo.demo.scenes.traffic_scene import ENLARGED
from cityzoo.demo.videos.frames import box_of_outline
from cityzoo.watch.detector import Detections

LEAST_SIDE, HIDDEN = 7.0, 0.65


def find_boxes(plan, seconds, tracks=None):
    """Return ids, boxes (N, 4) in pixels and labels of the vehicles in view."""
    now = [track for track in (tracks or plan.tracks) if track.ride.start_s <= seconds <= track.end_s]
    things = [track.place(plan.road, seconds) for track in now]
    boxes = box_of_outline(things, plan.camera) / ENLARGED
    high, wide = plan.size_hw
    boxes = np.clip(boxes, 0, [wide, high, wide, high])
    with np.errstate(invalid="ignore"):
        seen = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf) >= LEAST_SIDE
    order = sorted(np.flatnonzero(seen).tolist(), key=lambda k: np.hypot(things[k].x, things[k].y))
    kept = []
    for k in order:  # the nearest first: what they cover is hidden
        if not any(_covered(boxes[k], boxes[other]) > HIDDEN for other in kept):
            kept.append(k)
    return [now[k].number for k in kept], boxes[kept], np.array([things[k].label for k in kept], int)


def _covered(box, other):
    sides = np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2])
    return np.prod(np.maximum(sides, 0)) / np.prod(box[2:] - box[:2])


def add_noise(rng, boxes, labels, size_hw, jitter=0.03, missed=0.08, false=0.02):
    """Return detections as a network would give them."""
    high, wide = size_hw
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    boxes = boxes + rng.normal(0, jitter, boxes.shape) * sides
    kept = rng.random(len(boxes)) >= missed
    boxes, labels = boxes[kept], labels[kept]
    for _ in range(rng.poisson(false)):
        corner, side = rng.uniform(0, 1, 2) * [wide * 0.9, high * 0.9], rng.uniform(10, 40, 2)
        boxes, labels = np.vstack([boxes, [*corner, *(corner + side)]]), np.append(labels, 0)
    scores = np.clip(rng.normal(0.6, 0.15, len(boxes)), 0.06, 0.99)
    order = np.argsort(-scores)
    return Detections(boxes[order].astype(np.float32), scores[order].astype(np.float32), labels[order])
