"""Fine-tune a run's model with fake quantization, before it is exported as int8."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cityzoo import cli
from cityzoo.cli.values import parse_count, parse_rate

PROG = "python -m cityzoo quantize"
ABOUT = """\
Fine-tune the model of a run with fake quantization: BatchNorms are folded into convolutions, weights and activations
are rounded as in int8 while it trains, and gradients pass through. The result is a new run folder, which evaluate.py
takes like any other; its report compares it with the run before. Its int8 files need no calibration. The same command
continues what was interrupted.

Try python -m cityzoo export RUN --int8 first: where that loses little, this cannot gain much.
"""
EXAMPLES = f"""\
examples:
  {PROG} runs/a
  {PROG} runs/a --epochs 5 --learning-rate 0.0001 --out runs/a-int8-long
"""


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES)
    add, count, rate = parser.add_argument, *map(cli.argparse_type, (parse_count, parse_rate))
    add("run", metavar="RUN", help="run folder whose model is fine-tuned")
    add("--epochs", type=count, default=0, metavar="N", help="of fine-tuning (default: a sixth of the run's)")
    add(
        "--learning-rate",
        type=rate,
        default=0.0,
        metavar="RATE",
        help="peak (default: a hundredth of the run's)",
    )
    add(
        "--images",
        type=count,
        default=32,
        metavar="N",
        help="training images for the first ranges of activations (default: %(default)s)",
    )
    add("--out", metavar="FOLDER", help="new run folder (default: RUN-int8)")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Fine-tune a run as the flags say; return 0."""
    given = vars(_parser().parse_args(arguments))
    out = given.pop("out")
    with cli.start_backend():
        from cityzoo.compress.quantization_aware import QuantizationRequest, fine_tune_quantized
    request = QuantizationRequest(**given)
    fine_tune_quantized(request, Path(out or request.default_out))
    return 0
