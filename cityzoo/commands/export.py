"""Export a run for other runtimes, with proof: python -m cityzoo export RUN --format onnx."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cityzoo import cli
from cityzoo.cli.values import parse_count, parse_number
from cityzoo.errors import InputError, unknown

LOG = logging.getLogger(__name__)
PROG = "python -m cityzoo export"
FORMATS = ("onnx", "litert", "openvino", "saved_model")
VARIANTS = ("raw", "decoded", "nms")
ABOUT = """\
Write a run's model as a file of another runtime, into a folder with its description, an example script, probes and a
card. The file is always run in its own runtime on held-out examples: it must answer as the trained model.
"""
EXAMPLES = f"""\
examples:
  {PROG} runs/mine --format onnx                 for servers; ONNX Runtime
  {PROG} runs/mine --format litert --int8        for phones and small boards
  {PROG} runs/mine --format onnx --nms           a detector whose file returns detections
  {PROG} --check FOLDER                          does it still answer as then, on this machine?
exit code 1: the file lost more than is allowed; it is kept in a folder that ends in -refused
"""


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES, allow_abbrev=False)
    count, number = map(cli.argparse_type, (parse_count, parse_number))
    add = parser.add_argument
    add("run", metavar="RUN", nargs="?", help="run folder")
    add("--check", metavar="FOLDER", help="run the probes of an exported folder again instead")
    add("--format", metavar="FORMAT", default="onnx", help=f"{', '.join(FORMATS)} (default: onnx)")
    add("--out", metavar="FOLDER", help="new folder (default: RUN/exports/FORMAT...)")
    add = parser.add_argument_group("file").add_argument
    add("--fp16", action="store_true", help="weights in 16 bits: half the size")
    add(
        "--int8",
        action="store_true",
        help="quantize to 8 bits: a quarter of the size, faster on many devices",
    )
    add(
        "--variant",
        metavar="NAME",
        help="of a detector: raw (convolutions), decoded (boxes and scores) or nms",
    )
    add("--nms", action="store_true", help="the same as --variant nms")
    about = "take batches of any size (default: on, except for litert)"
    add("--dynamic-batch", action=argparse.BooleanOptionalAction, help=about)
    add = parser.add_argument_group("proof").add_argument
    about = "how much the main metric may lose (default: 0.001; --fp16 0.003; --int8 0.01)"
    add("--allow-loss", type=number, metavar="X", help=about)
    add("--data", metavar="PATH", help="labeled data to compare on (default: what the run held out)")
    add("--limit", type=count, metavar="N", help="compare on this many examples")
    about = "training examples that --int8 is calibrated with (default: 128)"
    add("--calibration", type=count, metavar="N", default=128, help=about)
    add("--calibration-data", metavar="PATH", help="other data to calibrate with")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Export a run, or check an exported folder; return 1 if a file does not answer as it should."""
    given = _parser().parse_args(arguments)
    if given.check:
        return _check(Path(given.check))
    if given.run is None:
        raise InputError(f"give a run folder, e.g. {PROG} runs/mine --format onnx")
    options = options_of(given)
    target = Path(given.out) if given.out else default_folder(Path(given.run), options)
    if target.exists():
        raise InputError(f"'{target}' exists: give a new --out or remove it")
    proof = export(given.run, target, options, given.data, given.limit)
    return 0 if proof["passed"] else 1


def options_of(given: argparse.Namespace) -> dict[str, Any]:
    """Return the options of `cityzoo.export.folder.Options` from flags.

    Raises:
        InputError: an unknown format or variant, or flags that exclude each other.
    """
    if given.format not in FORMATS:
        raise unknown("format", given.format, FORMATS)
    if given.variant is not None and given.variant not in VARIANTS:
        raise unknown("variant", given.variant, VARIANTS)
    if given.fp16 and given.int8:
        raise InputError("--fp16 and --int8 exclude each other: remove one")
    if given.nms and given.variant not in (None, "nms"):
        raise InputError(f"--nms and --variant {given.variant} exclude each other: remove one")
    return {
        "format": given.format,
        "precision": "int8" if given.int8 else "float16" if given.fp16 else "float32",
        "variant": "nms" if given.nms else given.variant,
        "dynamic_batch": given.dynamic_batch,
        "allow_loss": given.allow_loss,
        "calibration": given.calibration,
        "calibration_data": given.calibration_data,
    }


def default_folder(run: Path, options: dict[str, Any]) -> Path:
    """Return where a run is exported to without --out.

    Example:
        >>> options = {"format": "onnx", "precision": "int8", "variant": "nms"}
        >>> default_folder(Path("runs/mine"), options).as_posix()
        'runs/mine/exports/onnx-int8-nms'
    """
    short = {"float32": None, "float16": "fp16"}.get(options["precision"], options["precision"])
    return run / "exports" / "-".join(filter(None, (options["format"], short, options["variant"])))


def export(
    run: str, target: Path, options: dict[str, Any], data: str | None = None, limit: int | None = None
) -> dict[str, Any]:
    """Export a run into a folder and return its parity.json.

    Args:
        run: its folder.
        target: the new folder.
        options: of `cityzoo.export.folder.Options`, by name.
        data: labeled data to compare on instead of what the run held out.
        limit: compare on this many examples.

    Raises:
        InputError: anything about run, data or format that cannot be used.
    """
    from cityzoo.commands.evaluate_flags import parse_evaluation

    command = parse_evaluation([run, *(("--data", data) if data else ())])
    _start()
    from cityzoo.evaluation import evaluated_run
    from cityzoo.export import folder, parity

    subject = evaluated_run.open_evaluated(run)
    truth, _ = evaluated_run.load_truth(subject, command)
    truth = parity.held_out(subject, truth, limit)
    proof = folder.export_run(subject, truth, target, folder.Options(**options))
    kept = target if proof["passed"] else target.with_name(target.name + folder.REFUSED)
    LOG.info("%s: %.1f MB; try it: python %s", kept, proof["bytes"] / 1e6, kept / "example.py")
    return proof


def _start() -> None:
    with cli.start_backend():
        import tensorflow  # noqa: F401  (its start-up messages are suppressed here)


def _check(folder: Path) -> int:
    from cityzoo.runtime.exported_folder import check

    wrong = check(folder)
    for line in wrong:
        LOG.info("FAILED: %s", line)
    if not wrong:
        sys.stdout.write(f"{folder}: answers on this machine as when it was exported\n")
    return 1 if wrong else 0
