"""Page that compares runs."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError
from cityzoo.listing.runs import DAMAGED, FINISHED, RunRow, as_dicts
from cityzoo.report.layout import Card, Columns, Layout, Table
from cityzoo.report.write import write_report

COLUMNS: Columns = {
    "state": ("state", "text"),
    "report": ("report", "link"),
    "task": ("task", "text"),
    "backbone": ("backbone", "text"),
    "date": ("date", "text"),
    "metric": ("metric", "name"),
    "value": ("value", "score"),
    "interval": ("95 % interval", "interval"),
    "minutes": ("minutes", "count"),
    "megabytes": ("MB", "count"),
    "data": ("data", "text"),
}
REASONS: Columns = {"state": ("state", "text"), "reason": ("why", "text")}
CARDS = (
    Card("n_runs", "runs", "found", "count"),
    Card("n_finished", "finished", "with a report", "count"),
    Card("n_damaged", "damaged", "listed below with the reason", "count"),
    Card("megabytes", "megabytes", "on disk", "count"),
)


def write_page(rows: list[RunRow], root: Path, page: Path) -> Path:
    """Write the page and, next to it, its numbers as JSON; return the page.

    Args:
        rows: in the order of the table.
        root: folder that was searched.
        page: file to write, .html.

    Raises:
        InputError: not an .html file, or it cannot be written.
    """
    if page.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--out '{page}' is not a page: give a name that ends in .html")
    states = Counter(row.state for row in rows)
    report: dict[str, Any] = {
        "task": "Runs",
        "n_runs": len(rows),
        "n_finished": states[FINISHED],
        "n_damaged": states[DAMAGED],
        "megabytes": round(sum(row.megabytes for row in rows), 1),
        "runs": {
            row["folder"]: {**row, "report": _find_report(root / row["folder"], page)}
            for row in as_dicts(rows)
        },
        "not_finished": {
            row.folder: {"state": row.state, "reason": row.reason} for row in rows if row.reason
        },
    }
    layout = Layout(
        cards=CARDS,
        meanings={},
        subtitle="A click on a heading sorts by it, a second one the other way round. Metrics are comparable within a "
        "task and the same held-out data.",
        headline=Table("All runs", "runs", COLUMNS, sortable=True),
        tables=(Table("Not finished", "not_finished", REASONS),) if report["not_finished"] else (),
    )
    try:
        return write_report(page.parent, report, layout, (f"{page.stem}.json", page.name))[1]
    except OSError as error:
        raise InputError(f"--out '{page}' cannot be written ({error.strerror}): give another name") from error


def _find_report(run: Path, page: Path) -> str | None:
    file = run / "report.html"
    return Path(os.path.relpath(file, page.parent)).as_posix() if file.is_file() else None
