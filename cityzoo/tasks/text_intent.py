"""Classify what a citizen wants: one intent per text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cityzoo.cli import flag
from cityzoo.data import text as texts
from cityzoo.data.text.formats import Columns
from cityzoo.demo import FileDemo
from cityzoo.modalities.text import TEXT, default_backbone
from cityzoo.outputs.intent import Intent
from cityzoo.tasks import Task


@dataclass(frozen=True)
class IntentReader:
    """Read one label per text."""

    text_column: str = flag(
        "", "column or key of the texts (default: text, sentence, message ...)", metavar="NAME"
    )
    label_column: str = flag(
        "", "column or key of the labels (default: label, intent, category ...)", metavar="NAME"
    )

    def __call__(self, source: str, **how: Any) -> texts.TextDataset:
        """Return the checked texts of a source."""
        return texts.load(source, columns=Columns(self.text_column, self.label_column), **how)


def demo() -> FileDemo:
    """Return calls to a municipal hotline, used if the user brings no data."""
    from cityzoo.demo.texts import VERSION, calls

    return FileDemo("text_intent", VERSION, calls.write, "calls to a municipal hotline in four languages")


TASK = Task(
    summary="what a citizen wants, from a sentence: lost card, missed collection, broken light ...",
    modality=TEXT,
    output=Intent,
    reader=IntentReader,
    demo=demo,
    monitor="accuracy",
    defaults={
        "backbone": default_backbone(),
        "batch_size": 32,
        "learning_rate": 0.001,
        "dropout": 0.1,
        "patience": 4,
    },
)
