"""Page of an anomaly detector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cityzoo.report.layout import Card, Layout

MEANINGS = {
    "image_auroc": "probability that a frame with an anomaly scores higher than a normal one, 1 is perfect",
    "pixel_auroc": "the same for pixels: whether the heat map points at the anomaly",
    "image_ap": "average precision of the ranking of frames",
}
REMARK = "An alarm is raised at a score of {alarm/threshold} or more."
TARGET = (
    " The threshold allows at most {alarm/max_false_alarms_per_1000|count} false alarms per 1,000 normal frames and "
    "was set on these held-out frames: expect more elsewhere."
)


def layout(report: Mapping[str, Any], class_names: tuple[str, ...] = ()) -> Layout:
    """Return what the page of an anomaly detector shows."""
    alarm = report.get("alarm") or {}
    remark = REMARK + (TARGET if alarm.get("max_false_alarms_per_1000") is not None else "")
    return Layout(
        (
            Card("image_auroc", "AUROC of frames", "how well frames with an anomaly rank above normal ones"),
            Card("pixel_auroc", "AUROC of pixels", "how well the heat map points at the anomaly"),
            Card("alarm/recall", "recall", "share of anomalies that raise an alarm", "share"),
            Card("alarm/threshold", "threshold", "score from which an alarm is raised"),
        ),
        MEANINGS,
        remark=remark if alarm.get("threshold") is not None else "",
        images={
            "found": "Detected anomalies",
            "missed": "Missed anomalies",
            "false": "Normal frames with the highest scores",
        },
        legend=(("", "highlighted: far from everything seen in normal frames"),),
    )
