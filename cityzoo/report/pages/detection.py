"""What a page shows of a detector's figures."""

from __future__ import annotations

from typing import Any

from cityzoo.metrics.keys import pointer
from cityzoo.report.layout import Card, Chart, Layout, Table

MEANINGS = {
    "AP50": "boxes that overlap the object by half or more (IoU .50)",
    "AP": "mean over overlaps .50 to .95: how tight the boxes are",
    "AP75": "boxes that overlap by three quarters (IoU .75)",
    "AP_small": "objects under 32 x 32 pixels",
    "AP_medium": "objects from there to 96 x 96 pixels",
    "AP_large": "larger objects",
    "AR1": "share found with one detection an image",
    "AR10": "share found with 10 detections an image",
    "AR100": "share found with 100 detections an image",
    "AR_small": "share found of the small ones",
    "AR_medium": "share found of the medium ones",
    "AR_large": "share found of the large ones",
}
TABLE = Table(
    "Class by class",
    "per_class",
    {"n_boxes": ("objects", "count"), "AP50": ("AP50", "bar"), "AP": ("AP", "score"), "AR": ("AR", "score")},
    coloured=True,
)
CARDS = (
    Card("AP50", "AP50", "average precision at half overlap, 1 is perfect"),
    Card("AP", "AP", "the same for tighter and tighter boxes (COCO)"),
    Card("operating_point/recall", "found", "of all annotated objects (recall)", "share"),
    Card("operating_point/precision", "right", "of all it reports (precision)", "share"),
)


REMARK = (
    '"Found" and "right" hold with detections cut at a score of {operating_point/score}, where their balance is best '
    "(F1 {operating_point/f1}). A lower score finds more and errs more often. AP and AR are as the COCO evaluation "
    "defines them."
)


ERRORS = Table(
    "What kind of mistakes it makes",
    "errors",
    {"n": ("mistakes", "count"), "AP50_lost": ("AP50 lost", "bar")},
    "At the best score: how much AP50 would rise if this kind alone were mended (TIDE). Localisation: right "
    "class, box too far off; both: class and box wrong; duplicate: found twice; background: nothing is "
    "there; missed: not found at all.",
)
THRESHOLDS = Table(
    "Which score to cut at",
    "thresholds",
    {
        "score": ("score", "score"),
        "recall": ("found", "share"),
        "precision": ("right", "share"),
        "false_alarms_per_1000": ("false alarms in 1,000 frames", "count"),
    },
    "The lowest score that keeps to the wish, set on these very frames: expect somewhat more false alarms elsewhere.",
)
CHARTS = (
    Chart(
        "Precision against recall",
        "curves/precision_recall",
        "recall",
        "precision",
        "share of the objects that is found (recall)",
        "share of the reports that is right (precision)",
        "At half overlap. The area under a line is the class's AP50.",
        unit_square=True,
    ),
    Chart(
        "Where to cut",
        "curves/f1",
        "score",
        "f1",
        "score from which a detection counts",
        "F1, the balance of both",
        unit_square=True,
    ),
)


def detection_layout(report: dict[str, Any]) -> Layout:
    """Return what a page shows of a detector's report.

    Example:
        >>> detection_layout({}).remark, "operating_point/f1" in detection_layout({"operating_point": {"f1": 1}}).remark
        ('', True)
    """
    said = next(iter((report.get("confusion") or {}).values()), {})
    confusion = Table(
        "What was taken for what",
        "confusion",
        {pointer(name): (name, "heat") for name in said},
        "At the best score, half overlap. A row for what is there, a column for what was said; the last row are false "
        "alarms, the last column what was missed.",
    )
    return Layout(
        CARDS,
        MEANINGS,
        remark=REMARK if report.get("operating_point") else "",
        tables=(TABLE, THRESHOLDS, ERRORS, *((confusion,) if said else ())),
        charts=CHARTS,
        images={
            "best": "At its best",
            "worst": "At its worst",
            "missed": "What it missed",
            "false": "Its false alarms",
        },
        legend=(
            ("found", "detected, the colour tells the class"),
            ("missed", "missed"),
            ("", "✗ false alarm"),
        ),
        curves={"val_AP50": "AP50", "val_AP": "AP"},
        curve_note="Average precision on the validation images after each epoch.",
    )
