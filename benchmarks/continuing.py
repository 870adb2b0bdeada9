#!/usr/bin/env python3
"""What runs that continue each other forget, beside fine-tuning without protection and training on all data again.

python benchmarks/continuing.py classes --data highway/ --weights mobilenet_075.weights.h5 --out runs/classes
python benchmarks/continuing.py domains --data clinc150/ --out runs/domains
python benchmarks/continuing.py scenes --data traffic_cam/ --weights mobilenet_075.weights.h5 --out runs/scenes

classes: vehicle_classify, two classes first, then one new class a step. domains: text_intent, two of ten domains of
CLINC150 a step. scenes: vehicle_detect, a camera a step, named by the first word of its files. `--ways` names what to
try, each as `NAME=FLAGS`; `joint` comes last, on the data of all steps. Runs that exist are not trained again.
"""

from __future__ import annotations

import argparse
import csv
import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WAYS = ("default=", "naive=--retain none", "joint=--retain joint")
VEHICLES = ("bus", "car", "motorbike", "person", "truck")
Steps = list[tuple[str, list[str]]]  # name, and flags of its data


def class_steps(data: Path, _: Path) -> Steps:
    """Return steps of which each shows classes that no other has."""
    steps = []
    for shown in (VEHICLES[:2], *((name,) for name in VEHICLES[2:])):
        hidden = ",".join(f"{name}=ignore" for name in VEHICLES if name not in shown)
        steps.append(("+".join(shown), ["--data", str(data), "--class-map", hidden]))
    return steps


def domain_steps(data: Path, work: Path) -> Steps:
    """Write CLINC150's training and validation sentences in five folders of two domains each."""
    domains = json.loads((data / "domains.json").read_text())
    examples = json.loads((data / "data.json").read_text())
    names, steps = list(domains), []
    for first in range(0, len(names), 2):
        pair = names[first : first + 2]
        intents = {intent for name in pair for intent in domains[name]}
        folder = work / "+".join(pair)
        folder.mkdir(parents=True, exist_ok=True)
        for side in ("train", "val"):
            with (folder / f"{side}.csv").open("w", newline="", encoding="utf-8") as file:
                rows = csv.writer(file)
                rows.writerow(["text", "label"])
                rows.writerows(row for row in examples[side] if row[1] in intents)
        steps.append(("+".join(pair), ["--data", str(folder)]))
    return steps


def scene_steps(data: Path, work: Path) -> Steps:
    """Copy the images of each camera into a folder of its own."""
    scenes = sorted({path.name.split("_")[0] for path in (data / "train" / "images").iterdir()})
    for scene in scenes:
        for path in data.glob(f"*/*/{scene}_*"):
            copy = work / scene / path.relative_to(data)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
        shutil.copy2(data / "data.yaml", work / scene)
    return [(scene, ["--data", str(work / scene)]) for scene in scenes]


SEQUENCES = {
    "classes": ("vehicle_classify", class_steps),
    "domains": ("text_intent", domain_steps),
    "scenes": ("vehicle_detect", scene_steps),
}


def train(words: list[str], run: Path) -> dict[str, Any]:
    """Train a run if it is not there yet, with its output in a .log file beside it, and return its report."""
    if not (run / "report.json").is_file():
        command = [sys.executable, str(ROOT / "train.py"), *words, "--out", str(run)]
        print("+", shlex.join(command), file=sys.stderr, flush=True)
        with run.with_suffix(".log").open("w") as log:
            subprocess.run(command, check=True, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
    return json.loads((run / "report.json").read_text(encoding="utf-8"))


def follow(way: str, flags: list[str], steps: Steps, first: Path, given: argparse.Namespace) -> list[Path]:
    """Train the runs of a way, each from the one before; joint training alone needs only the last."""
    runs = [first]
    for number, (_, words) in enumerate(steps[1:], 2):
        run = given.out / f"seed{given.seed}-{way}-{number}"
        train(["--continue", str(runs[-1]), *words, *flags, "--seed", str(given.seed)], run)
        runs.append(run)
    return runs


def print_row(way: str, report: dict[str, Any]) -> None:
    """Print a row of the table: each set of examples by the last model, and what the matrix says."""
    found = report["lineage"]
    last = " ".join("  -  " if each is None else f"{each:.3f}" for each in found["matrix"][-1])
    summary = {name: "-" if each is None else f"{each:+.3f}" for name, each in found["summary"].items()}
    dip = found["worst_dip"] or {"depth": float("nan")}
    print(
        f"{way:12} mean {summary['final_mean']}  forgetting {summary['forgetting']}",
        f"backward {summary['backward_transfer']}  forward {summary['forward_transfer']}",
        f"worst dip {dip['depth']:.3f}  each: {last}",
        sep="  ",
        flush=True,
    )


def main() -> None:
    """Train the sequences and print their table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sequence", choices=SEQUENCES)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--weights")
    parser.add_argument("--backbone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", default="", help="more flags of the first training")
    parser.add_argument(
        "--ways", nargs="+", default=WAYS, help="NAME=FLAGS of the trainings that continue it"
    )
    given = parser.parse_args()
    task, make_steps = SEQUENCES[given.sequence]
    given.out.mkdir(parents=True, exist_ok=True)
    steps = make_steps(given.data.resolve(), (given.out / "data").resolve())
    words = ["--task", task, *steps[0][1], "--seed", str(given.seed), *shlex.split(given.first)]
    words += [
        word
        for name in ("backbone", "weights")
        if getattr(given, name)
        for word in (f"--{name}", getattr(given, name))
    ]
    first = given.out / f"seed{given.seed}-1"
    train(words, first)
    chain = [first]
    for way in given.ways:
        name, _, flags = way.partition("=")
        if name == "joint":
            last = [
                "--continue",
                str(chain[-2]),
                *steps[-1][1],
                *shlex.split(flags),
                "--seed",
                str(given.seed),
            ]
            run = given.out / f"seed{given.seed}-joint"
            train(last, run)
        else:
            runs = follow(name, shlex.split(flags), steps, first, given)
            run, chain = runs[-1], runs if name == "default" else chain
        print_row(name, json.loads((run / "report.json").read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
