"""The images to look at: where the detector is at its best, at its worst, and what it missed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from cityzoo.metrics.matching import UNMATCHED, match, require_one_per_image
from cityzoo.sample import Detections, ImageExample, ImageSet
from cityzoo.visualize.boxes import draw_detections, fit_into, grid

CELL_WIDTH = 400  # three fill the page at its full width
COLUMNS = 3


@dataclass(frozen=True)
class Case:
    """Hold how a detector did on one image at one score threshold.

    Attributes:
        row: position of the image in its set.
        threshold: score under which detections were left out.
        true_positives: detections that found an annotated object at IoU .5.
        false_positives: detections that found none.
        missed: annotated objects that no detection found.
        missed_size: sum over the missed objects of the square root of their share of the image.

    Example:
        >>> Case(0, 0.5, true_positives=3, false_positives=1, missed=1, missed_size=0.2).f1
        0.75
    """

    row: int
    threshold: float
    true_positives: int
    false_positives: int
    missed: int
    missed_size: float

    @property
    def f1(self) -> float:
        """Return 2 TP / (2 TP + FP + FN), 1 where there was nothing to find and nothing was found."""
        mistakes = self.false_positives + self.missed
        return 1.0 if not mistakes else 2 * self.true_positives / (2 * self.true_positives + mistakes)


def pick_cases(
    truth: ImageSet, detections: Sequence[Detections], threshold: float, n: int = 6
) -> dict[str, list[Case]]:
    """Choose the images that show best what a detector can and cannot do.

    Args:
        truth: the annotated images.
        detections: one per image, in the order of the images.
        threshold: score under which a detection does not count.
        n: images of each kind, at most.

    Returns:
        `best`: highest F1, of these the ones with most objects, and something found in each; `worst`: lowest
        F1, of these the ones with most mistakes, and a mistake in each; `missed`: most and largest missed
        objects; `false`: most false alarms.

    Raises:
        InputError: not one Detections an image.

    Example:
        >>> street = ImageSet("val", ("car",), (ImageExample("a.jpg", (50, 50), [[0, 0, 20, 20]], [0]),))
        >>> cases = pick_cases(street, [Detections([[0, 0, 20, 20]], [0.9], [0])], threshold=0.5)
        >>> [case.row for case in cases["best"]], cases["worst"], cases["missed"]
        ([0], [], [])
    """
    require_one_per_image(truth, detections)
    cases = [
        _judge(row, image, found, threshold)
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


def draw_cases(
    truth: ImageSet,
    detections: Sequence[Detections],
    cases: dict[str, list[Case]],
    folder: str | Path,
    read_image: Callable[[str], np.ndarray],
) -> list[Path]:
    """Write a PNG for each kind of case: detections in the colour of their class, missed objects dashed.

    Args:
        truth: the annotated images.
        detections: one per image, in the order of the images.
        cases: what `pick_cases` returned; a kind without cases gets no file.
        folder: where `best.png`, `worst.png`, `missed.png` and `false.png` go.
        read_image: gives the (H, W, 3) uint8 RGB of a path, EXIF rotation applied.

    Returns:
        The files written.

    Example:
        >>> import tempfile
        >>> street = ImageSet("val", ("car",), (ImageExample("a.jpg", (50, 50), [[0, 0, 20, 20]], [0]),))
        >>> found = [Detections([[0, 0, 20, 20]], [0.9], [0])]
        >>> cases = pick_cases(street, found, threshold=0.5)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     files = draw_cases(street, found, cases, folder, lambda _: np.zeros((50, 50, 3), np.uint8))
        >>> [file.name for file in files]
        ['best.png']
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for kind, chosen in cases.items():
        if not chosen:
            (folder / f"{kind}.png").unlink(missing_ok=True)  # of an evaluation before this one
            continue
        shapes = [np.divide(*truth.examples[case.row].size_hw) for case in chosen]
        cell_hw = round(CELL_WIDTH * float(np.clip(np.median(shapes), 0.5, 1.25))), CELL_WIDTH
        drawn = [
            _draw(truth.examples[c.row], detections[c.row], c, truth.class_names, cell_hw, read_image)
            for c in chosen
        ]
        sheet = grid(drawn, COLUMNS, cell_hw, [_caption(case, truth.examples[case.row]) for case in chosen])
        files.append(folder / f"{kind}.png")
        Image.fromarray(sheet).save(files[-1])
    return files


def _judge(row: int, image: ImageExample, found: Detections, threshold: float) -> Case:
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
    example: ImageExample,
    found: Detections,
    case: Case,
    class_names: Sequence[str],
    cell_hw: tuple[int, int],
    read_image: Callable[[str], np.ndarray],
) -> np.ndarray:
    # Scaled before it is drawn on, so that lines and letters stay sharp.
    image = fit_into(read_image(example.path), cell_hw)
    scale = np.tile(np.divide(image.shape[:2], example.size_hw)[::-1], 2)
    kept = found.scores >= case.threshold
    owner = match(example, found, case.threshold)
    missed = np.setdiff1d(np.arange(len(example.labels)), owner)
    return draw_detections(
        image,
        found.boxes_xyxy[kept] * scale,
        found.labels[kept],
        class_names,
        found.scores[kept],
        truth=(example.boxes_xyxy[missed] * scale, example.labels[missed]),
        false_alarms=owner[kept] == UNMATCHED,
    )


def _caption(case: Case, image: ImageExample) -> str:
    counts = ((case.true_positives, "found"), (case.false_positives, "false"), (case.missed, "missed"))
    said = ", ".join(f"{n} {word}" for n, word in counts if n)
    return f"{said}   {Path(image.path).name}"
