#!/usr/bin/env python3
"""Train variants of a detector with several seeds each, and compare them with the first in pairs.

python benchmarks/detector_ablation.py --out runs/ablation --flags "--data highway --backbone mobilenet_075 \
    --weights W --image-size 256 --epochs 10" --ways "base=" "no EMA=--ema 0" "rare=--repeat-rare 0.3"

A word MODULE.NAME:=VALUE among the flags of a variant replaces a number in the code while it is trained, or a function
or method, VALUE then being another function's name: "heads.assign.CANDIDATES:=5".

Runs that exist are not trained again. Differences are of the means over the seeds; their 95 % intervals resample the
held-out images, the same ones for both variants (paired bootstrap), and so contain the luck of the images, not of
further seeds: the differences of the single seeds stand beside them.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.continuing import train  # noqa: E402
from cityzoo.metrics.weighted import WeightedMetrics, bootstrap_weights  # noqa: E402

METRICS = ("AP", "AP50", "AP_small", "AP_medium", "AP_large")


def pair_iou(first: Any, second: Any, bounding_box_format: str) -> Any:
    """Return the IoU of each pair of boxes: a box loss without CIoU's distance and aspect ratio."""
    from keras import ops

    corners = ops.maximum(first[..., :2], second[..., :2]), ops.minimum(first[..., 2:], second[..., 2:])
    overlap = ops.prod(ops.maximum(corners[1] - corners[0], 0), axis=-1)
    areas = [ops.prod(ops.maximum(each[..., 2:] - each[..., :2], 0), axis=-1) for each in (first, second)]
    return overlap / (areas[0] + areas[1] - overlap + 1e-7)


def hardest_background_loss(loss: Any, y_true: Any, y_pred: Any) -> Any:
    """Return the detector's loss with, for each point that an object may take, three of the background at most.

    Those with the highest scores are kept, at least 30 of them (Liu et al. 2016, "SSD", arXiv 1512.02325, section 2.2).
    """
    from keras import ops

    from heads.assign import CANDIDATES

    objects = ops.sum(ops.cast(y_true[..., 4] >= 0, "int32"), axis=1)
    kept = ops.clip(3 * CANDIDATES * objects, 30, y_pred.shape[1])
    highest = ops.stop_gradient(ops.max(y_pred[..., 4:], axis=-1))
    lowest_kept = ops.take_along_axis(-ops.sort(-highest, axis=1), kept[:, None] - 1, axis=1)
    return loss._call(y_true, y_pred, ops.cast(highest >= lowest_kept, y_pred.dtype)[..., None])


def resolve(name: str) -> tuple[object, str]:
    """Return the module or class, and the attribute, of a dotted name."""
    owner, _, attribute = name.rpartition(".")
    return pkgutil.resolve_name(owner), attribute


def train_with(replacements: Sequence[str], words: Sequence[str]) -> None:
    """Run train.py in this process, with parts of the code replaced."""
    for replacement in replacements:
        name, _, value = replacement.partition(":=")
        module, attribute = resolve(name)
        old = getattr(module, attribute)
        setattr(module, attribute, getattr(*resolve(value)) if callable(old) else type(old)(value))
    importlib.import_module("train").main(list(words))


def train_variant(words: Sequence[str], run: Path) -> None:
    """Train a run if it is not there yet."""
    replacements = [word for word in words if ":=" in word]
    flags = [word for word in words if ":=" not in word]
    if not replacements:
        train(flags, run)
    elif not (run / "report.json").is_file():
        command = [sys.executable, __file__, "--replace", *replacements, "--", *flags, "--out", str(run)]
        with run.with_suffix(".log").open("w") as log:
            subprocess.run(command, check=True, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)


def weighted_metrics(run: Path) -> tuple[WeightedMetrics, int]:
    """Return the metrics of a run on its held-out images as a function of the images' weights, and their number."""
    from cityzoo.commands.evaluate_flags import parse_evaluation
    from cityzoo.evaluation.evaluated_run import load_truth, open_evaluated
    from cityzoo.metrics.weighted_coco import weighted_coco_metrics

    subject = open_evaluated(str(run))
    truth, _ = load_truth(subject, parse_evaluation([str(run)]))
    return weighted_coco_metrics(truth, subject.results(truth), METRICS), len(truth)


def mean_of(metrics: Sequence[WeightedMetrics]) -> WeightedMetrics:
    """Return the mean over seeds."""

    def mean(weights: np.ndarray) -> dict[str, np.ndarray]:
        found = [each(weights) for each in metrics]
        return {name: np.mean([each[name] for each in found], axis=0) for name in METRICS}

    return mean


def print_variant(
    name: str, metrics: Sequence[WeightedMetrics], base: Sequence[WeightedMetrics], images: int
) -> None:
    """Print a variant's rows of the table: means, and differences from the base."""
    from cityzoo.evaluation.compare import compare

    once = np.ones((1, images))
    values = mean_of(metrics)(once)
    print(f"| {name} | " + " | ".join(f"{values[key][0]:.3f}" for key in METRICS) + " |", flush=True)
    if metrics is base:
        return
    found = compare(mean_of(metrics), mean_of(base), bootstrap_weights(images), METRICS, ())["figures"]
    cells = []
    for key in METRICS:
        row = found[key]
        cells.append(f"{row['difference']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})")
    print("| difference | " + " | ".join(cells) + " |", flush=True)
    single = [this(once)["AP"][0] - other(once)["AP"][0] for this, other in zip(metrics, base, strict=True)]
    print(f"| AP of each seed | {', '.join(f'{each:+.3f}' for each in single)} |", flush=True)


def main() -> None:
    """Train what is missing and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--flags", default="", help="flags of all trainings")
    parser.add_argument("--ways", nargs="+", required=True, help="NAME=FLAGS of each variant, the base first")
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    ways = [way.partition("=")[::2] for way in given.ways]
    print("| variant | " + " | ".join(METRICS) + " |\n|---" * 1 + "|--:" * len(METRICS) + "|")
    base: list[WeightedMetrics] = []
    for name, flags in ways:
        metrics = []
        for seed in range(given.seeds):
            run = given.out / f"{name.replace(' ', '_')}-{seed}"
            words = [*shlex.split(given.flags), *shlex.split(flags), "--seed", str(seed)]
            train_variant(["--task", "vehicle_detect", *words], run)
            found, images = weighted_metrics(run)
            metrics.append(found)
        base = base or metrics
        print_variant(name, metrics, base, images)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--replace"]:
        end = sys.argv.index("--")
        train_with(sys.argv[2:end], sys.argv[end + 1 :])
    else:
        main()
