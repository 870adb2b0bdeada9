"""What the page of a report shows of one kind of task: cards, numbers, tables, charts, images, curves.

Every `key` is the place of a figure in report.json as `cityzoo.metrics.keys` writes it: "operating_point/recall".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Card:
    """Hold one of the large figures at the top.

    Attributes:
        key: where the figure lies in report.json, e.g. "operating_point/recall".
        title: its name.
        note: what it says, a few words.
        shown_as: "score" (three digits), "share" (per cent), "signed" or "count".
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
        key: where a mapping or a list lies in report.json: a row for each of its entries.
        columns: place within a row ("" for the entry itself) to (heading, how it is shown): "score", "share", "count",
            "text", "signed", "bar" (a figure of 0..1 with a bar), "heat" (a count on a ground that tells its share of
            the row, as in a confusion matrix) or "interval" ([low, high]).
        note: below the title, one sentence.
        coloured: whether rows carry the colours that classes have in images.
    """

    title: str
    key: str
    columns: Mapping[str, tuple[str, str]]
    note: str = ""
    coloured: bool = False


@dataclass(frozen=True)
class Chart:
    """Hold lines or points to draw; numbers are taken from the report by key.

    Attributes:
        title: above the chart.
        key: where a mapping lies in report.json: name of a line to {x: [...], y: [...]}; or {x: [...], y: [...]} itself
            for a single line without a name.
        x: key of the numbers along the horizontal axis in each line; after a "/" the place in report.json of numbers
            that all lines share.
        y: the same for the vertical axis.
        x_label: what the horizontal axis shows.
        y_label: what the vertical axis shows.
        note: below the title, one sentence.
        style: "lines", "points" or "steps" (flat up to the next point).
        diagonal: whether a grey line marks x = y.
        unit_square: whether both axes go from 0 to 1.
        size: key of numbers in each line by which the area of its points grows, such as how many answers a point stands
            for; "" for points of one size.
    """

    title: str
    key: str
    x: str
    y: str
    x_label: str
    y_label: str
    note: str = ""
    style: str = "lines"
    diagonal: bool = False
    unit_square: bool = False
    size: str = ""


@dataclass(frozen=True)
class Section:
    """Hold a part of the page of its own, there where report.json has its key.

    Attributes:
        title: its heading and its line in the contents.
        key: where its figures lie.
        note: below the heading, one sentence.
        cards: its main figures.
        tables: its tables.
        charts: its charts.
        images: stem of a PNG in the run folder to its title.
        remarks: sentences with {keys} of the report for its numbers, or {key|share} and the other ways to show them;
            one with a key of which nothing is known is left out.
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
    """Hold what is shown, in this order.

    Attributes:
        cards: the first one stands out.
        meanings: figure to what it says, a row each; those absent from a report are left out.
        lower: figures that are better when lower.
        neutral: figures that are better neither way.
        remark: below the cards, with {keys} of the report for its numbers, as in `Section.remarks`.
        tables: further tables.
        charts: further charts.
        sections: parts of their own, after the slices.
        images: stem of a PNG in the run folder to its title.
        legend: how to read the images: (style of the key: "found", "missed" or "", words).
        curves: column of history.csv to the name of its line.
        curve_note: above the curves.
        lists_figures: whether the page lists all of `meanings`; False where its tables say them already.
    """

    cards: Sequence[Card]
    meanings: Mapping[str, str]
    lower: Sequence[str] = ()
    neutral: Sequence[str] = ()
    remark: str = ""
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    sections: Sequence[Section] = ()
    images: Mapping[str, str] = field(default_factory=dict)
    legend: Sequence[tuple[str, str]] = ()
    curves: Mapping[str, str] = field(default_factory=dict)
    curve_note: str = ""
    lists_figures: bool = True
