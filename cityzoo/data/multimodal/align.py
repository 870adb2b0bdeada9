"""Align rows of parts, which have times of their own, with the rows of a table."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from cityzoo.data.multimodal.examples import MODALITIES
from cityzoo.data.multimodal.findings import MultimodalFindings
from cityzoo.data.multimodal.tables import RawRow


def align(
    rows: Sequence[RawRow], part: Sequence[RawRow], name: str, within: float, findings: MultimodalFindings
) -> list[RawRow]:
    """Return the rows with the cells of a part: each of its rows goes to the row nearest in time.

    Where both name a place, it must be the same. Of several rows of the part at one row, the nearest is used; cells
    that are filled already stay.

    Args:
        rows: of the table.
        part: other rows.
        name: of the part, for the findings.
        within: largest distance in seconds.
        findings: count the rows that are not aligned, with their places.

    Example:
        >>> from pathlib import Path
        >>> table = [RawRow(Path("a.csv"), "a.csv:2", {"label": "jam"}, time=100.0)]
        >>> part = [RawRow(Path("b.csv"), f"b.csv:{line}", {"text": "slow"}, time=line) for line in (90.0, 500.0)]
        >>> findings = MultimodalFindings("a.csv", "csv")
        >>> align(table, part, "b.csv", 30, findings)[0].values["text"]
        'slow'
        >>> findings.first["not aligned"]
        ['b.csv:500.0']
    """
    by_place: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for number, row in enumerate(rows):
        if row.time is not None:
            for place in {"", str(row.values.get("place", ""))}:
                by_place[place].append((row.time, number))
    for times in by_place.values():
        times.sort()
    anywhere = [(row.time, number) for number, row in enumerate(rows) if row.time is not None]
    placeless = sorted(each for each in anywhere if "place" not in rows[each[1]].values)
    chosen: dict[int, tuple[float, RawRow]] = {}
    for row in part:
        place = str(row.values.get("place", ""))
        found = _nearest(row, [by_place.get(place, []), placeless if place else []], within)
        if found is None:
            findings.add("not aligned", row.place_in_file)
            continue
        distance, number = found
        if number in chosen:
            worse = row if chosen[number][0] <= distance else chosen[number][1]
            findings.add("aligned twice", worse.place_in_file)
            if worse is row:
                continue
        chosen[number] = (distance, row)
    findings.aligned[name] = len(chosen)
    return [_merge(row, chosen[number][1]) if number in chosen else row for number, row in enumerate(rows)]


def _nearest(
    row: RawRow, lists: Sequence[list[tuple[float, int]]], within: float
) -> tuple[float, int] | None:
    """Return distance in seconds and number of the nearest row; None where none is near enough."""
    if row.time is None:
        return None
    near: list[tuple[float, int]] = []
    for times in lists:
        at = bisect.bisect(times, (row.time, -1))
        near += [(abs(time - row.time), number) for time, number in times[max(0, at - 1) : at + 1]]
    best = min(near, default=None)
    return best if best is not None and best[0] <= within else None


def _merge(row: RawRow, other: RawRow) -> RawRow:
    new = {name: other.values[name] for name in MODALITIES if name in other.values and name not in row.values}
    # Files are named relative to the table that names them.
    origins = {f"{name} file": other.file for name in new}
    return replace(row, values={**row.values, **new, **origins})
