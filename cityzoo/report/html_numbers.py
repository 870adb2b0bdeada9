"""Numbers of a report as markup: rounded, with their place in report.json and their unrounded value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cityzoo.metrics.keys import look_up, pointer
from cityzoo.report.layout import ShownAs, Table
from cityzoo.report.number_format import (
    DASH,
    format_count,
    format_duration,
    format_interval_ends,
    format_score,
    format_share,
    format_signed,
    format_text,
    is_number,
    metric_label,
)

if TYPE_CHECKING:
    from markupsafe import Markup

PLACE = re.compile(r"\{([^{}|]+)(?:\|(\w+))?\}")  # {place} or {place|number format}
NOT_METRICS = ("n", "low", "high")  # other keys of a slice
FORMATS: Mapping[str, Callable[[Any], str]] = {
    "score": format_score,
    "bar": format_score,
    "share": format_share,
    "count": format_count,
    "heat": format_count,
    "signed": format_signed,
    "text": format_text,
    "duration": format_duration,
}


class SliceRow(NamedTuple):
    """A slice: name, place in report.json, and its bar in per cent of the scale; None if unknown."""

    name: str
    place: str
    value: float | None
    low: float | None
    high: float | None
    worst: bool


class SliceRows(NamedTuple):
    """Slices of a report.

    Attributes:
        metric: place of the metric.
        rows: attribute -> its slices.
        overall: the metric of all images, per cent of the scale.
    """

    metric: str
    rows: dict[str, list[SliceRow]]
    overall: float | None


def render_number(report: Mapping[str, Any], place: str, shown_as: ShownAs = "score") -> Markup | str:
    """Return the markup of a number: one `<data>` element, two for an interval; text as it is, a dash for None.

    Args:
        report: plain JSON values.
        place: a pointer, see `cityzoo.metrics.keys.pointer`.
        shown_as: number format.

    Example:
        >>> render_number({"AP": 0.12345}, "AP")
        Markup('<data data-key="AP" value="0.12345">0.123</data>')
    """
    value = look_up(report, place)
    if shown_as == "interval":
        return render_interval(report, f"{place}/0", f"{place}/1")
    if value is None or isinstance(value, str):
        return metric_label(value) if value and shown_as == "name" else format_text(value)
    formatted = FORMATS.get(shown_as, format_text) if is_number(value) else format_text
    return _data(place, value, formatted(value))


def render_interval(report: Mapping[str, Any], low: str, high: str) -> Markup | str:
    """Return the markup of an interval with its ends at two places of the report.

    Example:
        >>> import re
        >>> re.sub("<.*?>", "", render_interval({"low": 0.25, "high": 0.5}, "low", "high"))
        '.25 to .50'
    """
    from markupsafe import Markup

    ends = look_up(report, low), look_up(report, high)
    if not all(map(is_number, ends)):
        return DASH
    shown = [
        _data(place, end, words)
        for place, end, words in zip((low, high), ends, format_interval_ends(*ends), strict=True)
    ]
    return Markup('<span class="interval">{} to {}</span>').format(*shown)


def split_sentence(report: Mapping[str, Any], sentence: str) -> list[tuple[str, str, str]]:
    """Return the parts of a sentence with {place} or {place|number format} in it.

    Returns:
        text, the place that follows it ("" at the end) and its number format; nothing if the report lacks a place.

    Example:
        >>> split_sentence({"n": 3}, "On {n|count} images."), split_sentence({}, "On {n|count} images.")
        ([('On ', 'n', 'count'), (' images.', '', '')], [])
    """
    *pieces, end = PLACE.split(sentence)  # text, place, format, text, place, format ... text
    starts = range(0, len(pieces), 3)
    parts = [(pieces[i], pieces[i + 1], pieces[i + 2] or "score") for i in starts]
    known = all(look_up(report, place) is not None for _, place, _ in parts)
    return [*parts, (end, "", "")] if sentence and known else []


def table_rows(report: Mapping[str, Any], table: Table) -> list[tuple[str, str]]:
    """Return the name and the place of each shown row of a table; entries of a list are numbered from 1.

    An entry that is neither a mapping nor a list is a row only if a column is the entry itself.

    Example:
        >>> table_rows({"top_k": {"2": 0.9}}, Table("", "top_k", {"": ("share", "score")}))
        [('2', 'top_k/2')]
    """
    found = look_up(report, table.key)
    rows = found.items() if isinstance(found, Mapping) else enumerate(found)
    kept = [name for name, row in rows if "" in table.columns or isinstance(row, Mapping | Sequence)]
    numbered, kept = not isinstance(found, Mapping), kept[: table.most or None]
    return [(str(name + 1 if numbered else name), f"{table.key}/{pointer(name)}") for name in kept]


def heat_total(report: Mapping[str, Any], row: str, table: Table) -> float:
    """Return the sum of the "heat" columns of the row at a place."""
    counts = (look_up(report, f"{row}/{key}") for key, (_, how) in table.columns.items() if how == "heat")
    return sum(each for each in counts if is_number(each))


def percent(value: Any) -> float:
    """Return a share in per cent, 0 to 100, for the width of a bar; 0 for None.

    Example:
        >>> percent(0.1234), percent(-1), percent(None)
        (12.3, 0.0, 0.0)
    """
    return round(min(max(100 * value, 0.0), 100.0), 1) if is_number(value) else 0.0


def slice_rows(report: Mapping[str, Any]) -> SliceRows:
    """Return the slices of a report; the scale ends at 1 or at the largest value.

    Example:
        >>> shown = slice_rows({"AP": 0.5, "slices": {"brightness": {"night": {"n": 9, "AP": 0.25, "low": 0.1}}}})
        >>> shown.metric, shown.overall, shown.rows["brightness"][0].value, shown.rows["brightness"][0].place
        ('AP', 50.0, 25.0, 'slices/brightness/night')
    """
    slices, worst = report.get("slices") or {}, report.get("worst_slice") or {}
    cells = [cell for parts in slices.values() for cell in parts.values()]
    metric = worst.get("figure") or next(
        (key for cell in cells for key in cell if key not in NOT_METRICS), ""
    )
    known = [cell.get(key) for cell in cells for key in (metric, "high")]
    top = max([1.0, *filter(is_number, known)])
    weakest = worst.get("by"), worst.get("name")

    def row(by: str, name: str, cell: Mapping[str, Any]) -> SliceRow:
        value, low, high = (_per_cent(cell.get(key), top) for key in (metric, "low", "high"))
        return SliceRow(name, pointer("slices", by, name), value, low, high, (by, name) == weakest)

    rows = {
        by: [row(by, name, cell) for name, cell in parts.items()] for by, parts in slices.items() if parts
    }
    overall = worst.get("overall")
    return SliceRows(metric, rows, _per_cent(look_up(report, metric) if overall is None else overall, top))


def _data(place: str, value: object, shown: str) -> Markup:
    from markupsafe import Markup

    raw = json.dumps(value, ensure_ascii=False)
    return Markup('<data data-key="{}" value="{}">{}</data>').format(place, raw, shown)


def _per_cent(value: float | None, top: float) -> float | None:
    return percent(value / top) if is_number(value) else None
