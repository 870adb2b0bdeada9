"""Detection metrics by score threshold: curves, confusion matrix, thresholds for operating targets.

Images are annotated, results are the detections of each; at most 100 per class and image count, as for AP. All raise
InputError unless there is one Detections per image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cityzoo.metrics.detection_matches import RECALLS, Matches, match_detections, precision_at_recalls
from cityzoo.metrics.matching import IOU_THRESHOLD, UNMATCHED, tally
from cityzoo.sample import Detections, ImageSet

ALL_CLASSES, BACKGROUND = "all classes", "background"
SCORES = [percent / 100 for percent in range(101)]
FRAMES = 1000  # unit of the rate of false alarms


def curves(truth: ImageSet, results: Sequence[Detections]) -> dict[str, dict[str, Any]]:
    """Return the curves of a detector at IoU .5.

    Returns:
        `precision_recall`: class -> `recall` and `precision`, 101 each, 0..1; the mean of `precision` is the class's
        AP50. `f1`: each class and "all classes" -> `score` and `f1` of detections with that score or more, 101 each.
        Classes without truth are left out.
    """
    matches = match_detections(truth, results)
    hits, n_truth = matches.owners != UNMATCHED, matches.n_truth().tolist()
    ranked = {
        name: (matches.ranked(label), n_truth[label])
        for label, name in enumerate(matches.class_names)
        if n_truth[label]
    }
    precision_recall = {
        name: {"recall": RECALLS.tolist(), "precision": precision_at_recalls(hits[rows], n).tolist()}
        for name, (rows, n) in ranked.items()
    }
    overall = {ALL_CLASSES: (np.arange(len(hits)), sum(n_truth))} if ranked else {}
    f1 = {
        name: {"score": list(SCORES), "f1": _f1_from(matches.scores[rows], hits[rows], n)}
        for name, (rows, n) in {**ranked, **overall}.items()
    }
    return {"precision_recall": precision_recall, "f1": f1}


def confusion(truth: ImageSet, results: Sequence[Detections], score: float) -> dict[str, dict[str, int]]:
    """Return the confusion matrix of a detector at a score threshold.

    Detections are matched within their own class first, as for AP. Each of the others, best score first, takes the free
    object of any class that it overlaps most, if their IoU is at least .5; among equals the later one.

    Args:
        score: detections below it are left out.

    Returns:
        True class -> predicted class -> n, with "background" last in both ("no object" where a class has that name):
        missed objects and false alarms.
    """
    matches = match_detections(truth, results)
    kept = matches.scores >= np.float32(score)
    owners = _owners_of_any_class(matches, kept)[kept]
    names = (*matches.class_names, "no object" if BACKGROUND in matches.class_names else BACKGROUND)
    counts = np.zeros((len(names), len(names)), int)
    true = np.append(matches.truth_labels, len(names) - 1)  # the last is that of `UNMATCHED`
    np.add.at(counts, (true[owners], matches.labels[kept]), 1)
    missed = np.setdiff1d(np.arange(len(matches.truth_labels)), owners)
    np.add.at(counts, (matches.truth_labels[missed], len(names) - 1), 1)
    rows = (dict(zip(names, row, strict=True)) for row in counts.tolist())
    return dict(zip(names, rows, strict=True))


def thresholds(
    truth: ImageSet,
    results: Sequence[Detections],
    precisions: Sequence[float] = (0.8, 0.9, 0.95),
    per_1000: Sequence[float] = (10, 100, 1000),
) -> dict[str, dict[str, float | None]]:
    """Return the lowest score threshold that meets each operating target, for the highest recall.

    Args:
        precisions: target precisions, 0..1.
        per_1000: maximum false alarms per 1,000 frames; a false alarm matches no object of its class at IoU .5, so a
            duplicate is one too.

    Returns:
        "best F1", "precision 90 %", "100 false alarms in 1,000 frames" ... -> `score`, `precision`, `recall` and
        `false_alarms_per_1000` of detections with that score or more, all classes together. For false alarms also
        `smallest_rate_shown`, the rate of a single one in these images. None where no score meets the target, or where
        the target is below that rate and so cannot be verified.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> street = ImageSet("val", ("car",), (ImageExample("a.jpg", (50, 50), [[0, 0, 20, 20]], [0]),) * 20)
        >>> results = [Detections([[0, 0, 20, 20], [30, 30, 40, 40]], [0.75, 0.5], [0, 0])] * 20
        >>> found = thresholds(street, results, [0.5], [10])
        >>> found["precision 50 %"]
        {'score': 0.5, 'precision': 0.5, 'recall': 1.0, 'false_alarms_per_1000': 1000.0}
        >>> found["10 false alarms in 1,000 frames"]["score"], found["best F1"]["score"]
        (None, 0.75)
    """
    matches = match_detections(truth, results)
    n_truth, n_images = len(matches.truth_labels), matches.n_images
    scores, kept, hits = tally(matches.scores, matches.owners != UNMATCHED)
    precision, alarms = hits / kept, FRAMES * (kept - hits) / max(n_images, 1)
    f1 = 2 * hits / (kept + n_truth)

    def lowest(met: np.ndarray) -> dict[str, float | None]:
        rows = np.flatnonzero(met)[-1:]  # none or one
        values = {"score": scores, "precision": precision, "recall": hits / max(n_truth, 1)}
        values = {**values, "false_alarms_per_1000": alarms}
        point = {name: float(column[rows[0]]) if len(rows) else None for name, column in values.items()}
        return point if n_truth else {**point, "recall": None}

    smallest = FRAMES / n_images if n_images else None
    first_best = np.arange(len(f1)) == (np.argmax(f1) if hits.any() else UNMATCHED)
    return {
        "best F1": lowest(first_best),
        **{f"precision {100 * target:g} %": lowest(precision >= target) for target in precisions},
        **{
            f"{target:,g} false alarm{'s' * (target != 1)} in {FRAMES:,} frames": {
                **lowest((alarms <= target) & (smallest is not None and target >= smallest)),
                "smallest_rate_shown": smallest,
            }
            for target in per_1000
        },
    }


def _f1_from(scores: np.ndarray, hits: np.ndarray, n_truth: int) -> list[float]:
    """Return F1 of the detections with each of `SCORES` or more."""
    scores, kept, true = tally(scores, hits)
    # float32 like the scores, to agree with `Detections.filter_by_score`
    rows = np.searchsorted(-scores, -np.asarray(SCORES, np.float32), side="right")
    return (2 * np.append(0, true)[rows] / (np.append(0, kept)[rows] + n_truth)).tolist()


def _owners_of_any_class(matches: Matches, kept: np.ndarray) -> np.ndarray:
    """Return (D,) int: the box that each detection matches, of its own class before any other."""
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
