"""Examples of a counter: largest errors, and crowded images that are counted well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.sample import ImageSet
from cityzoo.visualize.heatmap import overlay_heatmap
from cityzoo.visualize.sheets import add_caption, write_sheets


def draw(image: np.ndarray, example: Any, result: Any, output: Any) -> np.ndarray:
    """Return the image with its density map as an overlay, above a line with the counts."""
    known = "" if example is None else f", true: {len(example.labels)}"
    if result.density is not None:
        image = overlay_heatmap(image, np.sqrt(result.density), result.corners)
    return add_caption(image, f"counted {result.number:.1f}{known}")


def draw_target(image: np.ndarray, target: np.ndarray, output: Any) -> np.ndarray:
    """Return the image with its target as an overlay."""
    whole = (0.0, 0.0, float(image.shape[1]), float(image.shape[0]))
    shown = overlay_heatmap(image, np.sqrt(target[..., 0]), whole) if target.ndim == 3 else image
    return add_caption(shown, f"{float(target.sum()):.1f} to count")


def write_examples(
    truth: ImageSet, results: Sequence[Any], output: Any, details: Mapping[str, Any], folder: Path
) -> None:
    """Write `worst.png`, the largest errors, and `best.png`, the most crowded images with errors up to 10 %."""
    true = np.array([len(image.labels) for image in truth.examples])
    error = np.abs(np.array([result.number for result in results]) - true)
    right = [row for row in np.argsort(-true, kind="stable") if error[row] <= max(0.5, true[row] / 10)]
    sheets = {"worst": np.argsort(-error, kind="stable").tolist(), "best": right}
    write_sheets(truth, results, sheets, partial(draw, output=output), folder)
