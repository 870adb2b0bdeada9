#!/usr/bin/env python3
"""Planted wrong labels that `python -m cityzoo check-labels` finds again.

python benchmarks/label_errors.py runs/vehicle_classify runs/clinc150 runs/highway

Of classes 5 % of the labels of a run's data are replaced by another class at random. Of boxes that the run's model has
not seen, 5 % get another class, 5 % are removed and 5 % are moved by a third to a half of their sides.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path[0] = str(Path(__file__).resolve().parents[1])  # not benchmarks/, where augment.py is

SHARE = 0.05  # of the labels that are wrong
RECALL = 0.5  # at which precision is measured


def precision_at(hits: Sequence[bool], planted: int) -> float:
    """Return the precision of the shortest list that has half of what was planted; 0 where none has.

    Example:
        >>> precision_at([True, False, True, True], 4)
        0.6666666666666666
    """
    wanted = int(np.ceil(RECALL * planted))
    places = np.flatnonzero(np.cumsum(hits) >= wanted)
    return 0.0 if not len(places) else float(wanted / (places[0] + 1))


def summarize(rows: Sequence[dict[str, float]]) -> dict[str, list[float]]:
    """Return mean, least and greatest value over the seeds."""
    values = {name: [row[name] for row in rows] for name in rows[0]}
    return {
        name: [round(float(f(each)), 3) for f in (np.mean, np.min, np.max)] for name, each in values.items()
    }


def measure_classes(run: Any, sides: Sequence[Any], seeds: int) -> dict[str, Any]:
    """Return what is found of flipped classes; features are computed once, as they do not depend on labels."""
    from cityzoo import model as models
    from cityzoo.fit.fold_data import group_training
    from cityzoo.selection.class_issues import check_classes
    from cityzoo.selection.probe_data import make_probe_data

    modality, before = run.task.modality, models.load(run.folder.before)
    data = make_probe_data(modality, before, run.output, modality.join(sides))
    groups = group_training("duplicate", modality, data.examples)
    true, classes, rows = data.targets.argmax(axis=1), data.targets.shape[1], []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        wrong = rng.permutation(len(true))[: round(SHARE * len(true))]
        labels = true.copy()
        labels[wrong] = (labels[wrong] + rng.integers(1, classes, len(wrong))) % classes
        targets = np.eye(classes, dtype=np.float32)[labels]
        check = check_classes(replace(data, targets=targets), groups, run.output, folds=5)
        hits = np.isin(check.issues.rows, wrong)
        rows.append(
            {
                "precision at recall .5": precision_at(hits, len(wrong)),
                "listed": len(hits),
                "precision of the list": float(hits.mean()),
                "recall of the list": float(hits.sum() / len(wrong)),
                "true class suggested": float(
                    (check.issues.suggested == true)[check.issues.rows[hits]].mean()
                ),
                "estimated error share": check.issues.error_share,
            }
        )
    return {"examples": len(true), "planted": round(SHARE * len(true)), **summarize(rows)}


def plant_boxes(
    truth: Any, kind: str, rng: np.random.Generator
) -> tuple[Any, list[tuple[int, list[float], int]]]:
    """Return images with wrong boxes, and what is wrong: row of the image, true box, true class."""
    from cityzoo.selection.box_issues import CLASS, MISSING

    places = [(row, k) for row, each in enumerate(truth.examples) for k in range(len(each.labels))]
    chosen = {places[k] for k in rng.permutation(len(places))[: round(SHARE * len(places))]}
    images, wrong = [], []
    for row, each in enumerate(truth.examples):
        boxes, labels = each.boxes_xyxy.copy(), each.labels.copy()
        mine = [k for k in range(len(labels)) if (row, k) in chosen]
        wrong += [(row, each.boxes_xyxy[k].tolist(), int(each.labels[k])) for k in mine]
        for k in mine:
            if kind == CLASS:
                labels[k] = (labels[k] + rng.integers(1, len(truth.class_names))) % len(truth.class_names)
            else:
                shift = rng.uniform(1 / 3, 1 / 2, 2) * rng.choice([-1, 1], 2) * (boxes[k, 2:] - boxes[k, :2])
                boxes[k] = np.clip(boxes[k] + np.tile(shift, 2), 0, [*each.size_hw[::-1]] * 2)
        if kind == MISSING:
            boxes, labels = np.delete(boxes, mine, axis=0), np.delete(labels, mine)
        images.append(replace(each, boxes_xyxy=boxes, labels=labels))
    return replace(truth, examples=tuple(images)), wrong


def measure_boxes(run: Any, truth: Any, seeds: int, score: float | None) -> dict[str, Any]:
    """Return what is found of each kind of wrong box among issues of this kind."""
    from cityzoo.metrics.matching import box_iou
    from cityzoo.selection.box_issues import CLASS, MISSING, PLACE, find_box_issues

    sure = run.output.prelabel(run.results(truth), run.facts, score)
    found: dict[str, Any] = {"images": len(truth)}
    for kind in (CLASS, MISSING, PLACE):
        rows = []
        for seed in range(seeds):
            changed, wrong = plant_boxes(truth, kind, np.random.default_rng(seed))
            issues = [each for each in find_box_issues(changed, sure) if each.kind == kind]
            hits = [
                any(
                    row == each.row
                    and label == each.label
                    and box_iou(each.box_xyxy[None], np.array([box]))[0, 0] >= 0.5
                    for row, box, label in wrong
                )
                for each in issues
            ]
            rows.append(
                {
                    "precision at recall .5": precision_at(hits, len(wrong)),
                    "listed": len(hits),
                    "precision of the list": float(np.mean(hits)) if hits else 0.0,
                    "recall of the list": float(np.sum(hits) / len(wrong)),
                }
            )
        found[kind] = {"planted": len(wrong), **summarize(rows)}
    return found


def main() -> None:
    """Measure, and print JSON: mean, least and greatest value over the seeds."""
    from cityzoo import backend

    backend.prepare()
    from cityzoo.evaluation.evaluated_run import open_evaluated
    from cityzoo.fit.fine_tune import load_task_data
    from cityzoo.outputs.classification import Classification

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--score", type=float, help="of detections that count (default: of the best F1 of the run)"
    )
    given = parser.parse_args()
    for path in given.runs:
        run = open_evaluated(path)
        data = load_task_data(run.spec)[1]
        is_class = isinstance(run.output, Classification)
        measured = (
            measure_classes(run, [data.train, data.val], given.seeds)
            if is_class
            else measure_boxes(run, data.val, given.seeds, given.score)
        )
        print(json.dumps({Path(path).name: measured}, indent=1), flush=True)


if __name__ == "__main__":
    main()
