#!/usr/bin/env python3
"""Drift: planted shifts that are found, false alarms on unchanged weeks, errors of the predicted metric.

python benchmarks/drift.py shifts --run runs/highway --data traffic_cam --crops fire_smoke
python benchmarks/drift.py metric --run runs/highway
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.unseen_corruptions import unseen_corruptions  # noqa: E402

if TYPE_CHECKING:
    from cityzoo.continual.predicted_metric import MetricPoints
    from cityzoo.evaluation.evaluated_run import EvaluatedRun
    from cityzoo.monitor.reference_examples import MeasuredExamples

SHARE = 0.6  # of the clusters that are the reference; the others are a week
SPLITS, CLEAN_SPLITS = 10, 100  # of each planted shift, of unchanged weeks
Change = Callable[[np.ndarray], np.ndarray]  # (h, w, 3) uint8 -> the same


def warp(zoom: float = 1.0, degrees: float = 0.0, x: float = 0.0, y: float = 0.0) -> Change:
    """Return a camera that is moved: about the middle, then by shares of the sides."""
    import cv2

    def change(image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, zoom)
        matrix[:, 2] += x * width, y * height
        return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)

    return change


def paste(crops: Sequence[np.ndarray], share: float, size: float) -> Change:
    """Return objects of a class that the data does not have, in a share of the images, of a share of their width."""
    import cv2

    rng = np.random.default_rng(0)

    def change(image: np.ndarray) -> np.ndarray:
        if rng.uniform() >= share:
            return image
        changed, side = image.copy(), round(size * image.shape[1])
        crop = cv2.resize(crops[rng.integers(len(crops))], (side, side), interpolation=cv2.INTER_AREA)
        y, x = (int(rng.integers(0, length - side)) for length in image.shape[:2])
        changed[y : y + side, x : x + side] = crop
        return changed

    return change


def read_crops(folder: Path) -> list[np.ndarray]:
    """Return the burning boxes of the held-out images of fire_smoke."""
    from cityzoo.data.image import load

    data = load(str(folder)).val
    fire = data.class_names.index("fire")
    from cityzoo.data.image.decode import read_image

    crops = []
    for each in data.examples:
        for (x1, y1, x2, y2), label in zip(each.boxes_xyxy.round().astype(int), each.labels, strict=True):
            if label == fire and min(x2 - x1, y2 - y1) >= 32:
                crops.append(read_image(each.path)[y1:y2, x1:x2])
    return crops


def planted(crops: Sequence[np.ndarray], is_fixed: bool) -> dict[str, tuple[str, float] | Change]:
    """Return ten shifts: name -> a corruption of cityzoo and its strength, or a change of images."""
    moved = {
        "moved 3 %": warp(x=0.03, y=-0.02),
        "moved 8 %": warp(x=0.06, y=0.05),
        "turned 4 degrees": warp(degrees=4),
        "zoomed 12 %": warp(zoom=1.12),
    }
    elsewhere = {"zoomed 50 %": warp(zoom=1.5), "tilted 30 %": warp(y=0.3)}  # of photographs of many roads
    classes = {"fire, 15 % wide": paste(crops, 1, 0.15), "fire, 25 % wide": paste(crops, 1, 0.25)}
    rare = {"fire, in half": paste(crops, 0.5, 0.25), "fire, 35 % wide": paste(crops, 1, 0.35)}
    weather = {f"{name} {strength}": (name, strength) for name in ("fog", "night") for strength in (0.6, 1.0)}
    return {**weather, **classes, **(moved if is_fixed else {**elsewhere, **rare})}


def measure_all(
    run: EvaluatedRun, examples: Any, changes: dict[str, Any], folder: Path
) -> dict[str, MeasuredExamples]:
    """Return what is measured of the same images, unchanged ("") and under each change, at the network's size."""
    from dataclasses import replace

    import cv2

    from cityzoo.continual.measure_examples import measure
    from cityzoo.evaluation.network_inputs import prepare
    from cityzoo.evaluation.robustness.conditions import corrupt_batches

    inputs = prepare(run.model, run.output, examples, range(len(examples)))
    found = {}
    for name, change in {"": lambda image: image, **changes}.items():
        images = inputs.images
        if isinstance(change, tuple):
            batches = corrupt_batches(inputs, change[0], (change[1],))
            images = np.concatenate([np.asarray(batch) for batch, _ in batches]).astype(np.uint8)
        shown = []
        for row, (image, each) in enumerate(zip(images, examples.examples, strict=True)):
            changed = image if isinstance(change, tuple) else change(image)
            path = folder / f"{row:04}_{Path(each.path).stem}.png"
            cv2.imwrite(str(path), changed[..., ::-1])
            shown.append(replace(each, path=str(path), size_hw=image.shape[:2], window_xyxy=None))
        shown_set = replace(examples, examples=tuple(shown))
        results = run.task.modality.predict(run.model, shown_set, run.output)
        measured = measure(run, shown_set, results, 0.35)
        found[name] = replace(measured, cameras=tuple(run.task.modality.groups(examples)))
    return found


