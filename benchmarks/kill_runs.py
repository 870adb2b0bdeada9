#!/usr/bin/env python3
"""Kill trainings and evaluations at random moments, resume them, and compare the results with undisturbed runs.

    python benchmarks/kill_runs.py --kills 200

A process imports TensorFlow once and forks for each attempt, which saves seconds of each start; functions run eagerly,
because tracing them takes longer than these few steps. An attempt is killed by SIGKILL after a random part of the time
that an undisturbed run takes; the next one gives the same command or, after the first checkpoint, --resume. After some
kills a run is left to end. Weights and histories must be equal bit for bit, metrics must be equal.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
if Path(sys.path[0]).resolve() == ROOT / "benchmarks":
    sys.path[0] = str(ROOT)
CASES = {
    "detection": "--task vehicle_detect --backbone mobilenet_025 --weights random --image-size 64 --batch-size 4 "
    "--views 2 --augment light --neck-width 16 --phases backbone:2,C5:2 --data images",
    "classes": "--task vehicle_classify --backbone mobilenet_025 --weights random --image-size 64 --batch-size 4 "
    "--views 2 --augment light --phases backbone:4 --data images",
    "continued": "--continue classes --data more --views 2 --augment light --batch-size 4 --phases backbone:2,C5:2",
    "forecasting": "--task traffic_flow --backbone stid --epochs 3 --data town.csv --history 6 --horizon 3",
}


def write_data(folder: Path) -> None:
    """Write a few images with boxes, and a small series."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for name, classes in (("images", "car, bus"), ("more", "car, truck")):
        for split, count in (("train", 8), ("val", 4)):
            images, labels = folder / name / "images" / split, folder / name / "labels" / split
            images.mkdir(parents=True), labels.mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 60, (64, 64, 3), dtype=np.uint8)
                pixels[20:44, 20:44, 2 * (number % 2)] = 250
                Image.fromarray(pixels).save(images / f"{split}{number}.png")
                (labels / f"{split}{number}.txt").write_text(f"{number % 2} 0.5 0.5 0.375 0.375\n")
        (folder / name / "data.yaml").write_text(
            f"train: images/train\nval: images/val\nnames: [{classes}]\n"
        )
    times = np.datetime64("2024-01-01T00:00:00") + np.arange(480) * np.timedelta64(900, "s")
    flow = 50 + 30 * np.sin(np.arange(480)[:, None] / 15 + np.arange(3)) + rng.normal(0, 2, (480, 3))
    rows = [f"{t},{','.join(f'{v:.2f}' for v in row)}" for t, row in zip(times, flow, strict=True)]
    (folder / "town.csv").write_text("\n".join(["time,a,b,c", *rows]) + "\n")


def start(script: str, words: list[str], log: Path) -> int:
    """Fork a process that runs train.py or evaluate.py, and return its number."""
    sys.stdout.flush(), sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(handle, 1), os.dup2(handle, 2)
        import tensorflow as tf

        import evaluate
        import train
        from cityzoo import cli

        tf.config.run_functions_eagerly(True)
        code = cli.run({"train": train, "evaluate": evaluate}[script].main, words, f"{script}.py")
        sys.stdout.flush(), sys.stderr.flush()
    finally:
        os._exit(code)


def end(child: int, after: float | None) -> tuple[int, bool]:
    """Wait for a process, or kill it after some seconds; return its exit code and whether it was killed."""
    late = None if after is None else time.monotonic() + after
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status), False
        if late is not None and time.monotonic() > late:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return -signal.SIGKILL, True
        time.sleep(0.001)


def stage_of(run: Path) -> str:
    """Return how far a run folder shows that its training had come."""
    for name, stage in (("report.json", "after the report"), ("last.keras", "last model, evaluation")):
        if (run / name).exists():
            return stage
    if (run / "checkpoint.npz").exists():
        return "after the first checkpoint"
    return "before the first checkpoint" if run.exists() else "before the run folder"


def content(run: Path) -> list[str]:
    """Return the history without seconds, and hashes of all weights and of the metrics."""
    import hashlib

    import keras

    with (run / "history.csv").open(newline="") as file:
        rows = [json.dumps({k: v for k, v in row.items() if k != "seconds"}) for row in csv.DictReader(file)]
    for name in ("model.keras", "last.keras"):
        digest = hashlib.sha256()
        for weight in keras.saving.load_model(run / name, compile=False).get_weights():
            digest.update(weight.tobytes())
        rows.append(digest.hexdigest())
    report = json.loads((run / "report.json").read_text())
    kept = ("AP", "AP50", "balanced_accuracy", "mae", "intervals", "compared", "before")
    metrics = {name: report[name] for name in kept if name in report}
    matrix = (report.get("lineage") or {}).get("matrix")  # the rest of a lineage names run folders
    return [*rows, json.dumps([metrics, matrix], sort_keys=True)]


