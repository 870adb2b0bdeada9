#!/usr/bin/env python3
"""Profile `evaluate.py --robustness`: python benchmarks/robustness.py runs/my_run --images 100."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parents[1]
if Path(sys.path[0]).resolve() == ROOT / "benchmarks":
    sys.path[0] = str(ROOT)

from benchmarks import command  # noqa: E402


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("run", help="run folder of train.py")
    made.add_argument("--images", type=int, default=100, metavar="N", help="(default %(default)s)")
    made.add_argument("--out", type=Path, metavar="FOLDER", help="gets robustness.png (default: not drawn)")
    return made


def run(given: argparse.Namespace) -> None:
    """Measure on the run's held-out images and print seconds by part, then the metric by corruption."""
    from cityzoo.commands.evaluate_flags import parse_evaluation
    from cityzoo.evaluation.evaluated_run import load_truth, open_evaluated
    from cityzoo.evaluation.robustness import measure

    subject = open_evaluated(given.run)
    truth, _ = load_truth(subject, parse_evaluation([given.run]))
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
    before = time.process_time()
    found = measure.measure(subject.model, subject.output, truth, most=given.images, folder=given.out)
    worked = time.process_time() - before
    print(f"{found['n']} images, {os.cpu_count()} cores, {worked:.1f} seconds of processor time in all")
    for part, seconds in found["seconds"].items():
        print(f"{part:12} {seconds:6.1f} s")
    print(
        f"\n{found['figure']}, clean {_short(found['clean'])}, loss {_short(found['mean_corruption_loss'])}"
    )
    for name, row in found["corruptions"].items():
        print(f"{name:12} " + " ".join(map(_short, (*row["values"], row["mean_relative_loss"]))))
    for name, row in found["attacks"].items():
        print(f"{name:12} {_short(row['value'])} {_short(row['relative_loss'])}")


def _short(value: float | None) -> str:
    return "    -" if value is None else f"{value:.3f}"


def main(words: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    made = parser()
    return command.answer(made, run, made.parse_args(words))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
