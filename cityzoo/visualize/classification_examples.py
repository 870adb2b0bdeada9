"""Examples of a classifier: the most confident mistakes and correct predictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.data.image.decode import read_image
from cityzoo.sample import ImageSet
from cityzoo.visualize.sheets import add_caption, save_grid

COLUMNS, ROWS = 6, 2
MOST_OF_A_SCENE = 2
CELL_HW = (170, 200)


def _limit_scenes(truth: ImageSet, rows: list[int]) -> list[int]:
    # Frames of one scene look the same: other scenes come first.
    seen: Counter[str] = Counter()
    kept: list[int] = []
    rest: list[int] = []
    for row in rows:
        scene = getattr(truth.examples[row], "scene", "")
        (rest if scene and seen[scene] >= MOST_OF_A_SCENE else kept).append(row)
        seen[scene] += 1
    return [*kept, *rest]


def _margins(targets: np.ndarray, shares: np.ndarray, several: bool) -> np.ndarray:
    """(N,) margin: above 0 where the prediction is correct, below 0 where it is wrong."""
    if several:  # of the class that is furthest off
        return np.where(targets > 0, shares - 0.5, 0.5 - shares).min(axis=1)
    true = (targets * shares).sum(axis=1)
    other = np.where(targets > 0, -1.0, shares).max(axis=1)
    return true - other


def _in_turn(targets: np.ndarray, margins: np.ndarray) -> list[int]:
    combinations, group = np.unique(targets, axis=0, return_inverse=True)
    queues = [
        [r for r in np.argsort(-margins) if group.ravel()[r] == k and margins[r] > 0]
        for k in range(len(combinations))
    ]
    longest = max(map(len, queues), default=0)
    return [int(queue[i]) for i in range(longest) for queue in queues if i < len(queue)]


def draw(image: np.ndarray, example: Any, result: np.ndarray, output: Any) -> np.ndarray:
    """Return the image above a line with the predicted and, if given, the true class."""
    known = "" if example is None else f"   true: {output.caption(example.target)}"
    return add_caption(image, f"{output.caption(result)}{known}")


def draw_target(image: np.ndarray, target: np.ndarray, output: Any) -> np.ndarray:
    """Return the image above the name of its class."""
    return add_caption(image, output.caption(target))


def _read_window(example: Any) -> np.ndarray:
    return read_image(example.path, example.window_xyxy)


def write_examples(
    truth: ImageSet,
    results: Sequence[np.ndarray],
    output: Any,
    details: Mapping[str, Any],
    folder: Path,
    read: Callable[[Any], np.ndarray] = _read_window,
) -> None:
    """Write `worst.png`, the most confident mistakes, and `best.png`, confident correct predictions of all classes.

    Args:
        truth: the examples.
        results: one per example.
        output: of the task.
        details: not used.
        folder: of the files.
        read: returns an example as an image, (H, W, 3) uint8 RGB.
    """
    targets = np.stack([np.asarray(image.target) for image in truth.examples])
    shares = np.stack(list(results))
    margins = _margins(targets, shares, output.several)
    wrong = [int(row) for row in np.argsort(margins) if margins[row] < 0]
    right = _in_turn(targets, margins)
    for name, rows in (("worst", wrong), ("best", right)):
        rows = _limit_scenes(truth, rows)[: COLUMNS * ROWS]
        images = [read(truth.examples[r]) for r in rows]
        captions = [f"{output.caption(shares[r])} | {output.caption(targets[r])}" for r in rows]
        save_grid(folder / f"{name}.png", images, captions, CELL_HW, COLUMNS)
