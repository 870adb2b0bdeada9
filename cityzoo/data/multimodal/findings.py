"""Findings of the check of rows with several modalities."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from cityzoo.data.findings import BaseFindings

KINDS = {
    "unused file": "files that are not used",
    "unused column": "columns that are not used",
    "missing": "files that the table names and that are not there: the cell counts as empty",
    "broken": "cells that cannot be read: they count as empty",
    "not aligned": "rows of parts without a row of the table within the tolerance, left out",
    "aligned twice": "rows of parts whose row of the table has a nearer one, left out",
    "empty": "rows without an image, a text, sensors, counts or a sound, left out",
    "no label": "rows without a label, left out",
    "no pair": "rows with one of both alone, left out",
    "dropped class": "rows of classes that are not trained, left out",
    "duplicate": "rows of val whose cells train has too, left out of val",
    "near duplicate": "images of val that resemble one of train (kept)",
    "same text": "texts of val that train has too (kept)",
    "shared group": "places and days that are in train and in val (kept)",
}
UNUSED = (
    "unused file",
    "unused column",
    "missing",
    "broken",
    "not aligned",
    "aligned twice",
    "empty",
    "no label",
    "no pair",
    "dropped class",
)


@dataclass
class MultimodalFindings(BaseFindings):
    """What the check of rows with several modalities found."""

    kinds: ClassVar[Mapping[str, str]] = KINDS
    unused: ClassVar[Collection[str]] = UNUSED
    sizes: dict[str, int] = field(default_factory=dict)  # rows by split
    classes: dict[str, int] = field(default_factory=dict)  # rows of train by class
    modalities: dict[str, int] = field(default_factory=dict)  # rows of all splits that have each modality
    aligned: dict[str, int] = field(default_factory=dict)  # rows of each part that were aligned

    def header(self) -> list[str]:
        """Return the sizes of the splits, the classes, and how many rows have each modality."""
        ordered = sorted(self.classes.items(), key=lambda item: (-item[1], item[0]))
        total = sum(self.sizes.values())
        lines = [
            "rows: " + ", ".join(f"{count} {split}" for split, count in self.sizes.items()),
            f"classes: {len(ordered)} ({', '.join(f'{name} {count}' for name, count in ordered[:8])})",
            f"filled cells of {total} rows: "
            + ", ".join(f"{name} {count}" for name, count in self.modalities.items()),
        ]
        if self.aligned:
            lines.append("aligned rows: " + ", ".join(f"{name} {n}" for name, n in self.aligned.items()))
        return lines

    def summary(self) -> dict[str, Any]:
        """Return the same for JSON."""
        return {name: getattr(self, name) for name in ("sizes", "classes", "modalities", "aligned")}
