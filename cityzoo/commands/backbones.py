"""List the backbones of each modality: size, input, and whether their weights are here."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from cityzoo import cli

PROG = "python -m cityzoo backbones"


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=__doc__)
    parser.add_argument(
        "modality", nargs="?", metavar="MODALITY", help="image, series, text ... (default: all)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Print the list; return 0."""
    given = _parser().parse_args(arguments)
    from cityzoo.listing.catalog import backbone_lines, write_backbones

    if given.json:
        rows = [
            {"backbone": backbone, "modality": name, "about": " ".join(line.split())}
            for name, lines in backbone_lines(given.modality).items()
            for backbone, line in lines.items()
        ]
        sys.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    else:
        write_backbones(given.modality)
    return 0
