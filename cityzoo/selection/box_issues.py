"""Boxes that are probably wrong: what confident detections say against the labels of their image.

The kinds are those of ObjectLab (Tkachenko, Thyagarajan and Mueller 2023, arXiv 2309.00832): an object that was
overlooked, a box of the wrong class, a box in the wrong place. The pairs of detections and boxes are those of TIDE.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cityzoo.metrics.detection_matches import match_detections
from cityzoo.metrics.matching import UNMATCHED
from cityzoo.metrics.tide import FALSE_ALARM_TYPES, choose_corrections, classify_errors
from cityzoo.sample import Detections, ImageSet

MISSING, CLASS, PLACE = "missing box", "class", "place of the box"
OF_TYPE = {"background": MISSING, "classification": CLASS, "localisation": PLACE}


@dataclass(frozen=True)
class BoxIssue:
    """One box that is suspicious, or that is missing.

    Attributes:
        row: of its image.
        kind: `MISSING`, `CLASS` or `PLACE`.
        score: of the detection, 0..1.
        label: class of the detection.
        box_xyxy: of the detection, (4,) float32 pixels.
        given: class of the labeled box; None: there is none.
        given_xyxy: the labeled box, (4,) float32 pixels, or None.
    """

    row: int
    kind: str
    score: float
    label: int
    box_xyxy: np.ndarray
    given: int | None = None
    given_xyxy: np.ndarray | None = None


def find_box_issues(truth: ImageSet, results: Sequence[Detections]) -> list[BoxIssue]:
    """Find boxes that confident detections contradict, the highest scores first.

    - `MISSING`: a detection on no labeled box of any class (IoU .1 at most).
    - `CLASS`: a detection of another class on a box (IoU .5 or more) that none of its own class matches.
    - `PLACE`: a detection of the same class next to a box (IoU .1 to .5) that none matches.

    Args:
        truth: labeled images.
        results: detections of each, those that are sure alone; of a model that was not trained on the image: one that
            was repeats its errors.

    Raises:
        InputError: not one Detections per image.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> boxes = [[0, 0, 20, 20], [30, 0, 50, 20]]
        >>> street = ImageSet("val", ("car", "bus"), (ImageExample("a.jpg", (50, 50), boxes, [0, 1]),))
        >>> found = Detections([[0, 0, 20, 19], [30, 6, 50, 30], [0, 30, 20, 50]], [0.9, 0.8, 0.7], [1, 1, 0])
        >>> [(each.kind, each.given, each.label) for each in find_box_issues(street, [found])]
        [('class', 0, 1), ('place of the box', 1, 1), ('missing box', None, 0)]
    """
    matches = match_detections(truth, results)
    types, objects = classify_errors(matches)
    found = np.isin(np.arange(len(matches.truth_labels)), matches.owners)
    corrects = choose_corrections(objects, found)
    issues = []
    for row in np.argsort(-matches.scores, kind="stable").tolist():
        kind = OF_TYPE.get(FALSE_ALARM_TYPES[types[row]]) if types[row] != UNMATCHED else None
        if kind != MISSING and not corrects[row]:
            continue
        owner = None if kind == MISSING else int(objects[row])
        issues.append(
            BoxIssue(
                *(int(matches.images[row]), str(kind), float(matches.scores[row])),
                *(int(matches.labels[row]), matches.boxes_xyxy[row]),
                None if owner is None else int(matches.truth_labels[owner]),
                None if owner is None else matches.truth_boxes_xyxy[owner],
            )
        )
    return issues
