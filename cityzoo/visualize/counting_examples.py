"""Counts of each image as a CSV, and sheets of examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.sample import ImageSet
from cityzoo.visualize.captions import add_caption
from cityzoo.visualize.contact_sheet import write_sheets
from cityzoo.visualize.heatmap import overlay_heatmap


def draw_sheets(
    truth: ImageSet, results: Sequence[Any], draw: Callable[..., np.ndarray], folder: Path
) -> None:
    """Write `worst.png`, the largest errors, and `best.png`, the most crowded images with errors up to 10 %.

    Args:
        truth: images with boxes.
        results: with `number`.
        draw: (image, example, result) -> image to show.
        folder: of the sheets; a sheet without images is removed.
    """
    true = np.array([len(image.labels) for image in truth.examples])
    error = np.abs(np.array([result.number for result in results]) - true)
    right = [row for row in np.argsort(-true, kind="stable") if error[row] <= max(0.5, true[row] / 10)]
    sheets = {"worst": list(np.argsort(-error, kind="stable")), "best": right}
    write_sheets(truth, results, sheets, draw, folder)


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
    """Write `worst.png` and `best.png`."""
    draw_sheets(truth, results, partial(draw, output=output), folder)
