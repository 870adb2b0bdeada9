"""Remove channels from a run's model until it is faster or smaller, and fine-tune it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cityzoo import cli
from cityzoo.cli.values import parse_count, parse_rate
from cityzoo.compress.pruning_request import IMPORTANCE, PruningRequest
from cityzoo.errors import InputError

PROG = "python -m cityzoo prune"
ABOUT = """\
Remove whole channels from the model of a run, the least important per saved cost first, until it reaches a target, then
fine-tune what is left. The result is a smaller plain Keras model in a new run folder, which evaluate.py and
train.py --resume take like any other; its report compares it with the run before. The same command continues what was
interrupted.
"""
EXAMPLES = f"""\
examples:
  {PROG} runs/a --target-latency 0.6x              measured on this machine, one image at a time
  {PROG} runs/a --target-parameters 0.5x --rounds 2
  {PROG} runs/a --target-latency 0.6x --importance l1 --epochs 20
"""


def parse_target(text: str) -> float:
    """Read a share of the model before, such as 0.6x.

    Raises:
        InputError: not a share above 0 and below 1.

    Example:
        >>> parse_target("0.6x"), parse_target("0.5")
        (0.6, 0.5)
    """
    try:
        share = float(text.removesuffix("x"))
    except ValueError:
        share = -1.0
    if not 0 < share < 1:
        raise InputError(f"'{text}': expected a share of the model before, above 0x and below 1x, e.g. 0.6x")
    return share


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES)
    target, count, rate = map(cli.argparse_type, (parse_target, parse_count, parse_rate))
    parser.add_argument("run", metavar="RUN", help="run folder whose model is pruned")
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--target-latency", type=target, metavar="SHARE", help="latency to reach, e.g. 0.6x")
    group.add_argument(
        "--target-parameters", type=target, metavar="SHARE", help="parameters to keep, e.g. 0.5x"
    )
    add = parser.add_argument
    add(
        "--importance",
        choices=IMPORTANCE,
        default=IMPORTANCE[0],
        help="of channels: change of the loss on training examples (taylor), kernel norm (l1) or BatchNorm scale "
        "(default: %(default)s)",
    )
    add("--rounds", type=count, default=1, metavar="N", help="remove in N rounds (default: %(default)s)")
    add("--epochs", type=count, default=0, metavar="N", help="per round (default: as the run's last phase)")
    add("--learning-rate", type=rate, default=0.0, metavar="RATE", help="peak (default: half of the run's)")
    add(
        "--freeze",
        default="none",
        metavar="STAGE",
        help="freeze the backbone up to this stage (default: none)",
    )
    add(
        "--no-teacher",
        action="store_false",
        dest="teacher",
        help="fine-tune by the labels alone (default: the model before teaches, too)",
    )
    add("--out", metavar="FOLDER", help="new run folder (default: RUN-pruned-SHARE-latency)")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Prune a run as the flags say; return 0."""
    given = vars(_parser().parse_args(arguments))
    out, shares = given.pop("out"), {by: given.pop(f"target_{by}") for by in ("latency", "parameters")}
    by = next(name for name, share in shares.items() if share is not None)
    with cli.start_backend():
        from cityzoo.compress import pruning
    request = PruningRequest(by=by, share=shares[by], **given)
    pruning.prune(request, Path(out or request.default_out))
    return 0
