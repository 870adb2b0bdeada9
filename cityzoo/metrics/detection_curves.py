"""What a detector does at each score to cut at: curves, what it takes for what, scores for an operator's wishes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cityzoo.metrics.detection_matches import RECALLS, Matches, matched, precision_at_recalls
from cityzoo.metrics.matching import IOU_THRESHOLD, UNMATCHED, tally
from cityzoo.sample import Detections, ImageSet

ALL_CLASSES, BACKGROUND = "all classes", "background"
SCORES = [percent / 100 for percent in range(101)]
FRAMES = 1000  # false alarms are told for so many


def curves(truth: ImageSet, results: Sequence[Detections]) -> dict[str, dict[str, Any]]:
    """Return the curves of a detector at IoU .5.

    Args:
        truth: the annotated images.
        results: detections of each image; at most 100 of a class count, as for AP.

    Returns:
        `precision_recall`: class -> `recall` and `precision`, 101 each, 0..1; the mean of `precision` is the class's
        AP50. `f1`: class, and "all classes" together -> `score` and `f1` of the detections with that score or a
        higher one, 101 each. Classes without any truth are left out.

    Raises:
        InputError: not one Detections an image.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> street = ImageSet("val", ("car",), (ImageExample("a.jpg", (50, 50), [[0, 0, 20, 20]], [0]),))
        >>> drawn = curves(street, [Detections([[30, 30, 40, 40], [0, 0, 20, 20]], [0.75, 0.5], [0, 0])])
        >>> drawn["precision_recall"]["car"]["precision"][:2], drawn["f1"]["all classes"]["f1"][50:52]
        ([0.5, 0.5], [0.6666666666666666, 0.0])
    """
    matches = matched(truth, results)
    hits, n_truth = matches.owners != UNMATCHED, matches.n_truth().tolist()
    ranked = {
        name: (matches.ranked(label), n_truth[label])
        for label, name in enumerate(matches.class_names)
        if n_truth[label]
    }
    precise = {
        name: {"recall": RECALLS.tolist(), "precision": precision_at_recalls(hits[rows], n).tolist()}
        for name, (rows, n) in ranked.items()
    }
    together = {ALL_CLASSES: (np.arange(len(hits)), sum(n_truth))} if ranked else {}
    f1 = {
        name: {"score": list(SCORES), "f1": _f1_from(matches.scores[rows], hits[rows], n)}
        for name, (rows, n) in {**ranked, **together}.items()
    }
    return {"precision_recall": precise, "f1": f1}


def confusion(truth: ImageSet, results: Sequence[Detections], score: float) -> dict[str, dict[str, int]]:
    """Return what a detector, cut at a score, takes each object for.

    A detection that finds an object of its own class counts as that, as it does for AP and for `thresholds`. Of the
    others, best score first, each takes the object that it overlaps most and that is still free, of whatever class,
    if their IoU is at least .5; among equals the later one.

    Args:
        truth: the annotated images.
        results: detections of each image; at most 100 of a class count, as for AP.
        score: those below it are left out.

    Returns:
        True class -> said class -> n, with "background" last in both ("no object" where a class has that name):
        objects that nothing found, and detections that found nothing. A row holds all objects of a class, a column
        all detections that say so, the diagonal those that are right.

    Raises:
        InputError: not one Detections an image.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> street = ImageSet("val", ("car", "bus"), (ImageExample("a.jpg", (50, 50), [[0, 0, 20, 20]], [0]),))
        >>> confusion(street, [Detections([[0, 0, 20, 18], [30, 30, 40, 40]], [0.75, 0.5], [1, 1])], 0.5)["car"]
        {'car': 0, 'bus': 1, 'background': 0}
    """
    matches = matched(truth, results)
    kept = matches.scores >= np.float32(score)
    owners = _owners_of_any_class(matches, kept)[kept]
    names = (*matches.class_names, "no object" if BACKGROUND in matches.class_names else BACKGROUND)
    counts = np.zeros((len(names), len(names)), int)
    true = np.append(matches.truth_labels, len(names) - 1)  # the last is that of `NOTHING`
    np.add.at(counts, (true[owners], matches.labels[kept]), 1)
    missed = np.setdiff1d(np.arange(len(matches.truth_labels)), owners)
    np.add.at(counts, (matches.truth_labels[missed], len(names) - 1), 1)
    return {
        name: dict(zip(names, row, strict=True)) for name, row in zip(names, counts.tolist(), strict=True)
    }


def thresholds(
    truth: ImageSet,
    results: Sequence[Detections],
    precisions: Sequence[float] = (0.8, 0.9, 0.95),
    per_1000: Sequence[float] = (10, 100, 1000),
) -> dict[str, dict[str, float | None]]:
    """Return scores to cut detections at, in an operator's terms: for each wish the lowest, so that most is found.

    Args:
        truth: the annotated images.
        results: detections of each image; at most 100 of a class count, as for AP.
        precisions: shares of the detections, 0..1, that shall be right at least.
        per_1000: false alarms that 1,000 frames like these shall have at most; a detection is one if it finds no
            object of its class at IoU .5, so a second one on the same object is one too.

    Returns:
        "best F1", "precision 90 %", "100 false alarms in 1,000 frames" ... -> `score`, `precision`, `recall` and
        `false_alarms_per_1000` of the detections with that score or a higher one, all classes together. For false
        alarms also `smallest_rate_shown`: what a single one in these images comes to. None where no score keeps
        the wish, or where the wish is below that rate and more images would be needed to tell.

    Raises:
        InputError: not one Detections an image.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> street = ImageSet("val", ("car",), (ImageExample("a.jpg", (50, 50), [[0, 0, 20, 20]], [0]),) * 20)
        >>> found = [Detections([[0, 0, 20, 20], [30, 30, 40, 40]], [0.75, 0.5], [0, 0])] * 20
        >>> wishes = thresholds(street, found, [0.5], [10])
        >>> wishes["precision 50 %"]
        {'score': 0.5, 'precision': 0.5, 'recall': 1.0, 'false_alarms_per_1000': 1000.0}
        >>> wishes["10 false alarms in 1,000 frames"]["score"], wishes["best F1"]["score"]
        (None, 0.75)
    """
    matches = matched(truth, results)
    n_truth, n_images = len(matches.truth_labels), matches.n_images
    scores, kept, hits = tally(matches.scores, matches.owners != UNMATCHED)
    precision, alarms = hits / kept, FRAMES * (kept - hits) / max(n_images, 1)
    f1 = 2 * hits / (kept + n_truth)

    def lowest(keeps: np.ndarray) -> dict[str, float | None]:
        rows = np.flatnonzero(keeps)[-1:]  # none or one
        values = {"score": scores, "precision": precision, "recall": hits / max(n_truth, 1)}
        values = {**values, "false_alarms_per_1000": alarms}
        told = {name: float(column[rows[0]]) if len(rows) else None for name, column in values.items()}
        return told if n_truth else {**told, "recall": None}

    smallest = FRAMES / n_images if n_images else None
    first_best = np.arange(len(f1)) == (np.argmax(f1) if hits.any() else UNMATCHED)
    return {
        "best F1": lowest(first_best),
        **{f"precision {100 * wish:g} %": lowest(precision >= wish) for wish in precisions},
        **{
            f"{wish:,g} false alarm{'s' * (wish != 1)} in {FRAMES:,} frames": {
                **lowest((alarms <= wish) & (smallest is not None and wish >= smallest)),
                "smallest_rate_shown": smallest,
            }
            for wish in per_1000
        },
    }


def _f1_from(scores: np.ndarray, hits: np.ndarray, n_truth: int) -> list[float]:
    """Return F1 of the detections from each of `SCORES` on."""
    scores, kept, true = tally(scores, hits)
    # float32, as detections have it, so that .3 means here what it means to `Detections.above`
    rows = np.searchsorted(-scores, -np.float32(SCORES), side="right")
    return (2 * np.append(0, true)[rows] / (np.append(0, kept)[rows] + n_truth)).tolist()


def _owners_of_any_class(matches: Matches, kept: np.ndarray) -> np.ndarray:
    """Return (D,) int: the box that each detection finds, of its own class before all others."""
    owners = np.where(kept, matches.owners, UNMATCHED)
    for image in range(matches.n_images):
        rows, known, iou = matches.overlaps_of(image)
        iou[:, np.isin(known, owners[rows])] = 0.0
        iou[~kept[rows] | (owners[rows] != UNMATCHED)] = 0.0
        for i in np.flatnonzero((iou >= IOU_THRESHOLD).any(axis=1)):
            best = len(known) - 1 - int(np.argmax(iou[i, ::-1]))
            if iou[i, best] >= IOU_THRESHOLD:
                owners[rows[i]] = known[best]
                iou[:, best] = 0.0
    return owners
