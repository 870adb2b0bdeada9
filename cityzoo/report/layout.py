"""What the page of a report shows of one kind of task: cards, numbers, tables, pictures, curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Card:
    """Hold one of the large figures at the top.

    Attributes:
        key: where the figure lies in report.json, e.g. "operating_point.recall".
        title: its name.
        note: what it says, a few words.
        shown_as: "score" (three digits) or "share" (per cent).
    """

    key: str
    title: str
    note: str
    shown_as: str = "score"


@dataclass(frozen=True)
class Table:
    """Hold a table of a report; numbers are taken from the report by key, so that both always agree.

    Attributes:
        title: above the table.
        key: where a mapping lies in report.json: a row for each of its entries.
        columns: key within a row to (heading, "score", "share", "count", "text" or "bar").
        note: below the title, one sentence.
        coloured: whether rows carry the colours that classes have in pictures.
    """

    title: str
    key: str
    columns: Mapping[str, tuple[str, str]]
    note: str = ""
    coloured: bool = False


@dataclass(frozen=True)
class Layout:
    """Hold what is shown, in this order.

    Attributes:
        cards: the first one stands out.
        meanings: figure to what it says, a row each; those absent from a report are left out.
        lower: figures that are better when lower.
        neutral: figures that are better neither way.
        remark: below the cards, with {keys} of the report for its numbers; shown if there are any.
        tables: further tables.
        pictures: stem of a PNG in the run folder to its title.
        legend: how to read the pictures: (style of the key: "found", "missed" or "", words).
        curves: column of history.csv to the name of its line.
        curve_note: above the curves.
    """

    cards: Sequence[Card]
    meanings: Mapping[str, str]
    lower: Sequence[str] = ()
    neutral: Sequence[str] = ()
    remark: str = ""
    tables: Sequence[Table] = ()
    pictures: Mapping[str, str] = field(default_factory=dict)
    legend: Sequence[tuple[str, str]] = ()
    curves: Mapping[str, str] = field(default_factory=dict)
    curve_note: str = ""


def look_up(report: Mapping[str, Any], key: str) -> Any:
    """Return what lies in a report under a key with dots between levels; None where nothing does.

    Example:
        >>> look_up({"operating_point": {"score": 0.4}}, "operating_point.score"), look_up({}, "a.b")
        (0.4, None)
    """
    value: Any = report
    for word in key.split("."):
        value = value.get(word) if isinstance(value, Mapping) else None
    return value
