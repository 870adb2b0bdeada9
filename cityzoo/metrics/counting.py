"""Figures of a counter, and what a page shows of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cityzoo.report.layout import Card, Chart, Layout, Table
from cityzoo.sample import ImageSet

CROWDS = ((0, 0, "none"), (1, 5, "1 to 5"), (6, 15, "6 to 15"), (16, 40, "16 to 40"), (41, 10**9, "over 40"))
MEANINGS = {
    "mae": "mean absolute error: by how many an image is miscounted",
    "rmse": "root of the mean squared error: large errors weigh more",
    "bias": "mean error: above 0 it counts too many",
    "r2": "share of the variance of counts that is explained, 1 is perfect, 0 a constant",
    "mae_of_mean": "MAE of always saying the mean count of the training images",
    "mae_share_of_mean": "our MAE as a share of that: below 1 looking at the image helps",
    "mae_of_own_mean": "MAE of always saying the mean count of these very images, which nobody knows beforehand",
}
LAYOUT = Layout(
    (
        Card("mae", "MAE", "by how many an image is miscounted, on average"),
        Card("mae_of_mean", "MAE of the mean", "always saying the mean count of the training images instead"),
        Card("mean_count", "objects", "in an image, on average"),
        Card("r2", "R²", "share of the variance of counts that is explained"),
    ),
    MEANINGS,
    lower=("mae", "rmse", "mae_share_of_mean"),
    neutral=("bias", "mae_of_mean", "mae_of_own_mean"),
    tables=(
        Table(
            "By how crowded an image is",
            "by_crowding",
            {
                "n": ("images", "count"),
                "mean_count": ("objects", "score"),
                "mae": ("MAE", "score"),
                "bias": ("bias", "score"),
                "relative": ("MAE / objects", "share"),
            },
        ),
        Table(
            "By how large the objects are",
            "by_size",
            {
                "side": ("side, pixels", "text"),
                "n": ("images", "count"),
                "mean_count": ("objects", "score"),
                "mae": ("MAE", "score"),
                "bias": ("bias", "score"),
                "relative": ("MAE / objects", "share"),
            },
            "Thirds of the images, by the side of their middling object.",
        ),
    ),
    charts=(
        Chart(
            "Counted against true",
            "scatter",
            "true",
            "counted",
            "objects in the image",
            "objects counted",
            "A point is an image; on the grey line it is counted right.",
            style="points",
            diagonal=True,
        ),
    ),
    images={"worst": "Its largest errors", "best": "The fullest images it counts well"},
    legend=(("", "glowing: where it counts; below: what it counted and what is true"),),
    curves={"val_mae": "MAE", "val_rmse": "RMSE"},
    curve_note="Errors on the validation images after each epoch.",
)


def count_metrics(truth: ImageSet, counted: Sequence[float], usual: float | None = None) -> dict[str, Any]:
    """Return MAE, RMSE, bias and R2 of counts, over all images and by how crowded they are.

    Args:
        truth: images with boxes.
        counted: a number for each.
        usual: mean count of the training images, which a model has to beat; None: not known.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> streets = (ImageExample("a.jpg", (8, 8)), ImageExample("b.jpg", (8, 8), [[0, 0, 4, 4]] * 4, [0] * 4))
        >>> found = count_metrics(ImageSet("val", ("car",), streets), [1.0, 3.0], usual=5.0)
        >>> found["mae"], found["mae_of_mean"], found["mae_of_own_mean"], found["r2"]
        (1.0, 3.0, 2.0, 0.75)
    """
    true = np.array([len(image.labels) for image in truth.examples], np.float64)
    error = np.asarray(counted, np.float64) - true
    spread = np.square(true - true.mean()).sum()
    of_mean = None if usual is None else float(np.abs(true - usual).mean())
    mae = float(np.abs(error).mean())
    return {
        "mae": mae,
        "rmse": float(np.sqrt(np.square(error).mean())),
        "bias": float(error.mean()),
        "r2": float(1 - np.square(error).sum() / spread) if spread else None,
        "mae_of_mean": of_mean,
        "mae_share_of_mean": mae / of_mean if of_mean else None,
        "mae_of_own_mean": float(np.abs(true - true.mean()).mean()),
        "usual_count": usual,
        "mean_count": float(true.mean()),
        "by_crowding": _by_crowding(true, error),
        "n_images": len(truth),
        "n_boxes": int(true.sum()),
    }


def _by_crowding(true: np.ndarray, error: np.ndarray) -> dict[str, dict[str, float | None]]:
    rows = {}
    for least, most, name in CROWDS:
        chosen = (true >= least) & (true <= most)
        if chosen.any():
            mean, mae = float(true[chosen].mean()), float(np.abs(error[chosen]).mean())
            rows[name] = {
                "n": int(chosen.sum()),
                "mean_count": mean,
                "mae": mae,
                "bias": float(error[chosen].mean()),
                "relative": mae / mean if mean else None,
            }
    return rows
