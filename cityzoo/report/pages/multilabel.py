"""Page of a multi-label classifier with alarm thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cityzoo.report.layout import Card, Columns, Layout, Table
from cityzoo.report.pages.classification import (
    CALIBRATION,
    CURVE_NOTE,
    IMAGES,
    LEGEND,
    MEANINGS,
    RELIABILITY,
    REPORT,
    ROC,
)
from cityzoo.report.pages.shared import baselines_table, precision_recall_chart

CLASSES: Columns = {
    "n": ("examples", "count"),
    "auroc": ("AUROC", "bar"),
    "ap": ("AP", "score"),
    "precision": ("precision at .5", "score"),
    "recall": ("recall at .5", "score"),
}
ALARMS: Columns = {
    "threshold": ("threshold", "score"),
    "recall": ("recall", "share"),
    "false_alarms_per_1000": ("false alarms per 1,000", "count"),
    "max_false_alarms_per_1000": ("allowed per 1,000", "count"),
    "frames_without": ("without the class", "count"),
    "smallest_rate_shown": ("smallest measurable rate", "count"),
}


def layout(report: Mapping[str, Any], class_names: tuple[str, ...] = ()) -> Layout:
    """Return what the page of a multi-label classifier shows."""
    frames = "frames" if report.get("examples", "images") == "images" else report["examples"]
    alarms = Table(
        "Alarm thresholds",
        "alarms",
        ALARMS,
        f"The lowest threshold that keeps to the allowed rate of false alarms in {frames} without the class, set on "
        f"these {frames}: expect more elsewhere, and more still where {frames} are few.",
    )
    return Layout(
        (
            Card("mean_auroc", "AUROC", f"how well {frames} with a class rank above others, 1 is perfect"),
            Card("mean_ap", "AP", "average precision of that ranking, 1 is perfect"),
        ),
        {name: MEANINGS[name] for name in ("mean_auroc", "mean_ap", "macro_f1", "loss")},
        lower=("loss",),
        headline=baselines_table("mean_auroc", "AUROC"),
        tables=(alarms, Table("Metrics by class", "per_class", CLASSES), REPORT, CALIBRATION),
        charts=(ROC, precision_recall_chart(), RELIABILITY),
        images=IMAGES,
        legend=LEGEND,
        curves={"val_mean_auroc": "AUROC", "val_mean_ap": "AP"},
        curve_note=CURVE_NOTE,
    )
