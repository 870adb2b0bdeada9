"""Examples of an anomaly detector: found and missed anomalies, false alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.metrics.anomaly import anomaly_mask
from cityzoo.sample import ImageSet
from cityzoo.visualize.heatmap import overlay_heatmap
from cityzoo.visualize.sheets import add_caption, write_sheets


def draw(image: np.ndarray, example: Any, result: Any, output: Any) -> np.ndarray:
    """Return the image with its anomalous places highlighted, above a line with its score."""
    low = float(np.median(result.heat))
    known = "" if example is None else f"   true: {output.class_names[int(np.argmax(example.target))]}"
    shown = overlay_heatmap(image, result.heat, result.corners, (low, max(result.score, 2 * low)))
    return add_caption(shown, f"score {result.score:.2f}{known}")


def draw_target(image: np.ndarray, target: np.ndarray, output: Any) -> np.ndarray:
    """Return the image above the name of its class."""
    return add_caption(image, output.class_names[int(np.argmax(target))])


def write_examples(
    truth: ImageSet, results: Sequence[Any], output: Any, details: Mapping[str, Any], folder: Path
) -> None:
    """Write `found.png` and `missed.png`, anomalies above and below the threshold, and `false.png`, normal frames."""
    threshold = details["alarm"]["threshold"]
    scores = np.array([result.score for result in results])
    anomalous = anomaly_mask(truth)
    alarm = scores >= (np.inf if threshold is None else threshold)
    order = np.argsort(-scores, kind="stable").tolist()
    sheets = {
        "found": [row for row in order if anomalous[row] and alarm[row]],
        "missed": [row for row in order[::-1] if anomalous[row] and not alarm[row]],
        "false": [row for row in order if not anomalous[row]],
    }
    write_sheets(truth, results, sheets, partial(draw, output=output), folder)