def compare(run: Path, whole: Path, log: Path) -> bool:
    """Return whether two runs are equal; in a process of its own, so that this one does not start TensorFlow."""
    child = os.fork()
    if not child:
        code = 70
        try:
            code = int(content(run) != content(whole))
        finally:
            os._exit(code)
    return end(child, None)[0] == 0


def one_run(
    case: str, whole: Path, seconds: float, kills: int, rng: random.Random, log: Path
) -> tuple[Counter, str]:
    """Kill a training that many times, let it end, and return the stages of the kills and what is wrong."""
    run, stages = whole.with_name(f"{case}-{rng.random():.9f}"), Counter()
    while True:
        words = (
            ["--resume", str(run)]
            if (run / "checkpoint.npz").exists()
            else [*CASES[case].split(), "--out", str(run)]
        )
        limit = rng.uniform(0.1, 1.05) * seconds if sum(stages.values()) < kills else None
        code, was_killed = end(start("train", words, log), limit)
        if was_killed:
            stages[stage_of(run)] += 1
        elif code:
            return stages, f"exit code {code}"
        else:
            break
    left = [file.name for file in run.rglob(".[0-9]*")]
    if left:
        return stages, f"left: {left}"
    return stages, "" if compare(run, whole, log) else "other results"


def evaluate_killed(
    whole: Path, seconds: float, kills: int, rng: random.Random, log: Path
) -> tuple[Counter, str]:
    """Kill evaluate.py, let it end, and compare the report with the earlier one."""
    import shutil

    run, stages = whole.with_name(f"{whole.name}-evaluated-{rng.random():.9f}"), Counter()
    shutil.copytree(whole, run)
    for _ in range(kills):
        shutil.rmtree(run / "predictions", ignore_errors=True)
        _, was_killed = end(start("evaluate", [str(run)], log), rng.uniform(0.1, 1) * seconds)
        stages["evaluate.py"] += was_killed
    code, _ = end(start("evaluate", [str(run)], log), None)
    return stages, f"exit code {code}" if code else "" if compare(run, whole, log) else "other results"


def main() -> int:
    """Print a row for each run, and the kills by stage."""
    parser = argparse.ArgumentParser(
        description="kill trainings at random moments and compare what they end with"
    )
    parser.add_argument("--kills", type=int, default=200, metavar="N", help="in all (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: %(default)s)")
    parser.add_argument(
        "--cases", nargs="+", choices=CASES, default=list(CASES), help="in this order (default: all)"
    )
    parser.add_argument("--folder", type=Path, help="keeps the runs (default: a temporary one)")
    given = parser.parse_args()
    folder = Path(given.folder or tempfile.mkdtemp(prefix="kill_runs-")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["CITYZOO_HOME"], os.environ["TF_CPP_MIN_LOG_LEVEL"] = str(folder / "home"), "3"
    write_data(folder)
    os.chdir(folder)
    import keras  # noqa: F401
    import tensorflow  # noqa: F401

    rng, stages, wrong, log = random.Random(given.seed), Counter(), 0, folder / "log.txt"
    wholes: dict[str, tuple[Path, float, float]] = {}
    for case in given.cases:
        begun, whole = time.monotonic(), folder / case
        if code := end(start("train", [*CASES[case].split(), "--out", str(whole)], log), None)[0]:
            print(f"{case}: the undisturbed run ended with {code}, see {log}", flush=True)
            return 2
        trained = time.monotonic()
        end(start("evaluate", [str(whole)], log), None)
        wholes[case] = whole, trained - begun, time.monotonic() - trained
        print(f"{case}: {wholes[case][1]:.1f} s to train, {wholes[case][2]:.1f} s to evaluate", flush=True)
    round_number = 0
    while sum(stages.values()) < given.kills:
        case = given.cases[round_number % len(given.cases)]
        whole, to_train, to_evaluate = wholes[case]
        is_evaluation = round_number % 5 == 4
        if is_evaluation:
            found, fault = evaluate_killed(whole, to_evaluate, 8, rng, log)
        else:
            found, fault = one_run(case, whole, to_train, 8, rng, log)
        stages, wrong, round_number = stages + found, wrong + bool(fault), round_number + 1
        print(
            f"{case:<14}{'evaluated' if is_evaluation else 'trained':<12}{dict(found)}: {fault or 'equal'}",
            flush=True,
        )
    print(
        f"{sum(stages.values())} kills: {dict(stages)}; {wrong} runs with other results or an error",
        flush=True,
    )
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
