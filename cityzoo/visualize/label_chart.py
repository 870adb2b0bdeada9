"""A chart of what is labeled in a set of images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cityzoo.sample import ImageSet

BLUE = "#0072b2"


def draw_labels(images: ImageSet, path: Path | str) -> None:
    """Write a chart as a PNG: how many boxes each class has, and how high boxes are in pixels.

    Raises:
        ValueError: images without any box.
    """
    from matplotlib.figure import Figure

    heights = np.concatenate([each.boxes_xyxy[:, 3] - each.boxes_xyxy[:, 1] for each in images.examples])
    labels = np.concatenate([each.labels for each in images.examples]).astype(int)
    if not len(labels):
        raise ValueError("no boxes to draw a chart of: give images with boxes")
    figure = Figure(figsize=(8, 2.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    bars = left.barh(images.class_names, np.bincount(labels, minlength=len(images.class_names)), color=BLUE)
    left.bar_label(bars, padding=3)
    left.margins(x=0.15)
    left.invert_yaxis()  # classes in their order, from the top
    left.set_xlabel("boxes")
    right.hist(heights, bins=30, color=BLUE)
    right.axvline(float(np.median(heights)), color="#d55e00", label=f"median {np.median(heights):.0f}")
    right.set(xlabel="height of a box, pixels of the image", ylabel="boxes")
    right.legend(frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, format="png", dpi=100)
