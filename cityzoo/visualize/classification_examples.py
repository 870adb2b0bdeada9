"""What a classifier said of each image: a table for programs, sheets to look at."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from cityzoo.data.image.decode import read_image
from cityzoo.sample import ImageSet
from cityzoo.visualize.boxes import grid

COLUMNS, ROWS = 6, 2
OF_A_SCENE = 2
CELL_HW = (170, 200)


def write_predictions(truth: ImageSet, results: Sequence[np.ndarray], path: Path) -> None:
    """Write a CSV: path, window, true classes, and a probability for each class."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "window_xyxy", "true", *truth.class_names])
        for image, shares in zip(truth.examples, results, strict=True):
            names = [truth.class_names[i] for i in np.flatnonzero(image.target)]
            window = " ".join(map(str, image.window_xyxy or ()))
            writer.writerow([image.path, window, "+".join(names), *(f"{p:.6f}" for p in shares)])


def draw_sheets(
    truth: ImageSet,
    results: Sequence[np.ndarray],
    words: Callable[[np.ndarray], str],
    folder: Path,
    several: bool = False,
) -> None:
    """Write `worst.png`, the surest mistakes, and `best.png`, the surest right answers of all classes in turn.

    Args:
        truth: images with targets.
        results: probabilities of each.
        words: says them.
        folder: where the sheets go; a sheet that has no images is removed.
        several: whether several classes can hold at once.
    """
    targets = np.stack([image.target for image in truth.examples])
    shares = np.stack(list(results))
    surety = _surety(targets, shares, several)
    wrong = [int(row) for row in np.argsort(surety) if surety[row] < 0]
    right = _in_turn(targets, surety)
    for name, rows in (("worst", wrong), ("best", right)):
        rows = _few_of_a_scene(truth, rows)[: COLUMNS * ROWS]
        if not rows:
            (folder / f"{name}.png").unlink(missing_ok=True)
            continue
        images = [read_image(truth.examples[r].path, truth.examples[r].window_xyxy) for r in rows]
        captions = [f"{words(shares[r])} | {words(targets[r])}" for r in rows]
        Image.fromarray(grid(images, COLUMNS, CELL_HW, captions)).save(folder / f"{name}.png")


def _few_of_a_scene(truth: ImageSet, rows: list[int]) -> list[int]:
    # Frames of one scene look the same: the sheet shall show what else there is.
    seen: Counter = Counter()
    kept, rest = [], []
    for row in rows:
        scene = truth.examples[row].scene
        (rest if scene and seen[scene] >= OF_A_SCENE else kept).append(row)
        seen[scene] += 1
    return [*kept, *rest]


def _surety(targets: np.ndarray, shares: np.ndarray, several: bool) -> np.ndarray:
    """(N,) above 0 where the answer is right, below where it is wrong, the further the surer."""
    if several:  # by the class that is furthest off
        return np.where(targets > 0, shares - 0.5, 0.5 - shares).min(axis=1)
    true = (targets * shares).sum(axis=1)
    other = np.where(targets > 0, -1.0, shares).max(axis=1)
    return true - other


def _in_turn(targets: np.ndarray, surety: np.ndarray) -> list[int]:
    kinds, group = np.unique(targets, axis=0, return_inverse=True)
    queues = [
        [r for r in np.argsort(-surety) if group.ravel()[r] == k and surety[r] > 0] for k in range(len(kinds))
    ]
    longest = max(map(len, queues), default=0)
    return [int(queue[i]) for i in range(longest) for queue in queues if i < len(queue)]
