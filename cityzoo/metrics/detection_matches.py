"""Matches between all detections and annotated boxes of a set, the input of AP, curves and error types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cityzoo.metrics.matching import UNMATCHED, box_iou, box_xywh, require_one_per_image
from cityzoo.sample import Detections, ImageSet

# Of the COCO evaluation.
OVERLAPS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
SIZES = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
MAX_DETECTIONS = 100  # per class and image


@dataclass(frozen=True, eq=False)
class Matches:
    """Matches of D detections with B annotated boxes, see `match_detections`.

    S is the number of `SIZES`, T that of `OVERLAPS`. Images are in the set's order, detections of an image by
    descending score.
    """

    class_names: tuple[str, ...]  # the classes that labels index
    n_images: int  # of the set, including empty ones
    # images, labels: (D,) int, image and class of each detection
    images: np.ndarray
    labels: np.ndarray
    scores: np.ndarray  # (D,) float32, 0..1
    boxes_xyxy: np.ndarray  # (D, 4) float32 pixels
    hits: np.ndarray  # (S, T, D) bool, whether it matches an object of that size
    ignored: np.ndarray  # (S, T, D) bool, whether it is neither a hit nor a false alarm for that size
    owners: np.ndarray  # (D,) int, which of the B boxes it matches at IoU .5, `UNMATCHED` for a false alarm
    # truth_images, truth_labels: (B,) int
    truth_images: np.ndarray
    truth_labels: np.ndarray
    truth_boxes_xyxy: np.ndarray  # (B, 4) float32 pixels
    truth_ignored: np.ndarray  # (S, B) bool, whether the box has another size

    def ranked(self, label: int) -> np.ndarray:
        """Return the rows of a class's detections by descending score, ties in the order of the images."""
        rows = np.flatnonzero(self.labels == label)
        return rows[np.argsort(-self.scores[rows], kind="stable")]

    def overlaps_of(self, image: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the rows of an image's detections and of its boxes, and the IoU of each pair of any class."""
        found, known = (
            np.arange(*np.searchsorted(rows, [image, image + 1])) for rows in (self.images, self.truth_images)
        )
        return found, known, box_iou(self.boxes_xyxy[found], self.truth_boxes_xyxy[known])

    def n_truth(self) -> np.ndarray:
        """Return (classes,) int, annotated boxes of each class."""
        return np.bincount(self.truth_labels, minlength=len(self.class_names))


def match_detections(truth: ImageSet, results: Sequence[Detections]) -> Matches:
    """Match all detections of a set with its annotated boxes, as the COCO evaluation does.

    Best score first, each detection takes the free box of its class that it overlaps most; among equals the later one.
    It takes a box of another size only where there is no other, and is then ignored, like unmatched detections of
    another size. At most 100 detections per class and image count; those that are not finite are left out.

    Raises:
        InputError: not one Detections per image.

    Reference: Lin et al., Microsoft COCO: Common Objects in Context, ECCV 2014, and its published evaluation.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> cars = ImageSet("val", ("car",), (ImageExample("a.jpg", (50, 50), [[0, 0, 20, 20]], [0]),))
        >>> matches = match_detections(cars, [Detections([[0, 0, 20, 12], [0, 0, 20, 20]], [0.5, 0.75], [0, 0])])
        >>> matches.scores.tolist(), matches.hits[0, 0].tolist(), matches.owners.tolist()
        ([0.75, 0.5], [True, False], [0, -1])
    """
    require_one_per_image(truth, results)
    counted = [_counted(found) for found in results]
    boxes = np.concatenate([np.zeros((0, 4), np.float32), *(found.boxes_xyxy for found in counted)])
    truth_boxes = np.concatenate(
        [np.zeros((0, 4), np.float32), *(each.boxes_xyxy for each in truth.examples)]
    )
    truth_ignored, found_by_image, first = _of_other_size(truth_boxes), [], 0
    for known, found in zip(truth.examples, counted, strict=True):
        last = first + len(known.labels)
        same_class = found.labels[:, None] == known.labels
        iou = np.where(same_class, box_iou(found.boxes_xyxy, known.boxes_xyxy), 0.0)
        places = _places(iou, truth_ignored[:, first:last])
        found_by_image.append(np.where(places == UNMATCHED, UNMATCHED, places + first))
        first = last
    owners = np.concatenate([np.zeros((len(SIZES), len(OVERLAPS), 0), int), *found_by_image], axis=2)
    sizes = np.arange(len(SIZES))[:, None, None]
    matched_ignored = truth_ignored[sizes, owners] if len(truth_boxes) else np.zeros(owners.shape, bool)
    unmatched = owners == UNMATCHED
    ignored = np.where(unmatched, _of_other_size(boxes)[:, None], matched_ignored)
    return Matches(
        truth.class_names,
        len(truth),
        *(_image_rows(counted), _concatenate([found.labels for found in counted])),
        np.concatenate([np.zeros(0, np.float32), *(found.scores for found in counted)]),
        boxes,
        *(~unmatched & ~ignored, ignored, owners[0, 0]),
        *(_image_rows(truth.examples), _concatenate([known.labels for known in truth.examples])),
        *(truth_boxes, truth_ignored),
    )


def precision_at_recalls(hits: np.ndarray, n_truth: int) -> np.ndarray:
    """Return (101,) float64: the highest precision at each of the recalls 0, .01 ... 1 or above; its mean is AP.

    Args:
        hits: (N,) bool, whether each detection matches an object, by descending score.
        n_truth: annotated objects, at least 1.

    Example:
        >>> precision_at_recalls(np.array([True, False, True]), 2)[49:53].round(3).tolist()  # recall 1/2, then 1
        [1.0, 1.0, 0.667, 0.667]
    """
    true = np.cumsum(hits)
    precision = true / np.arange(1, len(hits) + 1)
    best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    return best[np.searchsorted(true / n_truth, RECALLS, side="left")]


def _counted(found: Detections) -> Detections:
    """Return the detections that count, by descending score."""
    finite = np.flatnonzero(np.isfinite(found.scores) & np.isfinite(found.boxes_xyxy).all(axis=1))
    rows = finite[np.argsort(-found.scores[finite], kind="stable")]
    if len(rows) > MAX_DETECTIONS:
        labels = found.labels[rows]
        rows = rows[np.tril(labels[:, None] == labels).sum(axis=1) <= MAX_DETECTIONS]
    return Detections(found.boxes_xyxy[rows], found.scores[rows], found.labels[rows])


def _of_other_size(boxes_xyxy: np.ndarray) -> np.ndarray:
    """Return (S, N) bool, whether the area of each box lies outside each range."""
    area = box_xywh(boxes_xyxy)[:, 2:].prod(axis=1)
    low, high = np.array(list(SIZES.values())).T[:, :, None]
    return (area < low) | (area > high)


def _places(iou: np.ndarray, ignored: np.ndarray) -> np.ndarray:
    """Return (S, T, detections) int: the position of the box that each detection takes, or `UNMATCHED`.

    Args:
        iou: (detections, boxes), 0 where classes differ, by descending score.
        ignored: (S, boxes) bool.
    """
    places = np.full((len(SIZES), len(OVERLAPS), len(iou)), UNMATCHED)
    if not iou.size:
        return places
    free = np.ones((len(SIZES), len(OVERLAPS), iou.shape[1]), bool)
    for i in np.flatnonzero(iou.max(axis=1) >= OVERLAPS[0]):
        fitting = free & (iou[i] >= OVERLAPS[:, None])
        preferred = fitting & ~ignored[:, None]
        fitting = np.where(preferred.any(axis=2, keepdims=True), preferred, fitting)
        # among equals the last one
        best = iou.shape[1] - 1 - np.argmax(np.where(fitting, iou[i], -1.0)[..., ::-1], axis=2)
        size, overlap = np.nonzero(fitting.any(axis=2))
        places[size, overlap, i] = best[size, overlap]
        free[size, overlap, best[size, overlap]] = False
    return places


def _concatenate(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0, int), *arrays])


def _image_rows(images: Sequence) -> np.ndarray:
    """Return the position of the image that each box belongs to."""
    return np.repeat(np.arange(len(images)), [len(each.labels) for each in images])
