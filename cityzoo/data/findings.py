"""Findings of a data check, of any modality: counts and the first places of each kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from cityzoo.errors import InputError, escape_control

FIRST = 5  # places that are listed per kind; the rest is only counted


@dataclass
class BaseFindings:
    """Counts and first places of what a check found; `text` is for the terminal, `as_dict` for report.json.

    A modality defines the class attributes and the methods `header` and `summary`.
    """

    kinds: ClassVar[Mapping[str, str]] = {}  # meaning of each kind of finding, in the order of the report
    # kinds with several findings per place, so that fewer places than findings are complete
    summed: ClassVar[Collection[str]] = ()
    unused: ClassVar[
        Collection[str]
    ] = ()  # kinds that stand for data that is not used, which --strict refuses
    source: str  # path or name of the data
    format: str  # format of the data
    counts: Counter[str] = field(default_factory=Counter)  # number of findings by kind
    first: dict[str, list[str]] = field(default_factory=dict)  # first places by kind, at most `FIRST`

    def add(self, kind: str, place: str = "", count: int = 1) -> None:
        """Count findings of a kind in `kinds`, with a place such as "labels/a.txt:3", if any."""
        self.counts[kind] += count
        places, place = self.first.setdefault(kind, []), escape_control(place)
        if place and len(places) < FIRST:
            places.append(place)

    def total(self, kinds: Iterable[str]) -> int:
        """Return the number of findings of several kinds."""
        return sum(self.counts[kind] for kind in kinds)

    def places(self, kind: str) -> str:
        """Return the first places of a kind of finding, with an ellipsis if there are more."""
        places = self.first.get(kind, [])
        more = places and self.counts[kind] > len(places) and kind not in self.summed
        return ", ".join(places) + (", ..." if more else "")

    def line(self, kind: str, remark: str = "") -> str:
        """Return a kind of finding in one line: meaning, count, first places."""
        places = self.places(kind)
        return f"{self.kinds[kind]}{remark}: {self.counts[kind]}" + (f" ({places})" if places else "")

    def require_all_used(self) -> None:
        """Raise InputError, for --strict, if a part of the data is not used."""
        lines = [
            self.line(kind, self.remark(kind))
            for kind in self.kinds
            if kind in self.unused and self.counts[kind]
        ]
        if lines:
            raise InputError(
                f"--strict, and not all of '{self.source}' is used: {'; '.join(lines)}; correct or remove these, or "
                "leave out --strict"
            )

    def remark(self, kind: str) -> str:
        """Return what `text` adds to the meaning of a kind."""
        return ""

    def header(self) -> list[str]:
        """Return lines that describe the data itself."""
        return []

    def summary(self) -> dict[str, Any]:
        """Return the description of the data itself, for JSON."""
        return {}

    def text(self) -> str:
        """Return the report: the data itself, then one line per kind of finding."""
        found = (self.line(kind, self.remark(kind)) for kind in self.kinds if self.counts[kind])
        lines = (f"  {line}" for line in (*self.header(), *found))
        return "\n".join((f"data: {self.source} ({self.format})", *lines))

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain dicts and lists, for JSON."""
        found = {
            kind: {"count": self.counts[kind], "first": list(self.first.get(kind, []))}
            for kind in self.kinds
            if self.counts[kind]
        }
        return {"source": self.source, "format": self.format, **self.summary(), "findings": found}
