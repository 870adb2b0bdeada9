"""The figures of a report as the page shows them: rounded, with their place and their unrounded value in the markup."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cityzoo.metrics.keys import look_up, pointer
from cityzoo.report.layout import Table
from cityzoo.report.number_format import (
    DASH,
    count,
    duration,
    interval_ends,
    is_number,
    named,
    score,
    share,
    signed,
    text,
)

if TYPE_CHECKING:
    from markupsafe import Markup

PLACE = re.compile(r"\{([^{}|]+)(?:\|(\w+))?\}")  # {place} or {place|how}
SHOWN: Mapping[str, Callable[[Any], str]] = {
    **{"score": score, "bar": score, "share": share, "count": count, "heat": count},
    **{"signed": signed, "text": text, "duration": duration},
}


def figure(report: Mapping[str, Any], place: str, shown_as: str = "score") -> Markup | str:
    """Return what lies at a place of the report as markup that carries the place and the unrounded value.

    Args:
        report: plain JSON values.
        place: a pointer, as `pointers.pointer` makes them.
        shown_as: "score", "share", "count", "signed", "text", "duration", "bar", "heat", "name" (of a figure,
            in words) or "interval" (of [low, high]).

    Returns:
        One `<data>` element, two for an interval, the text itself for text, a dash for nothing.

    Example:
        >>> figure({"AP": 0.12345}, "AP")
        Markup('<data data-key="AP" value="0.12345">0.123</data>')
    """
    value = look_up(report, place)
    if shown_as == "interval":
        ends = [f"{place}/{pointer(end)}" for end in (0, 1)]
        return between(report, *ends)
    if value is None or isinstance(value, str):
        return named(value) if value and shown_as == "name" else text(value)
    how = SHOWN.get(shown_as, text) if is_number(value) else text
    return _data(place, value, how(value))


def between(report: Mapping[str, Any], low: str, high: str) -> Markup | str:
    """Return the interval whose ends lie at two places of the report, as markup like that of `figure`.

    Example:
        >>> import re
        >>> re.sub("<.*?>", "", between({"low": 0.25, "high": 0.5}, "low", "high"))
        '.25 to .50'
    """
    from markupsafe import Markup

    ends = look_up(report, low), look_up(report, high)
    if not all(map(is_number, ends)):
        return DASH
    shown = [
        _data(place, end, said)
        for place, end, said in zip((low, high), ends, interval_ends(*ends), strict=True)
    ]
    return Markup('<span class="interval">{} to {}</span>').format(*shown)


def parts_of(report: Mapping, sentence: str) -> list[tuple[str, str, str]]:
    """Return the parts of a sentence with {places} of figures, or {place|share} and so on.

    Returns:
        words, the place that follows them ("" at the end) and how to show it; nothing where one is not known.

    Example:
        >>> parts_of({"n": 3}, "On {n|count} images."), parts_of({}, "On {n|count} images.")
        ([('On ', 'n', 'count'), (' images.', '', '')], [])
    """
    *pieces, end = PLACE.split(sentence)  # words, place, how, words, place, how ... words
    parts = [(*pieces[start : start + 2], pieces[start + 2] or "score") for start in range(0, len(pieces), 3)]
    known = all(look_up(report, place) is not None for _, place, _ in parts)
    return [*parts, (end, "", "")] if sentence and known else []


def rows_of(report: Mapping, table: Table) -> list[tuple[str, str]]:
    """Return the name and the place of each row of a table; those of a list are numbered from 1.

    An entry that is no mapping or list is a row where a column is the entry itself.

    Example:
        >>> rows_of({"top_k": {"2": 0.9}}, Table("", "top_k", {"": ("share", "score")}))
        [('2', 'top_k/2')]
    """
    found = look_up(report, table.key)
    rows = found.items() if isinstance(found, Mapping) else enumerate(found)
    kept = [name for name, row in rows if "" in table.columns or isinstance(row, Mapping | Sequence)]
    numbered = not isinstance(found, Mapping)
    return [(str(name + 1 if numbered else name), f"{table.key}/{pointer(name)}") for name in kept]


def heat_total(report: Mapping, row: str, table: Table) -> float:
    """Return the sum of a row's "heat" columns.

    Args:
        report: plain JSON values.
        row: its place.
        table: names the columns.
    """
    counts = (look_up(report, f"{row}/{key}") for key, (_, how) in table.columns.items() if how == "heat")
    return sum(each for each in counts if is_number(each))


def percent(value: Any) -> float:
    """Return a share as per cent, 0 to 100, for the width of a bar; 0 for none.

    Example:
        >>> percent(0.1234), percent(-1), percent(None)
        (12.3, 0.0, 0.0)
    """
    return round(min(max(100 * value, 0.0), 100.0), 1) if is_number(value) else 0.0


def _data(place: str, value: object, shown: str) -> Markup:
    from markupsafe import Markup

    raw = json.dumps(value, ensure_ascii=False)
    return Markup('<data data-key="{}" value="{}">{}</data>').format(place, raw, shown)
