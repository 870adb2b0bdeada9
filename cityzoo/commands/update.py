"""Update a model in service: new data, drift, labels, training, gate, canary: python -m cityzoo update PLAN.yaml."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cityzoo import cli

PROG = "python -m cityzoo update"
ABOUT = """\
Go as far as possible in one cycle of a plan: collect new data, compare it with what the run in service knows, choose
what people label, wait for the labels, continue the run, and promote the new model as a canary if it passes the gate.
Meant for cron: each start resumes the cycle where it is, begins one if there is enough new data, or does nothing. All
cycles are listed in cycles/index.html.

Exit code 0: done, waiting, or nothing to do. 1: the new model was refused or rolled back; the old one stays in service.
2: a step failed; the same command tries it again.
"""
EXAMPLES = f"""\
examples:
  {PROG} road.yaml
  {PROG} road.yaml --abandon      end the cycle that is under way; its data is new again
"""


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES, allow_abbrev=False)
    parser.add_argument("plan", metavar="PLAN", type=Path, help="YAML file, see docs/updating.md")
    parser.add_argument("--abandon", action="store_true", help="end the cycle that is under way")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Update as the plan says; return the exit code."""
    given = _parser().parse_args(arguments)
    from cityzoo.update.plan import read_plan
    from cityzoo.update.updating import update

    return update(read_plan(given.plan), given.abandon)
