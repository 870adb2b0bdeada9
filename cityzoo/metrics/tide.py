"""What kinds of errors a detector makes, and what each kind costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cityzoo.metrics.detection_matches import Matches, matched, precision_at_recalls
from cityzoo.metrics.matching import IOU_THRESHOLD, UNMATCHED
from cityzoo.sample import Detections, ImageSet

BACKGROUND_IOU = 0.1  # below it nothing was there
OF_DETECTIONS = ("classification", "localisation", "both", "duplicate", "background")
KINDS = (*OF_DETECTIONS, "missed")


def error_kinds(truth: ImageSet, results: Sequence[Detections]) -> dict[str, dict[str, float | None]]:
    """Return how often a detector makes each kind of error, and how much AP50 it loses by it.

    classification: on an object (IoU .5) of another class; localisation: on one of its class, but badly (IoU .1 to
    .5); both: badly on one of another class; duplicate: on one that a better score found already; background: on
    nothing (IoU .1 at most); missed: an object that no detection found and no mended class or box would find.
    All detections count, those of low scores too: they are many and cost little.

    Args:
        truth: the annotated images.
        results: detections of each image.

    Returns:
        Kind -> `n` and `AP50_lost`, 0..1: how much AP50 grows where this error alone is mended. A wrong class or box
        is put right, where its object is not found otherwise and it has the best score of those that would find it;
        other false alarms are taken away; missed objects are not counted. None where that leaves nothing to
        measure: no truth, or nothing but missed objects.

    Raises:
        InputError: not one Detections an image.

    Reference: Bolya et al., TIDE: A General Toolbox for Identifying Object Detection Errors, ECCV 2020, arXiv
    2008.08115, and its published tool.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> street = ImageSet("val", ("car", "bus"), (ImageExample("a.jpg", (50, 50), [[0, 0, 20, 20]], [0]),))
        >>> kinds = error_kinds(street, [Detections([[0, 0, 20, 20], [30, 30, 40, 40]], [0.5, 0.9], [0, 0])])
        >>> kinds["background"], kinds["missed"]
        ({'n': 1, 'AP50_lost': 0.5}, {'n': 0, 'AP50_lost': 0.0})
    """
    matches = matched(truth, results)
    kinds, objects = _kinds(matches)
    found, fixable = (
        np.isin(np.arange(len(matches.truth_labels)), rows) for rows in (matches.owners, objects)
    )
    missed = ~found & ~fixable
    hits, n_truth = matches.owners != UNMATCHED, matches.n_truth()
    wins = _wins(objects, found)
    with_errors = _ap50(matches, hits, matches.labels, n_truth)

    def lost(ap50: float | None) -> float | None:
        # below 0 by the steps of the 101 recalls alone
        return None if ap50 is None or with_errors is None else max(ap50 - with_errors, 0.0)

    report = {}
    for kind, name in enumerate(OF_DETECTIONS):
        mended = wins & (kinds == kind)
        labels = matches.labels.copy()
        labels[mended] = matches.truth_labels[objects[mended]]
        labels[(kinds == kind) & ~mended] = UNMATCHED  # of no class: taken away
        ap50 = _ap50(matches, hits | mended, labels, n_truth)
        report[name] = {"n": int((kinds == kind).sum()), "AP50_lost": lost(ap50)}
    left = n_truth - np.bincount(matches.truth_labels[missed], minlength=len(n_truth))
    ap50 = _ap50(matches, hits, matches.labels, left)
    return {**report, "missed": {"n": int(missed.sum()), "AP50_lost": lost(ap50)}}


def _kinds(matches: Matches) -> tuple[np.ndarray, np.ndarray]:
    """Return of each detection the kind of its error, and the box it would have found with a right class or place.

    Returns:
        (D,) int, a position in `OF_DETECTIONS`, `NOTHING` for hits; (D,) int, one of the B boxes or `NOTHING`.
    """
    kinds = np.where(matches.owners == UNMATCHED, OF_DETECTIONS.index("background"), UNMATCHED)
    objects = np.full(len(kinds), UNMATCHED)
    for image in range(matches.n_images):
        rows, known, iou = matches.overlaps_of(image)
        if not iou.size:
            continue
        same_class = matches.labels[rows, None] == matches.truth_labels[known]
        own, other = np.where(same_class, iou, 0.0), np.where(same_class, 0.0, iou)
        tests = {  # in this order: a detection is of the first kind that fits
            "localisation": (own.max(axis=1) >= BACKGROUND_IOU) & (own.max(axis=1) <= IOU_THRESHOLD),
            "classification": other.max(axis=1) >= IOU_THRESHOLD,
            "duplicate": own.max(axis=1) >= IOU_THRESHOLD,  # it was taken, or this would be no false alarm
            "background": iou.max(axis=1) <= BACKGROUND_IOU,
        }
        numbers = [OF_DETECTIONS.index(name) for name in tests]
        of_false = np.select(list(tests.values()), numbers, OF_DETECTIONS.index("both"))
        false = matches.owners[rows] == UNMATCHED
        kinds[rows[false]] = of_false[false]
        for name, overlap in (("localisation", own), ("classification", other)):
            chosen = false & (of_false == OF_DETECTIONS.index(name))
            objects[rows[chosen]] = known[overlap[chosen].argmax(axis=1)]
    return kinds, objects


def _wins(objects: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return (D,) bool: which false alarms are the first, by score, for a box that is not found otherwise."""
    wins = np.zeros(len(objects), bool)
    rows = np.flatnonzero(objects != UNMATCHED)
    wins[rows[np.unique(objects[rows], return_index=True)[1]]] = True  # best score first within an image
    wins[rows] &= ~found[objects[rows]]
    return wins


def _ap50(matches: Matches, hits: np.ndarray, labels: np.ndarray, n_truth: np.ndarray) -> float | None:
    """Return the mean over the classes that have truth; one that has none left is left out if it has no detections."""
    scores = []
    for label in np.unique(matches.truth_labels):
        rows = np.flatnonzero(labels == label)
        rows = rows[np.argsort(-matches.scores[rows], kind="stable")]
        if n_truth[label]:
            scores.append(precision_at_recalls(hits[rows], n_truth[label]).mean())
        elif len(rows):
            scores.append(0.0)
    return float(np.mean(scores)) if scores else None
