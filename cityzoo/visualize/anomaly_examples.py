"""Anomaly scores of each frame as a CSV, and sheets of examples."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.metrics.anomaly import anomaly_mask
from cityzoo.sample import ImageSet
from cityzoo.visualize.contact_sheet import write_sheets


def write_predictions(truth: ImageSet, results: Sequence[Any], path: Path) -> None:
    """Write a CSV of path, true class and score."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "true", "score"])
        for image, result in zip(truth.examples, results, strict=True):
            name = truth.class_names[int(np.argmax(np.asarray(image.target)))]
            writer.writerow([image.path, name, f"{result.score:.6f}"])


def draw_sheets(
    truth: ImageSet,
    results: Sequence[Any],
    threshold: float | None,
    draw: Callable[..., np.ndarray],
    folder: Path,
) -> None:
    """Write `found.png` and `missed.png`, anomalies above and below the threshold, and `false.png`, normal frames.

    Args:
        truth: images with targets.
        results: with `score`.
        threshold: score from which an alarm is raised.
        draw: (image, example, result) -> image to show.
        folder: of the sheets; a sheet without images is removed.
    """
    scores = np.array([result.score for result in results])
    anomalous = anomaly_mask(truth)
    alarm = scores >= (np.inf if threshold is None else threshold)
    order = np.argsort(-scores, kind="stable")
    sheets = {
        "found": [row for row in order if anomalous[row] and alarm[row]],
        "missed": [row for row in order[::-1] if anomalous[row] and not alarm[row]],
        "false": [row for row in order if not anomalous[row]],
    }
    write_sheets(truth, results, sheets, draw, folder)
