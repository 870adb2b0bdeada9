#!/usr/bin/env python3
"""Few-shot benchmark: each kind of classifier on 1, 5, 10 and 25 images per class, several repeats each.

python benchmarks/shots.py --data highway/ --backbone mobilenet_075 --weights mobilenet_075.weights.h5
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHOTS = (1, 5, 10, 25)
WAYS = {
    "nearest class mean": ["--freeze", "backbone", "--head", "prototypes"],
    "cosine prototypes": ["--freeze", "backbone", "--head", "cosine"],
    "linear probe": ["--freeze", "backbone"],
    "probe, then fine-tuning": [],
}
METRIC = "balanced_accuracy"


def measured(flags: list[str], repeats: int, shots: int, folder: Path) -> dict:
    """Train by the real command and return mean, interval and seconds of one cell of the table."""
    start = time.perf_counter()
    out = folder / "run"
    command = [sys.executable, str(ROOT / "train.py"), "--task", "vehicle_classify", "--out", str(out)]
    command += [*flags, "--shots", str(shots), "--repeats", str(repeats)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.strip().splitlines()[-1])
    report = json.loads((out / "report.json").read_text())
    each = [row[METRIC] for row in report["repeats"].values()]
    seconds = round((time.perf_counter() - start) / repeats, 1)
    return {
        "mean": report[METRIC],
        "interval": report["interval"][METRIC],
        "repeats": each,
        "seconds": seconds,
    }


def page(about: str, cells: dict[str, dict[str, dict]]) -> str:
    """Return the table as Markdown.

    Example:
        >>> cell = {"mean": 0.5, "interval": [0.4, 0.6], "seconds": 3.0}
        >>> page("Of toys.", {"linear probe": {"1": cell}}).splitlines()[-1]
        '| linear probe | .500 (.400 to .600), 3 s |'
    """
    shots = list(next(iter(cells.values())))
    lines = ["# What few labels give", "", about, ""]
    lines += ["| way | " + " | ".join(f"{n} a class" for n in shots) + " |", "|---" * (len(shots) + 1) + "|"]
    for way, row in cells.items():
        shown = (
            f"{_short(c['mean'])} ({_short(c['interval'][0])} to {_short(c['interval'][1])}), {c['seconds']:.0f} s"
            for c in row.values()
        )
        lines.append(f"| {way} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def main() -> None:
    """Measure all cells and write `shots.json` and `shots.md`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="labeled vehicles, as train.py takes them")
    parser.add_argument("--backbone", default="mobilenet_075")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--repeats", type=int, default=5, help="repeats of each cell (default: %(default)s)")
    parser.add_argument(
        "--ways", nargs="+", default=list(WAYS), choices=list(WAYS), help="measure these alone"
    )
    parser.add_argument(
        "--out", type=Path, default=ROOT / "benchmarks" / "results", help="folder of the results"
    )
    asked = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    flags = ["--data", asked.data, "--backbone", asked.backbone, "--weights", asked.weights]
    path = asked.out / "shots.json"
    cells: dict[str, dict[str, dict]] = json.loads(path.read_text())["cells"] if path.is_file() else {}
    asked.out.mkdir(parents=True, exist_ok=True)
    for way in asked.ways:
        cells[way], own = {}, WAYS[way]
        for shots in SHOTS:
            with tempfile.TemporaryDirectory() as folder:
                cells[way][str(shots)] = measured([*flags, *own], asked.repeats, shots, Path(folder))
            logging.info("%s, %d a class: %.3f", way, shots, cells[way][str(shots)]["mean"])
        known = {name: cells[name] for name in WAYS if name in cells}
        about = (
            f"`vehicle_classify` on {Path(asked.data).name}, {asked.backbone}, weights {Path(asked.weights).name}: "
            "balanced accuracy on the held-out crops, mean of the repeats and the 95 % interval of that mean "
            "(Student's t), and seconds for a repeat, start-up included. All repeats are evaluated on the same crops, "
            "which choose the epoch as well."
        )
        path.write_text(json.dumps({"about": about, "cells": known}, indent=1) + "\n")
        (asked.out / "shots.md").write_text(page(about, known) + "\n")


if __name__ == "__main__":
    main()
