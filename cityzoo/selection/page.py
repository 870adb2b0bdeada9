"""What is selected, and the folder that a selection leaves: why.csv and its page."""

from __future__ import annotations

import csv
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo.report.layout import Card, Chart, Columns, Layout, Section, Table
from cityzoo.report.write import write_report

if TYPE_CHECKING:
    from cityzoo.evaluation.evaluated_run import EvaluatedRun

LOG = logging.getLogger(__name__)
COLUMNS = ("rank", "file", "uncertainty", "distance", "nearest", "predicted")
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

PLANTED = Section(
    "Planted faults",
    "planted",
    "Faults are planted in 5 % of the days of the given data: stuck, half, noisy or half a day late; as many days are "
    "chosen. Days that were wrong before count against the choice.",
    remarks=(
        "{planted/chosen|share} of the chosen days have a planted fault, {planted/random|share} of all days; "
        "95 % interval of the difference over {planted/seeds|count} seeds {planted/gain_interval|interval}.",
    ),
)


@dataclass(frozen=True)
class SelectionRequest:
    """What to select.

    Attributes:
        run: folder of the run.
        data: source of unlabeled examples.
        out: new folder.
        most: number of examples to choose.
        labels: layout of the predicted labels; "": the default of the task.
        score: score from which on predictions are written; None: that of the run's report.
        limit: number of unlabeled examples to read; None: all.
        simulates: whether the gain over random choice is simulated.
    """

    run: str
    data: str
    out: str
    most: int = 20
    labels: str = ""
    score: float | None = None
    limit: int | None = None
    simulates: bool = True


def write_selection(
    folder: Path, run: EvaluatedRun, rows: Sequence[Mapping[str, Any]], counts: Mapping[str, Any]
) -> None:
    """Write why.csv, report.json and report.html.

    Args:
        folder: of the selection; its contact_sheet.png, if it has one, is shown.
        run: that chose.
        rows: with `COLUMNS`, in the order of the choice.
        counts: `candidates`, `duplicates`, what a simulation found, and `examples`, what they are, if not the
            modality's unit.
    """
    with (folder / "why.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    unit = counts.get("examples", run.task.modality.unit)
    report = {
        "task": f"Selection of {unit} to label: {run.spec.run.task}",
        "examples": unit,
        "chosen": len(rows),
        "rows": {str(row["rank"]): row for row in rows},
        "has_sheet": (folder / "contact_sheet.png").is_file(),
        **counts,
    }
    page = write_report(folder, report, layout(report))[1]
    left = f", {counts['duplicates']} near duplicates left out" if counts["duplicates"] else ""
    LOG.info("%d of %d %s chosen%s: %s", len(rows), counts["candidates"], unit, left, page)


def layout(report: Mapping[str, Any]) -> Layout:
    """Return the contents of the page of a report of a selection."""
    shown = {"contact_sheet": "Chosen examples, in order, with what the model predicts"}
    return Layout(
        cards=CARDS,
        subtitle="What a person should look at first.",
        meanings={},
        remark="Chosen by uncertainty times distance from what is known (0..2).",
        tables=(Table("Chosen examples", "rows", ROWS),),
        sections=(SIMULATION, PLANTED),
        images=shown if report["has_sheet"] else {},
    )
