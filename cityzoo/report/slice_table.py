"""The slices of a report as rows of a table, with bars on one scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from cityzoo.metrics.keys import look_up, pointer
from cityzoo.report.number_format import is_number

BESIDES = ("n", "low", "high")  # what a slice says besides its figure


class SliceRow(NamedTuple):
    """Hold a slice: name, place in report.json, and per cents of the scale for its bar; None where not known."""

    name: str
    place: str
    value: float | None
    low: float | None
    high: float | None
    worst: bool


class SliceRows(NamedTuple):
    """Hold the slices of a report by what they are cut by.

    Attributes:
        figure: what is judged.
        rows: attribute to its slices.
        overall: the figure of all images, per cent of the scale.
    """

    figure: str
    rows: dict[str, list[SliceRow]]
    overall: float | None


def slice_rows(report: Mapping[str, Any]) -> SliceRows:
    """Return the slices of a report; the scale goes to 1, or further where a figure or an interval does.

    Example:
        >>> shown = slice_rows({"AP": 0.5, "slices": {"brightness": {"night": {"n": 9, "AP": 0.25, "low": 0.1}}}})
        >>> shown.figure, shown.overall, shown.rows["brightness"][0].value, shown.rows["brightness"][0].place
        ('AP', 50.0, 25.0, 'slices/brightness/night')
    """
    slices, worst = report.get("slices") or {}, report.get("worst_slice") or {}
    cells = [cell for parts in slices.values() for cell in parts.values()]
    figure = worst.get("figure") or next((key for cell in cells for key in cell if key not in BESIDES), "")
    known = [cell.get(key) for cell in cells for key in (figure, "high")]
    top = max([1.0, *filter(is_number, known)])
    rows = {
        by: [
            SliceRow(
                name,
                pointer("slices", by, name),
                *(_per_cent(cell.get(key), top) for key in (figure, "low", "high")),
                (by, name) == (worst.get("by"), worst.get("name")),
            )
            for name, cell in parts.items()
        ]
        for by, parts in slices.items()
        if parts
    }
    overall = worst.get("overall")
    return SliceRows(figure, rows, _per_cent(look_up(report, figure) if overall is None else overall, top))


def _per_cent(value: float | None, top: float) -> float | None:
    return round(100 * min(max(value / top, 0.0), 1.0), 1) if is_number(value) else None
