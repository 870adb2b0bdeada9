"""Fuse runs of one task into one run: ensemble, soup, stacking, distillation, joined backbones, mirror images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cityzoo import cli
from cityzoo.cli.values import parse_count, parse_share
from cityzoo.errors import InputError
from cityzoo.fuse.request import BOXES, EQUAL, FIT, METHODS, SOUPS, FusionRequest

PROG = "python -m cityzoo fuse"
ABOUT = """\
Fuse runs of one task, trained on the same data, into one. The result is an ordinary run folder; its report compares it
with each of its members on examples that chose nothing, with paired intervals, and says what it costs in milliseconds.
"""
EXAMPLES = f"""\
examples:
  {PROG} runs/a runs/b runs/c --by ensemble                  mean of their answers
  {PROG} runs/a runs/b --by ensemble --weights fit           weights chosen on held-out examples
  {PROG} runs/a runs/b --by ensemble --boxes wbf             detectors of different architecture
  {PROG} runs/a runs/b runs/c --by soup                      one model of mean weights, at no cost
  {PROG} runs/a --by soup                                    of a run trained with --keep-epochs
  {PROG} runs/a runs/b --by stack                            logistic regression on their logits
  {PROG} runs/large runs/small --by features                 one head on both backbones
  {PROG} runs/a runs/b --by distil --student mobilenet_025   a small model that learns from the ensemble
  {PROG} runs/a --by mirror                                  a detector averaged with its answer to the mirror image
"""


def parse_weights(text: str) -> str | tuple[float, ...]:
    """Read "equal", "fit", or a number for each run.

    Raises:
        InputError: neither.

    Example:
        >>> parse_weights("fit"), parse_weights("2,1")
        ('fit', (2.0, 1.0))
    """
    if text in (EQUAL, FIT):
        return text
    try:
        numbers = tuple(map(float, text.split(",")))
    except ValueError as error:
        raise InputError(f"'{text}': give {EQUAL}, {FIT}, or a number for each run, e.g. 2,1") from error
    if min(numbers) < 0 or not 0 < sum(numbers) < float("inf"):
        raise InputError(f"'{text}': give numbers of 0 or more, at least one above 0, e.g. 2,1")
    return numbers


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES, allow_abbrev=False)
    add = parser.add_argument
    add(
        "runs",
        metavar="RUN",
        nargs="+",
        help="run folders of one task, with the same data, classes and input",
    )
    add("--by", choices=METHODS, required=True, help="how they are fused")
    add(
        "--compare",
        metavar="RUN",
        action="append",
        default=[],
        help="compare with this run, too (repeatable)",
    )
    add("--out", metavar="FOLDER", help="new run folder (default: RUN-METHOD)")
    _add_ensemble_flags(parser)
    add = parser.add_argument_group("soup").add_argument
    add("--soup", choices=SOUPS, help="keep what improves the mean, or everything (default: greedy)")
    add = parser.add_argument_group("training").add_argument
    add("--student", metavar="BACKBONE", help="of distil (default: that of the smallest run)")
    add(
        "--student-weights",
        metavar="FILE",
        help="its starting weights (default: as the run of that backbone)",
    )
    add("--start", metavar="FILE+FILE", help="weights of the backbones of features (default: as the runs')")
    count = cli.argparse_type(parse_count)
    add("--epochs", type=count, metavar="N", help="of each phase (default: as the first run's)")
    return parser


def _add_ensemble_flags(parser: cli.Parser) -> None:
    share, weights = map(cli.argparse_type, (parse_share, parse_weights))
    add = parser.add_argument_group("ensemble").add_argument
    about = f"{EQUAL}, {FIT} on held-out examples, or a number for each run, e.g. 2,1 (default: {EQUAL})"
    add("--weights", type=weights, metavar="W", help=about)
    about = (
        "of detectors: mean of the outputs at each point, or weighted boxes fusion (default: mean for one "
    )
    add("--boxes", choices=BOXES, help=about + "architecture, wbf for several)")
    add(
        "--iou",
        type=share,
        metavar="X",
        help="of weighted boxes fusion (default: chosen on held-out examples)",
    )


def main(arguments: Sequence[str]) -> int:
    """Fuse runs as the flags say; return 0."""
    given = vars(_parser().parse_args(arguments))
    out = given.pop("out")
    given |= {name: tuple(given[name]) for name in ("runs", "compare")}
    request = FusionRequest(**{name: value for name, value in given.items() if value is not None})
    request.check(given)
    with cli.start_backend():
        from cityzoo.fuse import fusing
    fusing.fuse(request, Path(out or request.default_out))
    return 0
