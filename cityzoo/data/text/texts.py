"""Texts with labels, and the splits of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cityzoo.data.text.findings import TextFindings
from cityzoo.sample import ExampleSet, LabeledDataset


@dataclass(frozen=True)
class TextExample:
    """One text."""

    text: str
    path: str  # file and place in it, such as "train.csv:17"
    target: Any = None  # (C,) float32, 1 for each of its classes; zeros: outside of all; None: not labeled
    words: tuple[str, ...] = ()  # of a text that is tagged word by word
    tags: tuple[str, ...] = ()  # one for each word, such as "B-road"
    starts: tuple[int, ...] = ()  # number of the token that each word begins with; -1: cut off
    group: str = ""  # texts of one group are alike: a call, a conversation, a storm; "": not known

    @property
    def name(self) -> str:
        """File and place."""
        return self.path


@dataclass(frozen=True)
class TextSet(ExampleSet):
    """The texts of one split."""

    examples: tuple[TextExample, ...]


TextDataset = LabeledDataset[TextSet, TextFindings]
