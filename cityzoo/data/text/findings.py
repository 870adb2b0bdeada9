"""Findings of the check of texts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from cityzoo.data.findings import BaseFindings

KINDS = {
    "unused file": "files that are not used",
    "unused column": "columns that are not used",
    "other split": "texts of another split, not used",
    "empty": "empty texts, left out",
    "no label": "texts without a label, left out",
    "broken tags": "inner tags (I-road) without a first one (B-road), made first ones",
    "moved": "entities that began or ended within a word, extended to whole words",
    "dropped type": "texts with entities of types that are not trained, tagged O",
    "dropped class": "texts of classes that are not trained, left out",
    "long": "texts longer than 20,000 characters, cut",
    "truncated": "texts of train with more tokens than --max-tokens, whose end is not read",
    "encoding": "files that are not UTF-8, read as Windows-1252 or UTF-16",
    "replaced": "characters that could not be decoded, replaced",
    "control": "texts with control or direction characters, which were removed",
    "duplicate": "texts that occur several times in one split with one label, kept once",
    "across splits": "texts of val that train has too, left out of val",
    "contradiction": "equal texts with different labels, the most frequent kept",
    "similar labels": "labels that differ by case or a letter from a more frequent one: typos? (kept)",
    "personal": "texts with what looks like personal data: mask them with python -m cityzoo redact",
    "outside": "texts outside of all classes, used to choose when not to answer",
}
UNUSED = ("unused file", "unused column", "other split", "no label", "dropped class")


@dataclass
class TextFindings(BaseFindings):
    """What the check of texts found."""

    kinds: ClassVar[Mapping[str, str]] = KINDS
    unused: ClassVar[Collection[str]] = UNUSED
    summed: ClassVar[Collection[str]] = ("replaced", "broken tags", "moved")
    sizes: dict[str, int] = field(default_factory=dict)  # texts by split
    classes: dict[str, int] = field(default_factory=dict)  # texts of train by class
    words: dict[str, int] = field(default_factory=dict)  # words of a text: median and most
    languages: dict[str, int] = field(default_factory=dict)  # texts by guessed language

    def header(self) -> list[str]:
        """Return the sizes of the splits, the classes and the lengths."""
        sizes = ", ".join(f"{count} {split}" for split, count in self.sizes.items())
        ordered = sorted(self.classes.items(), key=lambda item: (-item[1], item[0]))
        shown = ", ".join(f"{name} {count}" for name, count in ordered[:8])
        more = ", ..." if len(ordered) > 8 else ""
        lines = [f"texts: {sizes}"]
        if ordered:
            lines.append(f"classes: {len(ordered)} ({shown}{more})")
        if self.words:
            lines.append(f"words of a text: median {self.words['median']}, most {self.words['most']}")
        if len(self.languages) > 1:
            languages = ", ".join(f"{name} {count}" for name, count in self.languages.items())
            lines.append(f"languages, guessed: {languages}")
        return lines

    def summary(self) -> dict[str, Any]:
        """Return the same for JSON."""
        return {
            "sizes": self.sizes,
            "classes": self.classes,
            "words": self.words,
            "languages": self.languages,
        }

    def as_dict(self) -> dict[str, Any]:
        """Return the findings with their meanings, for JSON."""
        found = super().as_dict()
        meanings = {kind: {**each, "meaning": KINDS[kind]} for kind, each in found["findings"].items()}
        return {**found, "findings": meanings}
