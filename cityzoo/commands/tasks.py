"""List the tasks: what each predicts from what, and the metric that chooses its best epoch."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from cityzoo import cli
from cityzoo.listing.table import format_table

PROG = "python -m cityzoo tasks"
HEADINGS = {
    "task": "task",
    "modality": "from",
    "output": "output",
    "metric": "metric",
    "demo": "without --data",
    "summary": "predicts",
}


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Print the list; return 0."""
    given = _parser().parse_args(arguments)
    from cityzoo.listing.catalog import task_rows

    rows = task_rows()
    sys.stdout.write(json.dumps(rows, indent=2) + "\n" if given.json else format_table(HEADINGS, rows))
    return 0
