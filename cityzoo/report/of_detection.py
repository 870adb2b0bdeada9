"""What a page shows of a detector's figures."""

from __future__ import annotations

from typing import Any

from cityzoo.report.layout import Card, Layout, Table

MEANINGS = {
    "AP50": "boxes that overlap the object by half or more (IoU .50)",
    "AP": "mean over overlaps .50 to .95: how tight the boxes are",
    "AP75": "boxes that overlap by three quarters (IoU .75)",
    "AP_small": "objects under 32 x 32 pixels",
    "AP_medium": "objects from there to 96 x 96 pixels",
    "AP_large": "larger objects",
    "AR1": "share found with one detection a picture",
    "AR10": "share found with 10 detections a picture",
    "AR100": "share found with 100 detections a picture",
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
    Card("operating_point.recall", "found", "of all annotated objects (recall)", "share"),
    Card("operating_point.precision", "right", "of all it reports (precision)", "share"),
)


REMARK = (
    '"Found" and "right" hold with detections cut at a score of {operating_point.score}, where their balance is best '
    "(F1 {operating_point.f1}). A lower score finds more and errs more often. AP and AR are as the COCO evaluation "
    "defines them."
)


def detection_layout(report: dict[str, Any]) -> Layout:
    """Return what a page shows of a detector's report.

    Example:
        >>> detection_layout({}).remark, "operating_point.f1" in detection_layout({"operating_point": {"f1": 1}}).remark
        ('', True)
    """
    return Layout(
        CARDS,
        MEANINGS,
        remark=REMARK if report.get("operating_point") else "",
        tables=(TABLE,),
        pictures={"best": "At its best", "worst": "At its worst", "missed": "What it missed"},
        legend=(
            ("found", "detected, the colour tells the class"),
            ("missed", "missed"),
            ("", "✗ false alarm"),
        ),
        curves={"val_AP50": "AP50", "val_AP": "AP"},
        curve_note="Average precision on the validation pictures after each epoch.",
    )
