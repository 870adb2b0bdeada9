"""How strange each frame is: a table for programs, sheets with heat maps to look at."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.report.sheets import write_sheets
from cityzoo.sample import PictureSet


def write_predictions(truth: PictureSet, results: Sequence[Any], path: Path) -> None:
    """Write a CSV: path, true class, score."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "true", "score"])
        for picture, result in zip(truth.pictures, results, strict=True):
            name = truth.class_names[int(np.argmax(picture.target))]
            writer.writerow([picture.path, name, f"{result.score:.6f}"])


def draw_sheets(
    truth: PictureSet,
    results: Sequence[Any],
    threshold: float | None,
    draw: Callable[..., np.ndarray],
    folder: Path,
) -> None:
    """Write `found.png` and `missed.png`, anomalies over and under the threshold, and `false.png`, normal frames.

    Args:
        truth: pictures with targets.
        results: with `score`.
        threshold: score from which an alarm is raised.
        draw: (image, picture, result) -> what is shown.
        folder: where the sheets go; a sheet that has no pictures is removed.
    """
    scores = np.array([result.score for result in results])
    strange = np.array([picture.target[0] < 0.5 for picture in truth.pictures])
    alarm = scores >= (np.inf if threshold is None else threshold)
    order = np.argsort(-scores, kind="stable")
    sheets = {
        "found": [row for row in order if strange[row] and alarm[row]],
        "missed": [row for row in order[::-1] if strange[row] and not alarm[row]],
        "false": [row for row in order if not strange[row]],
    }
    write_sheets(truth, results, sheets, draw, folder)
