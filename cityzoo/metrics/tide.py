"""Types of detection errors, and the AP50 that each type costs (TIDE)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cityzoo.metrics.detection_matches import Matches, match_detections, precision_at_recalls
from cityzoo.metrics.matching import IOU_THRESHOLD, UNMATCHED
from cityzoo.sample import Detections, ImageSet

BACKGROUND_IOU = 0.1  # up to this overlap there is no object
FALSE_ALARM_TYPES = ("classification", "localisation", "both", "duplicate", "background")


def tide_errors(truth: ImageSet, results: Sequence[Detections]) -> dict[str, dict[str, float | None]]:
    """Return the number of errors of each type, and how much AP50 they cost.

    classification: on an object (IoU .5) of another class; localisation: on one of its class with IoU .1 to .5; both:
    the same on one of another class; duplicate: on an object that a higher score already matches; background: on no
    object (IoU .1 at most); missed: an object without detection that no corrected class or box would find. Detections
    of any score count: low ones are many and cost little.

    Returns:
        Type -> `n` and `AP50_lost`, 0..1: how much AP50 rises if this type alone is fixed. A wrong class or box is
        corrected where its object is otherwise missed, by the highest-scoring candidate; other false alarms are
        removed; missed objects are not counted. None without truth, or with nothing but missed objects.

    Raises:
        InputError: not one Detections per image.

    Reference: Bolya et al., TIDE: A General Toolbox for Identifying Object Detection Errors, ECCV 2020, arXiv
    2008.08115, and its published tool.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> street = ImageSet("val", ("car", "bus"), (ImageExample("a.jpg", (50, 50), [[0, 0, 20, 20]], [0]),))
        >>> errors = tide_errors(street, [Detections([[0, 0, 20, 20], [30, 30, 40, 40]], [0.5, 0.9], [0, 0])])
        >>> errors["background"], errors["missed"]
        ({'n': 1, 'AP50_lost': 0.5}, {'n': 0, 'AP50_lost': 0.0})
    """
    matches = match_detections(truth, results)
    types, objects = classify_errors(matches)
    boxes = np.arange(len(matches.truth_labels))
    found, fixable = np.isin(boxes, matches.owners), np.isin(boxes, objects)
    missed = ~found & ~fixable
    hits, n_truth = matches.owners != UNMATCHED, matches.n_truth()
    wins = choose_corrections(objects, found)
    with_errors = _ap50(matches, hits, matches.labels, n_truth)

    def lost(ap50: float | None) -> float | None:
        # below 0 only by the steps of the 101 recalls
        return None if ap50 is None or with_errors is None else max(ap50 - with_errors, 0.0)

    report: dict[str, dict[str, float | None]] = {}
    for number, name in enumerate(FALSE_ALARM_TYPES):
        fixed = wins & (types == number)
        labels = matches.labels.copy()
        labels[fixed] = matches.truth_labels[objects[fixed]]
        labels[(types == number) & ~fixed] = UNMATCHED  # of no class: removed
        ap50 = _ap50(matches, hits | fixed, labels, n_truth)
        report[name] = {"n": int((types == number).sum()), "AP50_lost": lost(ap50)}
    left = n_truth - np.bincount(matches.truth_labels[missed], minlength=len(n_truth))
    ap50 = _ap50(matches, hits, matches.labels, left)
    return {**report, "missed": {"n": int(missed.sum()), "AP50_lost": lost(ap50)}}


def classify_errors(matches: Matches) -> tuple[np.ndarray, np.ndarray]:
    """Return each detection's type of error, and the box that it would match with the right class or place.

    Args:
        matches: D detections, B boxes.

    Returns:
        (D,) int, a position in `FALSE_ALARM_TYPES`, `UNMATCHED` for hits; (D,) int, one of the B boxes or `UNMATCHED`.
    """
    types = np.where(matches.owners == UNMATCHED, FALSE_ALARM_TYPES.index("background"), UNMATCHED)
    objects = np.full(len(types), UNMATCHED)
    for image in range(matches.n_images):
        rows, known, iou = matches.overlaps_of(image)
        if not iou.size:
            continue
        same_class = matches.labels[rows, None] == matches.truth_labels[known]
        own, other = np.where(same_class, iou, 0.0), np.where(same_class, 0.0, iou)
        tests = {  # the first type that applies
            "localisation": (own.max(axis=1) >= BACKGROUND_IOU) & (own.max(axis=1) <= IOU_THRESHOLD),
            "classification": other.max(axis=1) >= IOU_THRESHOLD,
            "duplicate": own.max(axis=1) >= IOU_THRESHOLD,  # the object is taken, or this would be a hit
            "background": iou.max(axis=1) <= BACKGROUND_IOU,
        }
        numbers = [FALSE_ALARM_TYPES.index(name) for name in tests]
        of_false = np.select(list(tests.values()), numbers, FALSE_ALARM_TYPES.index("both"))
        false = matches.owners[rows] == UNMATCHED
        types[rows[false]] = of_false[false]
        for name, overlap in (("localisation", own), ("classification", other)):
            chosen = false & (of_false == FALSE_ALARM_TYPES.index(name))
            objects[rows[chosen]] = known[overlap[chosen].argmax(axis=1)]
    return types, objects


def choose_corrections(objects: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return (D,) bool: the highest-scoring false alarm of each box that is otherwise missed.

    Args:
        objects: (D,) int, see `classify_errors`.
        found: (B,) bool, whether a detection matches each box.
    """
    wins = np.zeros(len(objects), bool)
    rows = np.flatnonzero(objects != UNMATCHED)
    wins[rows[np.unique(objects[rows], return_index=True)[1]]] = True  # scores descend within an image
    wins[rows] &= ~found[objects[rows]]
    return wins


def _ap50(matches: Matches, hits: np.ndarray, labels: np.ndarray, n_truth: np.ndarray) -> float | None:
    """Return the mean over classes with truth; those that lost it count as 0 if they have detections."""
    scores = []
    for label in np.unique(matches.truth_labels):
        rows = np.flatnonzero(labels == label)
        rows = rows[np.argsort(-matches.scores[rows], kind="stable")]
        if n_truth[label]:
            scores.append(precision_at_recalls(hits[rows], n_truth[label]).mean())
        elif len(rows):
            scores.append(0.0)
    return float(np.mean(scores)) if scores else None
