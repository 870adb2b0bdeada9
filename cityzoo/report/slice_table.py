"""Slices of a report as rows of a table, with bars on a common scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from cityzoo.metrics.keys import look_up, pointer
from cityzoo.report.number_format import is_number

NOT_METRICS = ("n", "low", "high")


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
    rows = {
        by: [
            SliceRow(
                name,
                pointer("slices", by, name),
                _per_cent(cell.get(metric), top),
                _per_cent(cell.get("low"), top),
                _per_cent(cell.get("high"), top),
                (by, name) == (worst.get("by"), worst.get("name")),
            )
            for name, cell in parts.items()
        ]
        for by, parts in slices.items()
        if parts
    }
    overall = worst.get("overall")
    return SliceRows(metric, rows, _per_cent(look_up(report, metric) if overall is None else overall, top))


def _per_cent(value: float | None, top: float) -> float | None:
    return round(100 * min(max(value / top, 0.0), 1.0), 1) if is_number(value) else None
