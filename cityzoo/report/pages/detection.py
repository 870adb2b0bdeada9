"""Page of a detector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cityzoo.report.layout import Card, Chart, Layout, Table
from cityzoo.report.pages.shared import confusion_table, precision_recall_chart
from cityzoo.report.pages.unlabelled import PSEUDO_LABELS, UNLABELLED

MEANINGS = {
    "AP50": "average precision at IoU .50: boxes overlap the object by half",
    "AP": "mean over IoU .50 to .95: how tight the boxes are",
    "AP75": "average precision at IoU .75",
    "AP_small": "of objects under 32 x 32 pixels",
    "AP_medium": "of objects from 32 x 32 to 96 x 96 pixels",
    "AP_large": "of larger objects",
    "AR1": "average recall with one detection per image",
    "AR10": "average recall with 10 detections per image",
    "AR100": "average recall with 100 detections per image",
    "AR_small": "average recall of small objects",
    "AR_medium": "average recall of medium objects",
    "AR_large": "average recall of large objects",
}
CARDS = (
    Card("AP50", "AP50", "average precision at IoU .50, 1 is perfect"),
    Card("AP", "AP", "mean over IoU .50 to .95 (COCO)"),
    Card("operating_point/recall", "recall", "share of annotated objects that are found", "share"),
    Card("operating_point/precision", "precision", "share of detections that are correct", "share"),
)
REMARK = (
    "Recall and precision are those of detections with a score of {operating_point/score} or more, the threshold of "
    "the highest F1 ({operating_point/f1}). A lower threshold finds more objects and raises more false alarms. AP and "
    "AR follow the COCO evaluation."
)
CLASSES = Table(
    "Metrics by class",
    "per_class",
    {"n_boxes": ("objects", "count"), "AP50": ("AP50", "bar"), "AP": ("AP", "score"), "AR": ("AR", "score")},
    colored=True,
)
THRESHOLDS = Table(
    "Score thresholds",
    "thresholds",
    {
        "score": ("score", "score"),
        "recall": ("recall", "share"),
        "precision": ("precision", "share"),
        "false_alarms_per_1000": ("false alarms per 1,000 frames", "count"),
    },
    "The lowest threshold that meets each target, set on these frames: expect somewhat more false alarms elsewhere.",
)
ERRORS = Table(
    "Error types (TIDE)",
    "errors",
    {"n": ("errors", "count"), "AP50_lost": ("AP50 lost", "bar")},
    "At the threshold of the highest F1: how much AP50 would rise if this type alone were fixed. Classification: box "
    "right, class wrong; localisation: class right, box too far off; both: class and box wrong; duplicate: object "
    "found twice; background: no object there; missed: object not found at all.",
)
F1 = Chart("F1 by score threshold", "curves/f1", "score", "f1", "score threshold", "F1", unit_square=True)


def layout(report: Mapping[str, Any], class_names: tuple[str, ...] = ()) -> Layout:
    """Return what the page of a detector shows.

    Example:
        >>> layout({}).remark, "operating_point/f1" in layout({"operating_point": {"f1": 1}}).remark
        ('', True)
    """
    predicted: Mapping[str, int] = next(
        iter((report.get("confusion") or {}).values()), {}
    )  # with one more for "background"
    confusion = confusion_table(
        predicted,
        "At the threshold of the highest F1 and IoU .50. Rows: annotated class; columns: predicted class. The last row "
        "counts false alarms, the last column missed objects.",
    )
    return Layout(
        CARDS,
        MEANINGS,
        remark=REMARK if report.get("operating_point") else "",
        tables=(CLASSES, THRESHOLDS, ERRORS, *((confusion,) if predicted else ()), UNLABELLED, PSEUDO_LABELS),
        charts=(precision_recall_chart("At IoU .50. The area under a curve is the class's AP50."), F1),
        images={
            "best": "Best images",
            "worst": "Worst images",
            "missed": "Missed objects",
            "false": "False alarms",
        },
        legend=(
            ("found", "detected, in the color of its class"),
            ("missed", "missed"),
            ("", "✗ false alarm"),
        ),
        curves={"val_AP50": "AP50", "val_AP": "AP"},
        curve_note="Average precision on the validation images after each epoch.",
    )
