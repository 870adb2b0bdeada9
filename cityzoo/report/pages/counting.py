"""Page of a counter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cityzoo.report.layout import Card, Chart, Columns, Layout, Table

MEANINGS = {
    "mae": "mean absolute error, objects per image",
    "rmse": "root mean squared error: large errors weigh more",
    "bias": "mean error: above 0 it counts too many",
    "r2": "share of the variance of counts that is explained: 1 is perfect, 0 a constant prediction",
    "mae_of_mean": "MAE of always predicting the mean count of the training images",
    "mae_share_of_mean": "MAE of the model divided by that: below 1 the model is better",
    "mae_of_own_mean": "MAE of always predicting the mean count of these images, which is unknown in advance",
}
ERRORS: Columns = {
    "n": ("images", "count"),
    "mean_count": ("objects per image", "score"),
    "mae": ("MAE", "score"),
    "bias": ("bias", "score"),
    "relative": ("MAE / objects", "share"),
}


def layout(report: Mapping[str, Any], class_names: tuple[str, ...] = ()) -> Layout:
    """Return what the page of a counter shows."""
    return Layout(
        (
            Card("mae", "MAE", "mean absolute error, objects per image"),
            Card(
                "mae_of_mean", "MAE of the mean", "of always predicting the mean count of the training images"
            ),
            Card("mean_count", "objects", "per image, on average"),
            Card("r2", "R²", "share of the variance of counts that is explained"),
        ),
        MEANINGS,
        lower=("mae", "rmse", "mae_share_of_mean"),
        neutral=("bias", "mae_of_mean", "mae_of_own_mean"),
        tables=(
            Table("Errors by number of objects", "by_crowding", ERRORS),
            Table(
                "Errors by size of objects",
                "by_size",
                {"side": ("side, pixels", "text"), **ERRORS},
                "Images in three equal groups by the median size of their objects.",
            ),
        ),
        charts=(
            Chart(
                "Predicted and true counts",
                "scatter",
                "true",
                "counted",
                "true count",
                "predicted count",
                "One point per image; points on the gray line are exact.",
                style="points",
                diagonal=True,
            ),
        ),
        images={"worst": "Largest errors", "best": "Most crowded images with a small error"},
        legend=(("", "highlighted: where objects are counted; below: predicted and true count"),),
        curves={"val_mae": "MAE", "val_rmse": "RMSE"},
        curve_note="Errors on the validation images after each epoch.",
    )
