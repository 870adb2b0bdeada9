"""Counts of each image as a CSV, and sheets of examples."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.sample import ImageSet
from cityzoo.visualize.contact_sheet import write_sheets


def write_predictions(truth: ImageSet, results: Sequence[Any], path: Path) -> None:
    """Write a CSV of path, true and predicted count."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "true", "counted"])
        for image, result in zip(truth.examples, results, strict=True):
            writer.writerow([image.path, len(image.labels), f"{result.number:.4f}"])


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
