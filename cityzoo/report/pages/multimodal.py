"""Page of a classifier of rows with several modalities: that of a classifier, and what each modality is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cityzoo.report.layout import Columns, Layout, Section, Table
from cityzoo.report.pages import classification

COLUMNS: Columns = {
    "value": ("metric", "bar"),
    "low": ("95 % from", "score"),
    "high": ("to", "score"),
    "change": ("change", "signed"),
    "change_interval": ("95 %", "interval"),
}
MODALITIES = Section(
    "What each modality is worth",
    "modalities",
    "The same model on the same rows, with the other cells hidden from it.",
    tables=(
        Table(
            "Every pattern of missing modalities",
            "modalities/patterns",
            COLUMNS,
            "Change: against all modalities, paired.",
        ),
        Table("Cells hidden at random", "modalities/missing", COLUMNS),
        Table(
            "Weights of the gates",
            "modalities/gates",
            {"": ("mean weight", "bar")},
            "Mean over the rows that have the modality.",
        ),
        Table(
            "Modalities that disagree",
            "modalities/conflicts/modalities",
            {
                "n": ("rows", "count"),
                "followed/value": ("followed", "share"),
                "followed/interval": ("95 %", "interval"),
                "right/value": ("right", "share"),
                "right/interval": ("95 %", "interval"),
            },
            "Rows whose modalities, each alone, name different classes: how often the model answers as one of them "
            "does alone, and how often that is right.",
        ),
    ),
    remarks=(
        "Metric: {modalities/metric|name}, on {modalities/n|count} rows.",
        "In {modalities/conflicts/share/value|share} of the rows the modalities disagree: there the model is right in "
        "{modalities/conflicts/accuracy/value|share}, elsewhere in {modalities/conflicts/agreeing/value|share}.",
    ),
)


def layout(report: Mapping[str, Any], class_names: tuple[str, ...] = ()) -> Layout:
    """Return what the page shows."""
    found = classification.layout(report, class_names)
    return replace(found, sections=(MODALITIES, *found.sections), images={}, legend=())
