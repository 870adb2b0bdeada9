"""Remove data from the replay memory of a run, and say which models have learned it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from cityzoo import cli
from cityzoo.cli.values import parse_names

LOG = logging.getLogger(__name__)
PROG = "python -m cityzoo forget"
ABOUT = """\
Remove examples from the memory that a continued run replays, when someone asks for it or a permission ends. No later
run is trained on them; models that have learned them are named, because only training again takes them out of weights.
"""
EXAMPLES = f"""\
examples:
  {PROG} runs/detect-3 --source data/camera_7
  {PROG} runs/detect-3 --source 'data/camera_*' --examples 'images/2026-05-*'
"""


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES, allow_abbrev=False)
    parser.add_argument("run", metavar="RUN", help="run folder whose memory is changed")
    parser.add_argument(
        "--source", metavar="PATTERN", required=True, help="data, or run folder, that the examples came from"
    )
    parser.add_argument(
        "--examples",
        metavar="PATTERN,...",
        type=cli.argparse_type(parse_names),
        default=(),
        help="names of examples, as in memory.json (default: all of the source)",
    )
    return parser


def main(arguments: Sequence[str]) -> int:
    """Remove what the command line names."""
    given = _parser().parse_args(arguments)
    from cityzoo.continual.forget import forget_examples

    found = forget_examples(Path(given.run), given.source, given.examples)
    LOG.info("removed %d examples from the memory of '%s', %d are left", found.removed, given.run, found.left)
    for run in found.trained:
        LOG.info(
            "trained on this data: '%s'; train it again without it, and delete its folder and exports", run
        )
    return 0
