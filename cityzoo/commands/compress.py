"""Find a smaller or faster form of a run's model that loses little: python -m cityzoo compress RUN."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cityzoo import cli
from cityzoo.cli.values import parse_count, parse_number
from cityzoo.compress.candidates import TRIES, parse_latency, parse_tries
from cityzoo.errors import InputError

PROG = "python -m cityzoo compress"
ABOUT = """\
Try a few compressed forms of a run's model (int8, pruned, with a smaller input, a smaller backbone taught by it),
measure each on this machine, and choose the best one that keeps the promise. Everything lies in one folder: the runs,
the exported files, compress.json and the Pareto plot. The same command continues what was interrupted.
"""
EXAMPLES = f"""\
examples:
  {PROG} runs/mine --target-latency 0.6x              time of one example, as a share of now
  {PROG} runs/mine --target-latency 15 --may-lose 0.02
  {PROG} runs/mine --target-size 1.5 --try int8       without training anything
exit code 1: nothing keeps the promise
"""


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES, allow_abbrev=False)
    latency, number, count, tries = map(
        cli.argparse_type, (parse_latency, parse_number, parse_count, parse_tries)
    )
    add = parser.add_argument
    add("run", metavar="RUN", help="run folder")
    add(
        "--target-latency",
        type=latency,
        metavar="MS|SHARE",
        help="milliseconds, e.g. 15, or a share, e.g. 0.6x",
    )
    add("--target-size", type=number, metavar="MB", help="largest size of the exported file")
    about = "most of the task's metric that may be lost (default: %(default)s)"
    add("--may-lose", type=number, default=0.01, metavar="X", help=about)
    about = f"what to try, of {', '.join(TRIES)} (default: all)"
    add("--try", dest="tries", type=tries, default=TRIES, metavar="A,B", help=about)
    add(
        "--student",
        metavar="BACKBONE",
        help="backbone of the student (default: a smaller one of the same family)",
    )
    add(
        "--student-weights",
        default="imagenet",
        metavar="FILE",
        help="its starting weights (default: imagenet)",
    )
    add("--epochs", type=count, default=0, metavar="N", help="of each training (default: as the run's own)")
    add("--limit", type=count, metavar="N", help="evaluate files on this many held-out examples")
    add("--out", metavar="FOLDER", help="where it all goes (default: RUN/compressed)")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Compress a run as the flags say; return 1 if nothing keeps the promise."""
    given = _parser().parse_args(arguments)
    if given.target_latency is None and given.target_size is None:
        raise InputError("give what to reach: --target-latency, e.g. 0.6x, or --target-size in MB")
    with cli.start_backend():
        from cityzoo.compress.compression import Settings, compress
    milliseconds, share = given.target_latency or (None, None)
    settings = Settings(
        given.run,
        Path(given.out) if given.out else Path(given.run) / "compressed",
        {"milliseconds": milliseconds, "speed_share": share, "megabytes": given.target_size},
        given.may_lose,
        tuple(given.tries),
        given.student,
        given.student_weights,
        given.epochs,
        given.limit,
    )
    return 0 if compress(settings) else 1
