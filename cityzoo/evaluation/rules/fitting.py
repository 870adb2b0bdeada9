"""Rules of cameras from the labels of their images."""

from __future__ import annotations

import numpy as np

from cityzoo.data.image.polygons import Points, check_polygon
from cityzoo.data.image.scene_rules import EDGE, Height, Place, Rules, SceneRules
from cityzoo.errors import InputError
from cityzoo.sample import ImageSet

LEAST_BOXES = 20  # of a class in a scene; with fewer all classes of the scene together
GRID = 200  # side of the map of where objects stand
REACH = 0.1  # of the image, how far from the nearest labeled object another one may stand
QUANTILES = (0.02, 0.98)  # of heights at a place
SLACK = 1.6  # how much smaller or larger than these a box may be
SPAN = (0.05, 0.95)  # quantiles of bottoms between which limits are stated


def fit_rules(images: ImageSet, scenes: list[str]) -> Rules:
    """Return where labeled objects stand and how tall they are there, scene by scene.

    Places are polygons around all points within .1 of the image of a labeled bottom center. Heights grow linearly with
    the bottom: quantile regression (Koenker and Bassett 1978, "Regression Quantiles", Econometrica 46) of the 2nd and
    the 98th percentile, widened by a factor of 1.6.

    Args:
        images: labeled images of fixed cameras.
        scenes: (N,) scene of each image; "" for images of one camera.

    Raises:
        InputError: no scene has 20 boxes.
    """
    found = {}
    for scene in dict.fromkeys(scenes):
        own = [each for each, name in zip(images.examples, scenes, strict=True) if name == scene]
        sizes = np.concatenate([np.tile([*e.size_hw[::-1]] * 2, (len(e.labels), 1)) for e in own])
        boxes = np.concatenate([each.boxes_xyxy for each in own]) / np.maximum(sizes, 1)
        labels = np.concatenate([each.labels for each in own])
        if len(boxes) >= LEAST_BOXES:
            found[scene] = SceneRules(
                _fit_places(boxes, images.class_names), _fit_heights(boxes, labels, images)
            )
    if not found:
        raise InputError(f"no scene has {LEAST_BOXES} labeled boxes to fit rules to: write them into a file")
    return Rules(found.pop(""), found) if "" in found else Rules(scenes=found)


def _fit_places(boxes: np.ndarray, names: tuple[str, ...]) -> tuple[Place, ...]:
    import cv2

    points = np.stack([boxes[:, ::2].mean(axis=1), boxes[:, 3]], axis=1).clip(0, 1)
    stands = np.zeros((GRID + 1, GRID + 1), np.uint8)
    for x, y in np.rint(points * GRID).astype(int).tolist():
        cv2.circle(stands, (x, y), round(REACH * GRID), 1, -1)
    outlines, _ = cv2.findContours(stands, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return tuple(
        Place(_simplify(outline), names, f"road {number}") for number, outline in enumerate(outlines, start=1)
    )


def _simplify(outline: np.ndarray) -> Points:
    """Return an outline with few corners, or its convex hull where these cross."""
    import cv2

    for corners in (cv2.approxPolyDP(outline, 1.5, True), cv2.convexHull(outline)):
        points = tuple((round(x / GRID, 4), round(y / GRID, 4)) for x, y in corners[:, 0].tolist())
        try:
            check_polygon(points, "outline")
        except InputError:
            continue
        return points
    return points


def _fit_heights(boxes: np.ndarray, labels: np.ndarray, images: ImageSet) -> tuple[Height, ...]:
    whole = boxes[:, 3] < 1 - 2 * EDGE
    boxes, labels = boxes[whole], labels[whole]
    counts = np.bincount(labels, minlength=len(images.class_names))
    frequent = [(label, (images.class_names[label],)) for label in np.flatnonzero(counts >= LEAST_BOXES)]
    rare = tuple(name for name, count in zip(images.class_names, counts, strict=True) if count < LEAST_BOXES)
    found = [_fit_height(boxes[labels == label], names) for label, names in frequent]
    return tuple(found + ([_fit_height(boxes, rare)] if rare and len(boxes) else []))


def _fit_height(boxes: np.ndarray, names: tuple[str, ...]) -> Height:
    from sklearn.linear_model import QuantileRegressor

    bottoms, tall = boxes[:, 3], boxes[:, 3] - boxes[:, 1]
    first, last = (float(each) for each in np.quantile(bottoms, SPAN))
    last = max(last, first + 0.01)
    lines = [
        QuantileRegressor(quantile=q, alpha=0).fit(bottoms[:, None], tall).predict([[first], [last]])
        for q in QUANTILES
    ]
    least, most = np.maximum(lines[0], 0) / SLACK, np.maximum(*lines).clip(0) * SLACK
    return Height(names, (round(first, 4), round(last, 4)), _pair(least), _pair(most))


def _pair(values: np.ndarray) -> tuple[float, float]:
    return round(float(values[0]), 5), round(float(values[1]), 5)
