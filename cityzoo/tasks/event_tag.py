"""Tag the words of reports: roads, places, directions, times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cityzoo.data import text as texts
from cityzoo.data.text.formats import Columns
from cityzoo.demo import FileDemo
from cityzoo.errors import InputError
from cityzoo.modalities.text import TEXT
from cityzoo.outputs.tagging import Tagging
from cityzoo.tasks import Task


@dataclass(frozen=True)
class TagReader:
    """Read texts whose words have tags, or whose entities have character offsets."""

    def __call__(self, source: str, **how: Any) -> texts.TextDataset:
        """Return the checked texts of a source.

        Raises:
            InputError: no text has tags.
        """
        data = texts.load(source, columns=Columns(), **how)
        found = (side for side in (data.train, data.val, data.test) if side is not None)
        if not any(each.tags for side in found for each in side.examples):
            raise InputError(
                f"'{source}' has no tags: give CoNLL (a word and its tag per line), or JSON or JSONL with tokens and "
                "tags, or with text and entities (start, end, label)"
            )
        return data


def demo() -> FileDemo:
    """Return traffic reports in four languages, made from templates."""
    from cityzoo.demo.texts import VERSION, reports

    return FileDemo("event_tag", VERSION, reports.write_tags, "traffic reports")


TASK = Task(
    summary="roads, places, directions and times in reports, word by word (BIO, BILOU)",
    modality=TEXT,
    output=Tagging,
    reader=TagReader,
    demo=demo,
    monitor="f1",
    # The first blocks know words; what is an entity of a type is learned by the later ones. Features of texts of all
    # lengths would be padded to the longest: computing them again takes less time.
    defaults={
        "backbone": "minilm",
        "phases": (("block03", 6),),
        "batch_size": 32,
        "learning_rate": 0.0004,
        "patience": 3,
        "cache": "off",
    },
)
