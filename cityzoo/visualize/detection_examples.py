"""Examples of a detector: best and worst images, missed objects, false alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.data.image.decode import read_image
from cityzoo.metrics.matching import UNMATCHED, match, require_one_per_image
from cityzoo.sample import Detections, ImageExample, ImageSet
from cityzoo.visualize.boxes import draw_detections
from cityzoo.visualize.sheets import cell_size, fit_into, save_grid

SHOWN_SCORE = 0.3  # in TensorBoard's images


@dataclass(frozen=True)
class Case:
    """Results of a detector on one image at a score threshold.

    Attributes:
        row: position of the image in its set.
        threshold: minimum score of a detection.
        true_positives: detections that match an annotated object at IoU .5.
        false_positives: other detections.
        missed: annotated objects without a detection.
        missed_size: sum over the missed objects of the square root of their share of the image.
    """

    row: int
    threshold: float
    true_positives: int
    false_positives: int
    missed: int
    missed_size: float

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN), 1 without objects and detections."""
        mistakes = self.false_positives + self.missed
        return 1.0 if not mistakes else 2 * self.true_positives / (2 * self.true_positives + mistakes)


def pick_cases(
    truth: ImageSet, detections: Sequence[Detections], threshold: float, n: int = 6
) -> dict[str, list[Case]]:
    """Select images that show what a detector can and cannot do.

    Args:
        truth: annotated images.
        detections: one per image, in the same order.
        threshold: minimum score of a detection.
        n: maximum number of images per group.

    Returns:
        `best`: highest F1, then most objects found, at least one; `worst`: lowest F1, then most mistakes, at least one;
        `missed`: most and largest missed objects; `false`: most false alarms.

    Raises:
        InputError: not one Detections per image.

    Example:
        >>> street = ImageSet("val", ("car",), (ImageExample("a.jpg", (50, 50), [[0, 0, 20, 20]], [0]),))
        >>> cases = pick_cases(street, [Detections([[0, 0, 20, 20]], [0.9], [0])], threshold=0.5)
        >>> [case.row for case in cases["best"]], cases["worst"], cases["missed"]
        ([0], [], [])
    """
    require_one_per_image(truth, detections)
    cases = [
        _evaluate(row, image, found, threshold)
        for row, (image, found) in enumerate(zip(truth.examples, detections, strict=True))
    ]
    found = [case for case in cases if case.true_positives]
    mistaken = [case for case in cases if case.f1 < 1]
    missed = [case for case in cases if case.missed]
    false = [case for case in cases if case.false_positives]
    return {
        "best": sorted(found, key=lambda c: (-c.f1, -c.true_positives, c.row))[:n],
        "worst": sorted(mistaken, key=lambda c: (c.f1, -c.false_positives - c.missed, c.row))[:n],
        "missed": sorted(missed, key=lambda c: (-c.missed_size, c.row))[:n],
        "false": sorted(false, key=lambda c: (-c.false_positives, c.row))[:n],
    }


def _evaluate(row: int, image: ImageExample, found: Detections, threshold: float) -> Case:
    kept = found.scores >= threshold
    owner = match(image, found, threshold)
    missed = np.setdiff1d(np.arange(len(image.labels)), owner)
    sides = image.boxes_xyxy[missed, 2:] - image.boxes_xyxy[missed, :2]
    return Case(
        row,
        threshold,
        true_positives=int((owner != UNMATCHED).sum()),
        false_positives=int((owner[kept] == UNMATCHED).sum()),
        missed=len(missed),
        missed_size=float(np.sqrt(np.maximum(sides, 0).prod(axis=1) / np.prod(image.size_hw)).sum()),
    )


def _draw(
    example: ImageExample, found: Detections, case: Case, output: Any, cell_hw: tuple[int, int]
) -> np.ndarray:
    # Resized before drawing, to keep lines and letters sharp.
    image = fit_into(read_image(example.path), cell_hw)
    scale = np.tile(np.divide(image.shape[:2], example.size_hw)[::-1], 2)
    kept = found.scores >= case.threshold
    owner = match(example, found, case.threshold)
    missed = np.setdiff1d(np.arange(len(example.labels)), owner)
    return draw_detections(
        image,
        found.boxes_xyxy[kept] * scale,
        found.labels[kept],
        output.class_names,
        found.scores[kept],
        truth=(example.boxes_xyxy[missed] * scale, example.labels[missed]),
        false_alarms=owner[kept] == UNMATCHED,
    )


def _caption(case: Case, image: ImageExample) -> str:
    counts = ((case.true_positives, "found"), (case.false_positives, "false"), (case.missed, "missed"))
    said = ", ".join(f"{n} {word}" for n, word in counts if n)
    return f"{said}   {Path(image.path).name}"


def draw(image: np.ndarray, example: ImageExample | None, result: Detections, output: Any) -> np.ndarray:
    """Return the image with detections of fairly high score and, if given, the labels."""
    kept = result.filter_by_score(SHOWN_SCORE if example is not None else 0.0)
    known = None if example is None else (example.boxes_xyxy, example.labels)
    return draw_detections(image, kept.boxes_xyxy, kept.labels, output.class_names, kept.scores, truth=known)


def draw_target(image: np.ndarray, target: np.ndarray, output: Any) -> np.ndarray:
    """Return the image with the boxes of a target, (N, 5) float32."""
    labels = target[:, 4].astype(int)
    return draw_detections(image, target[labels >= 0, :4], labels[labels >= 0], output.class_names)


def write_examples(
    truth: ImageSet, results: Sequence[Detections], output: Any, details: Mapping[str, Any], folder: Path
) -> None:
    """Write `best.png worst.png missed.png false.png`: detections in their class colors, missed objects dashed."""
    for name, cases in pick_cases(truth, results, details["operating_point"]["score"]).items():
        examples = [truth.examples[case.row] for case in cases]
        cell_hw = cell_size([each.size_hw for each in examples])
        pairs = list(zip(examples, cases, strict=True))
        cells = [_draw(each, results[case.row], case, output, cell_hw) for each, case in pairs]
        save_grid(folder / f"{name}.png", cells, [_caption(case, each) for each, case in pairs], cell_hw)
