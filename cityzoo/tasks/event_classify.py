"""Classify traffic reports: accident, congestion, flooding; a text may report several events or none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cityzoo.cli import flag
from cityzoo.data import text as texts
from cityzoo.data.text.formats import Columns
from cityzoo.demo import FileDemo
from cityzoo.modalities.text import TEXT, default_backbone
from cityzoo.outputs.multilabel import MultiLabelClassification
from cityzoo.tasks import Task


@dataclass(frozen=True)
class EventReader:
    """Read any number of labels per text."""

    text_column: str = flag(
        "", "column or key of the texts (default: text, sentence, message ...)", metavar="NAME"
    )
    label_column: str = flag(
        "",
        "column or key of the labels, or several columns of 0 and 1: A,B,C (default: labels, events ...)",
        metavar="NAME",
    )
    label_separator: str = flag(";", "separator of several labels in one field", metavar="TEXT")

    def __call__(self, source: str, **how: Any) -> texts.TextDataset:
        """Return the checked texts of a source."""
        columns = Columns(self.text_column, self.label_column, self.label_separator, several=True)
        return texts.load(source, columns=columns, **how)


def demo() -> FileDemo:
    """Return traffic reports in four languages, made from templates."""
    from cityzoo.demo.texts import VERSION, reports

    return FileDemo("event_classify", VERSION, reports.write_classes, "traffic reports")


@dataclass(frozen=True)
class EventClassification(MultiLabelClassification):
    """Any number of labels per text: encoders pool their tokens themselves, and texts have no mirror image."""

    pooling: str = "mean"
    flips: bool = False


TASK = Task(
    summary="events that a report tells of: accident, congestion, flooding ...; several or none",
    modality=TEXT,
    output=EventClassification,
    reader=EventReader,
    demo=demo,
    monitor="mean_ap",
    defaults={
        "backbone": default_backbone(),
        "batch_size": 32,
        "learning_rate": 0.0003,
        "dropout": 0.1,
        "patience": 4,
    },
)
