"""Measure runs and exported files side by side: python -m cityzoo benchmark RUN FILE.onnx."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from cityzoo import cli
from cityzoo.cli.values import parse_count
from cityzoo.errors import InputError

PROG = "python -m cityzoo benchmark"
ABOUT = """\
Measure latency, throughput, peak memory, file size and cold start of runs and exported files on this machine. Each is a
process of its own; calls are interleaved, so that a busy moment slows all of them down.
"""
EXAMPLES = f"""\
examples:
  {PROG} runs/mine runs/mine/exports/onnx/model.onnx
  {PROG} a.onnx b.tflite c.xml --threads 1,2,4 --out speed
"""


def parse_threads(text: str) -> tuple[int, ...]:
    """Read numbers of threads.

    Raises:
        InputError: not whole numbers from 1 on.

    Example:
        >>> parse_threads("1,4")
        (1, 4)
    """
    words = text.split(",")
    if not all(word.isdecimal() and int(word) > 0 for word in words):
        raise InputError(f"'{text}': expected numbers of threads, e.g. 1,2,4")
    return tuple(dict.fromkeys(map(int, words)))


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES, allow_abbrev=False)
    count, threads = map(cli.argparse_type, (parse_count, parse_threads))
    add = parser.add_argument
    add("paths", metavar="RUN_OR_FILE", nargs="+", help="run folders and exported files")
    add("--threads", type=threads, metavar="N,...", help="threads of each runtime (default: 1 and all cores)")
    add("--rounds", type=count, default=40, metavar="N", help="calls of each with one example (default: 40)")
    add("--batch-size", type=count, default=8, metavar="N", help="examples of a batch (default: 8)")
    add("--out", metavar="FOLDER", help="write benchmark.json and benchmark.png there, a new folder")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Measure, print the table, and write the files of --out."""
    given = _parser().parse_args(arguments)
    from pathlib import Path

    from cityzoo.export import benchmark
    from cityzoo.fit.run_folder import next_free_folder
    from cityzoo.runtime.packages import usable_cores

    entries = benchmark.contenders(given.paths, given.threads or tuple({1: 0, usable_cores(): 0}))
    folder = next_free_folder(given.out, Path(), "benchmark") if given.out else None

    def show(done: int) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{done}/{given.rounds} rounds" + ("\n" if done == given.rounds else ""))

    rows = benchmark.complete_metrics(benchmark.benchmark(entries, given.rounds, given.batch_size, show))
    sys.stdout.write(benchmark.table(rows))
    if folder:
        about = {
            "rounds": given.rounds,
            "batch_size": given.batch_size,
            "cores": usable_cores(),
            "rows": rows,
        }
        (folder / "benchmark.json").write_text(json.dumps(about, indent=2) + "\n")
        benchmark.draw(rows, folder / "benchmark.png")
        sys.stdout.write(f"{folder}: benchmark.json, benchmark.png\n")
    return 0
