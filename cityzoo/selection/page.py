"""Contents of the page of a selection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cityzoo.report.layout import Card, Chart, Columns, Layout, Section, Table

CARDS = (
    Card("chosen", "chosen", "examples to label", "count"),
    Card("candidates", "candidates", "unlabeled examples that could be read", "count"),
    Card("duplicates", "near duplicates", "of known or chosen examples, left out", "count"),
    Card("simulation/saved", "labels saved", "in the simulation, against random choice", "share"),
)
ROWS: Columns = {
    "file": ("file", "text"),
    "uncertainty": ("uncertainty", "score"),
    "distance": ("distance", "score"),
    "nearest": ("nearest known", "text"),
    "predicted": ("predicted", "text"),
}
SIMULATION = Section(
    "Simulated gain",
    "simulation",
    "Labels of the run's own training data are hidden and asked for in rounds; the head is a linear one on features of "
    "the backbone before training; metrics are of the validation data and of a fold that is held out.",
    charts=(
        Chart(
            "Selected and random labels",
            "simulation/curves",
            "x",
            "y",
            "labels",
            "metric",
            from_zero=False,
        ),
    ),
    remarks=(
        "{simulation/metric|name}: area under the curve {simulation/area/selected} against "
        "{simulation/area/random} at random; difference {simulation/gain|signed}, 95 % interval over "
        "{simulation/seeds|count} seeds {simulation/gain_interval|interval}.",
        "Labels saved for the metric that random choice reaches last: {simulation/saved|share}, 95 % interval "
        "{simulation/saved_interval|interval}.",
    ),
)


def layout(report: Mapping[str, Any]) -> Layout:
    """Return the contents of the page of a report of a selection."""
    shown = {"contact_sheet": "Chosen examples, in order, with what the model predicts"}
    return Layout(
        cards=CARDS,
        meanings={},
        remark="Chosen by uncertainty times distance from what is known (0..2).",
        tables=(Table("Chosen examples", "rows", ROWS),),
        sections=(SIMULATION,),
        images=shown if report["has_sheet"] else {},
    )
