"""Findings of the check of sounds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from cityzoo.data.findings import BaseFindings

KINDS = {
    "unused file": "files that are not used",
    "unused column": "columns that are not used",
    "missing": "files that the table names and that are not there, left out",
    "broken": "files that cannot be decoded, left out",
    "cut off": "files that end before their header says, used as far as they go",
    "empty": "files shorter than 20 ms, left out",
    "no label": "sounds without a label, left out",
    "dropped class": "sounds of classes that are not trained, left out",
    "silent": "sounds that are silence throughout (kept: label them as background, or remove them)",
    "clipped": "sounds with more than 0.1 % of their samples at full scale: recorded too loud (kept)",
    "short": "sounds shorter than 0.1 s (kept)",
    "long": "sounds longer than a minute (kept: training takes a random part of them)",
    "duplicate": "sounds that occur several times in one split with one label, kept once",
    "across splits": "sounds of val that train has too, left out of val",
    "contradiction": "equal sounds with different labels, the most frequent kept",
    "shared group": "speakers or groups that are in train and in val: metrics say nothing about others (kept)",
}
UNUSED = (
    "unused file",
    "unused column",
    "missing",
    "broken",
    "cut off",
    "empty",
    "no label",
    "dropped class",
)


@dataclass
class AudioFindings(BaseFindings):
    """What the check of sounds found."""

    kinds: ClassVar[Mapping[str, str]] = KINDS
    unused: ClassVar[Collection[str]] = UNUSED
    sizes: dict[str, int] = field(default_factory=dict)  # sounds by split
    classes: dict[str, int] = field(default_factory=dict)  # sounds of train by class
    groups: dict[str, int] = field(default_factory=dict)  # groups by split
    rates: dict[str, int] = field(default_factory=dict)  # files by sample rate, Hz
    seconds: dict[str, float] = field(default_factory=dict)  # median, longest and sum of the durations
    named_by: str = ""  # pattern that labels and groups were read from file names by

    def header(self) -> list[str]:
        """Return the sizes of the splits, the classes, groups, durations and sample rates."""
        sizes = ", ".join(f"{count} {split}" for split, count in self.sizes.items())
        ordered = sorted(self.classes.items(), key=lambda item: (-item[1], item[0]))
        shown = ", ".join(f"{name} {count}" for name, count in ordered[:8]) + (
            ", ..." if len(ordered) > 8 else ""
        )
        lines = [f"sounds: {sizes}", f"classes: {len(ordered)} ({shown})"]
        if self.named_by:
            lines.append(
                f"labels and groups are read from file names as {self.named_by} (see --name-pattern)"
            )
        if self.groups:
            lines.append("groups: " + ", ".join(f"{count} {split}" for split, count in self.groups.items()))
        if self.seconds:
            median, longest, total = (self.seconds[key] for key in ("median", "longest", "sum"))
            lines.append(
                f"seconds: median {median:.2f}, longest {longest:.2f}, in total {total / 60:.1f} min"
            )
        if self.rates and set(self.rates) != {"16000"}:
            rates = ", ".join(f"{rate} Hz {count}" for rate, count in self.rates.items())
            lines.append(f"sample rates: {rates}; converted to 16000 Hz")
        return lines

    def summary(self) -> dict[str, Any]:
        """Return the same for JSON."""
        names = ("sizes", "classes", "groups", "seconds", "rates", "named_by")
        return {name: getattr(self, name) for name in names}