def count_alarms(measured: dict[str, MeasuredExamples], clean_splits: int, splits: int) -> dict[str, Any]:
    """Return by shift the share of random splits of reference and week in which it raised an alarm, and in what."""
    from collections import Counter

    from cityzoo.continual.drift import find_drift
    from cityzoo.continual.own_periods import draw_periods
    from cityzoo.continual.two_sample_test import cluster_examples
    from cityzoo.data.groups import join_groups

    clean = measured[""]
    clusters = cluster_examples(join_groups(clean.cameras))
    weeks = draw_periods(clusters, clean.cameras, round((1 - SHARE) * len(clean)), clean_splits, seed=100)
    rows: dict[str, Any] = {name: {"splits": 0, "alarms": 0, "why": Counter()} for name in measured}
    for number, week in enumerate(weeks):
        limits = None
        for name, changed in measured.items():
            if name and number >= splits:
                continue
            drift = find_drift(
                changed.select(week), clean.select(~week), seed=number, limits=limits, permutations=0
            )
            limits = drift.limits
            rows[name]["splits"] += 1
            rows[name]["alarms"] += bool(drift.changed)
            rows[name]["why"].update(drift.changed[:1])
    return rows


def predict_unseen(run: EvaluatedRun, truth: Any, points: MetricPoints) -> dict[str, list[dict[str, float]]]:
    """Return the predicted and the real metric under each unseen corruption and strength."""
    from cityzoo import predict
    from cityzoo.continual.predicted_metric import MOST, answer_sums, predict_metric
    from cityzoo.data.image.views import AugmentedViews
    from cityzoo.evaluation.network_inputs import prepare, spread_indices
    from cityzoo.metrics.weighted import bootstrap_weights

    inputs = prepare(run.model, run.output, truth, spread_indices(len(truth), MOST))
    views = AugmentedViews(inputs.examples, run.output, "none", inputs.size_hw, 1, 0)
    found: dict[str, list[dict[str, float]]] = {}
    for name, change in unseen_corruptions().items():
        for strength in range(3):
            images = [np.clip(change(each.astype(np.float32), strength), 0, 255) for each in inputs.images]
            shown = np.where(inputs.inside, np.floor(np.stack(images) + 0.5), inputs.images).astype(
                np.float32
            )
            batches = ((shown[part], inputs.matrices[part]) for part in inputs.parts)
            results = predict.predict_batches(run.model, batches, views, inputs.mirrored)
            sums = answer_sums(run.output, results)
            guess = predict_metric(points, sums, bootstrap_weights(len(sums), 200))
            real = float(run.output.metrics(inputs.examples, results)[points.metric])
            found.setdefault(name, []).append(
                {**guess._asdict(), "real": real, "confidence": float(sums[:, 1].mean())}
            )
            sys.stdout.write(f"{name} {strength}: real {real:.3f}, predicted {guess.value:.3f}\n")
    return found


def main() -> None:
    """Print one part's numbers as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("shifts", "metric"))
    parser.add_argument("--run", required=True)
    parser.add_argument(
        "--data", help="images of fixed cameras that the run has not seen (default: its held-out ones)"
    )
    parser.add_argument("--crops", type=Path, help="fire_smoke")
    parser.add_argument("--splits", type=int, default=SPLITS)
    parser.add_argument("--clean-splits", type=int, default=CLEAN_SPLITS)
    given = parser.parse_args()
    from cityzoo.continual.measure_examples import read_held_out, read_new
    from cityzoo.continual.predicted_metric import measure_points
    from cityzoo.evaluation.evaluated_run import open_evaluated

    run = open_evaluated(given.run)
    if given.part == "metric":
        truth = read_held_out(run)
        points = measure_points(run, truth)
        if points is None:
            raise SystemExit("this run's metric cannot be predicted")
        sys.stdout.write(json.dumps(predict_unseen(run, truth, points)) + "\n")
        return
    examples = read_new(run, given.data) if given.data else read_held_out(run)
    changes = planted(read_crops(given.crops), is_fixed=bool(given.data))
    with tempfile.TemporaryDirectory() as folder:
        measured = measure_all(run, examples, changes, Path(folder))
    sys.stdout.write(json.dumps(count_alarms(measured, given.clean_splits, given.splits), indent=1) + "\n")


if __name__ == "__main__":
    main()
