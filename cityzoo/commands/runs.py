"""List run folders: task, backbone, date, metric with interval, minutes, megabytes; damaged ones with the reason."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cityzoo import cli
from cityzoo.errors import unknown

PROG = "python -m cityzoo runs"
EXAMPLES = f"""\
examples:
  {PROG}
  {PROG} experiments/ --task vehicle_detect --sort metric
  {PROG} --out runs.html             a page with columns to sort by
"""
HEADINGS = {
    "folder": "run",
    "task": "task",
    "backbone": "backbone",
    "date": "date",
    "metric": "metric",
    "value": "value",
    "interval": "95 % interval",
    "minutes": "minutes",
    "megabytes": "MB",
    "data": "data",
    "state": "state",
}
SORTS = ("date", "metric", "minutes", "megabytes", "folder", "task", "backbone", "data")


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=__doc__, epilog=EXAMPLES)
    add = parser.add_argument
    add("folder", nargs="?", default="runs", metavar="FOLDER", help="searched for runs (default: runs)")
    add("--task", metavar="NAME", help="runs of this task alone")
    about = "dates and numbers from the largest, words from A to Z (default: date)"
    add("--sort", choices=SORTS, default="date", help=about)
    add("--reverse", action="store_true", help="the other way round")
    add("--json", action="store_true", help="print JSON")
    add("--out", metavar="PAGE.html", type=Path, help="write a page that compares the runs")
    return parser


def main(arguments: Sequence[str]) -> int:
    """List runs as the flags say; return 0."""
    given = _parser().parse_args(arguments)
    from cityzoo.listing import runs
    from cityzoo.listing.page import write_page

    root = Path(given.folder)
    found = [] if given.folder == "runs" and not root.exists() else runs.find_runs(root)
    rows = runs.sort_rows(found, given.sort, given.reverse)
    if given.task and found:
        rows = [row for row in rows if row.task == given.task]
        if not rows:
            raise unknown("task of these runs", given.task, {row.task for row in found if row.task})
    if given.json:
        sys.stdout.write(json.dumps(runs.as_dicts(rows), indent=2, ensure_ascii=False) + "\n")
    elif rows:
        sys.stdout.write(_describe(rows, len(found)))
    else:
        sys.stdout.write(
            f"no runs in '{root}': python train.py trains one, python -m cityzoo tasks lists what can be trained\n"
        )
    if given.out:
        page = write_page(rows, root, given.out)
        sys.stderr.write(f"page: {page}\n")
    return 0


def _describe(rows: list[Any], n_found: int) -> str:
    from cityzoo.listing.runs import as_dicts
    from cityzoo.listing.table import format_table
    from cityzoo.report.number_format import format_interval_ends, format_score

    cells = []
    for row in as_dicts(rows):
        ends = " to ".join(format_interval_ends(*row["interval"])) if row["interval"] else None
        value = None if row["value"] is None else format_score(row["value"])
        cells.append({**row, "value": value, "interval": ends})
    reasons = [f"{row.folder}: {row.state}: {row.reason}" for row in rows if row.reason]
    shown = f"{len(rows)} of {n_found} runs" if len(rows) < n_found else f"{n_found} run{'s' * (n_found > 1)}"
    return "\n".join([format_table(HEADINGS, cells), *reasons, shown]) + "\n"
