"""Layout of a report page: cards, metrics, tables, charts, images, curves.

Every `key` is the place of a number in report.json as `cityzoo.metrics.keys` writes it: "operating_point/recall".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

# score: three digits; share: per cent; bar: a number of 0..1 with a bar; heat: a count on a background for its share of
# the row, as in a confusion matrix; interval: of [low, high]; name: of a metric, in words; link: of a file next to the
# page, by its relative path; weights: pairs of a word and its weight, -1..1, as words on colored backgrounds.
ShownAs = Literal[
    "score",
    "share",
    "signed",
    "count",
    "text",
    "bar",
    "heat",
    "interval",
    "duration",
    "name",
    "link",
    "weights",
]
Columns = Mapping[str, tuple[str, ShownAs]]  # place within a row ("" for the entry itself) -> heading, format


@dataclass(frozen=True)
class Card:
    """A large number at the top.

    Attributes:
        key: its place in report.json, e.g. "operating_point/recall".
        title: its name.
        note: what it means, a few words.
        shown_as: its number format.
    """

    key: str
    title: str
    note: str
    shown_as: Literal["score", "share", "signed", "count"] = "score"


@dataclass(frozen=True)
class Table:
    """A table of numbers that are looked up in the report, so that both always agree.

    Attributes:
        title: above the table.
        key: place of a mapping or a list in report.json: one row per entry.
        columns: of the table.
        note: below the title, one sentence.
        colored: whether rows carry the colors that classes have in images.
        most: rows that are shown, the first ones; 0: all.
        sortable: whether a click on a heading sorts the rows; the page then has a script, otherwise pages have none.
    """

    title: str
    key: str
    columns: Columns
    note: str = ""
    colored: bool = False
    most: int = 0
    sortable: bool = False


@dataclass(frozen=True)
class Chart:
    """Lines or points to draw; numbers are looked up in the report.

    Attributes:
        title: above the chart.
        key: place of a mapping in report.json: name of a line -> {x: [...], y: [...]}, or {x: [...], y: [...]} itself
            for a single line without a name.
        x: key of the horizontal values in each line; after a "/" the place in report.json of values that all lines
            share.
        y: key of the vertical values.
        x_label, y_label: of the axes.
        note: below the title, one sentence.
        style: "steps" lines are flat up to the next point.
        diagonal: whether a gray line marks x = y.
        unit_square: whether both axes go from 0 to 1.
        from_zero: whether the vertical axis begins at 0, unless values are below.
        size: key of values in each line that the area of its points grows with; "" for points of one size.
    """

    title: str
    key: str
    x: str
    y: str
    x_label: str
    y_label: str
    note: str = ""
    style: Literal["lines", "points", "steps"] = "lines"
    diagonal: bool = False
    unit_square: bool = False
    size: str = ""
    from_zero: bool = True


@dataclass(frozen=True)
class Section:
    """A section of the page with its own heading, left out where report.json lacks its key.

    Attributes:
        title: its heading and its line in the contents.
        key: place of its numbers.
        note: below the heading, one sentence.
        cards, tables, charts: its contents.
        images: stem of a PNG in the run folder -> its title.
        remarks: sentences with {key} or {key|number format} for numbers; left out where the report lacks one of them.
    """

    title: str
    key: str
    note: str = ""
    cards: Sequence[Card] = ()
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    images: Mapping[str, str] = field(default_factory=dict)
    remarks: Sequence[str] = ()


@dataclass(frozen=True)
class Layout:
    """Contents of a page, in this order.

    Attributes:
        cards: the first one stands out.
        subtitle: below the page's title, one sentence; "": on how many examples was evaluated.
        meanings: metric -> what it means, one row each; those that the report lacks are left out.
        lower: metrics that are better when lower.
        neutral: metrics that are neither better when lower nor when higher.
        remark: below the cards, as in `Section.remarks`.
        headline: table below the cards, such as baselines.
        tables, charts: in detail.
        sections: after the slices.
        images: stem of a PNG in the run folder -> its title.
        legend: of the images: (style of the key: "found", "missed" or "", words).
        curves: column of history.csv -> name of its line.
        curve_note: above the curves.
    """

    cards: Sequence[Card]
    meanings: Mapping[str, str]
    lower: Sequence[str] = ()
    neutral: Sequence[str] = ()
    remark: str = ""
    subtitle: str = ""
    headline: Table | None = None
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    sections: Sequence[Section] = ()
    images: Mapping[str, str] = field(default_factory=dict)
    legend: Sequence[tuple[str, str]] = ()
    curves: Mapping[str, str] = field(default_factory=dict)
    curve_note: str = ""
