"""Contents of the page of a check of labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cityzoo.report.layout import Card, Columns, Layout, Table

CARDS = (
    Card("suspicious", "suspicious labels", "to review; all are in labels.csv", "count"),
    Card("checked", "checked", "examples of the run's data", "count"),
    Card("boxes", "boxes", "labeled in them", "count"),
    Card("estimated_error_share", "wrong labels", "estimated from the confident joint", "share"),
    Card("out_of_fold_accuracy", "accuracy", "of the fitted heads, out of fold", "share"),
    Card("without_class", "without a class", "are not checked", "count"),
)
ROWS: Columns = {
    "given": ("given", "text"),
    "suggested": ("suggested", "text"),
    "probability": ("probability", "score"),
    "text": ("text", "text"),
    "kind": ("what is suspicious", "text"),
    "seen": ("the image was", "text"),
    "file": ("file", "text"),
}


def layout(report: Mapping[str, Any]) -> Layout:
    """Return the contents of the page of a report of suspicious labels."""
    used = {key for row in report["rows"].values() for key, value in row.items() if value != ""}
    columns = {key: column for key, column in ROWS.items() if key in used}
    tables = (
        Table("What is suspicious", "kinds", {"n": ("suspicious labels", "count")}),
        Table("Given and suggested", "pairs", {"n": ("suspicious labels", "count")}, most=20),
        Table("Examples that were checked", "predicted_by", {"n": ("images", "count")}),
        Table("Suspicious labels", "rows", columns, "The most suspicious first."),
    )
    words = "Suspicious labels, the most suspicious first: given → suggested, with the probability"
    return Layout(
        cards=CARDS,
        subtitle=f"The labels of {Path(report['data']).name}, compared with what models predict.",
        meanings={},
        remark="Nothing was changed: correct the labels that are wrong in the data, and train again.",
        tables=tuple(table for table in tables if report.get(table.key)),
        images={"suspicious_labels": words},
        legend=(("found", "detection"), ("missed", "label")) if "boxes" in report else (),
    )
