"""What was counted in each picture: a table for programs, sheets to look at."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cityzoo.data.pictures import read_picture
from cityzoo.report.drawing import grid
from cityzoo.sample import PictureSet

COLUMNS, SHOWN = 3, 6
CELL_WIDTH = 400


def write_predictions(truth: PictureSet, results: Sequence[Any], path: Path) -> None:
    """Write a CSV: path, true count, counted."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "true", "counted"])
        for picture, result in zip(truth.pictures, results, strict=True):
            writer.writerow([picture.path, len(picture.labels), f"{result.number:.4f}"])


def draw_sheets(
    truth: PictureSet, results: Sequence[Any], draw: Callable[..., np.ndarray], folder: Path
) -> None:
    """Write `worst.png`, the largest errors, and `best.png`, the fullest pictures with less than a tenth of error.

    Args:
        truth: pictures with boxes.
        results: with `number`.
        draw: (image, picture, result) -> what is shown.
        folder: where the sheets go; a sheet that has no pictures is removed.
    """
    true = np.array([len(picture.labels) for picture in truth.pictures])
    error = np.abs(np.array([result.number for result in results]) - true)
    right = [row for row in np.argsort(-true, kind="stable") if error[row] <= max(0.5, true[row] / 10)]
    for name, rows in (("worst", np.argsort(-error, kind="stable")), ("best", right)):
        rows = [int(row) for row in rows[:SHOWN]]
        if not rows:
            (folder / f"{name}.png").unlink(missing_ok=True)
            continue
        pictures = [truth.pictures[row] for row in rows]
        images = [read_picture(each.path, each.window_xyxy) for each in pictures]
        drawn = [
            draw(image, each, results[row]) for image, each, row in zip(images, pictures, rows, strict=True)
        ]
        shape = float(np.clip(np.median([image.shape[0] / image.shape[1] for image in drawn]), 0.5, 1.25))
        captions = [Path(each.path).name for each in pictures]
        sheet = grid(drawn, COLUMNS, (round(CELL_WIDTH * shape), CELL_WIDTH), captions)
        Image.fromarray(sheet).save(folder / f"{name}.png")
