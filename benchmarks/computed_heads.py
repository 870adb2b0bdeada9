#!/usr/bin/env python3
"""Heads computed on frozen features, judged by grouped folds of the training data: views, pooling, penalty.

python benchmarks/computed_heads.py --task incident_classify --data fire_smoke/ --backbone mobilenet_075 \
    --weights mobilenet_075.weights.h5

Features are computed once (--features FILE keeps them); a head then takes seconds. Each row of the table is the mean
over `--seeds` divisions into four folds of whole groups; val is what a user sees without folds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path[0] = str(Path(__file__).resolve().parents[1])  # not benchmarks/, where augment.py is

FOLDS = 4
LEVELS = ("P3", "P4", "P5")
LAST_TWO = ("P4_mean", "P5_mean")
PEAKS = ("P4_mean", "P4_peak", "P5_mean", "P5_peak")
# name: pooled features, how the penalty is chosen (a number: fixed), training views, whether mirror images count
VARIANTS: dict[str, tuple[tuple[str, ...], float | None, tuple[str, ...], bool]] = {
    "last level, C .003": (("P5_mean",), 0.003, ("plain",), False),
    "two levels, C .001": (LAST_TWO, 0.001, ("plain",), False),
    "two levels, C .003 (the baseline of every report)": (LAST_TWO, 0.003, ("plain",), False),
    "two levels, C .01": (LAST_TWO, 0.01, ("plain",), False),
    "two levels, C .1": (LAST_TWO, 0.1, ("plain",), False),
    "two levels, C 1": (LAST_TWO, 1.0, ("plain",), False),
    "mean and peak, C .001": (PEAKS, 0.001, ("plain",), False),
    "mean and peak, C .1": (PEAKS, 0.1, ("plain",), False),
    "mean and peak, C .001, two light views, mirrored": (PEAKS, 0.001, ("light0", "light1"), True),
    "three levels, C .1": (("P3_mean", *LAST_TWO), 0.1, ("plain",), False),
    "two levels, C .1, mirrored": (LAST_TWO, 0.1, ("plain",), True),
    "two levels, C .1, two light views, mirrored": (LAST_TWO, 0.1, ("light0", "light1"), True),
    "two levels, C by groups": (LAST_TWO, None, ("plain",), False),
    "two levels, C by groups, two light views, mirrored": (LAST_TWO, None, ("light0", "light1"), True),
}


def compute_features(words: list[str]) -> dict[str, np.ndarray]:
    """Return pooled features, labels and scenes of a task's data: "train_plain_P4_mean" and the like."""
    import keras
    import tensorflow as tf

    from cityzoo.commands.train_flags import parse_training
    from cityzoo.data.image.views import AugmentedViews
    from cityzoo.fit import auto_settings, fine_tune

    spec = parse_training(words).spec
    task, data, output = fine_tune.load_task_data(spec)
    spec = auto_settings.resolve(spec, task, data, output)
    backbone = task.modality.build(spec, output, data).backbone
    pools = {"mean": keras.ops.mean, "peak": keras.ops.max}
    pooled = {
        f"{level}_{how}": pool(backbone.output[level], axis=(1, 2))
        for level in LEVELS
        for how, pool in pools.items()
    }
    run = tf.function(keras.Model(backbone.input, pooled), reduce_retracing=True)
    found: dict[str, np.ndarray] = {}
    for split, side in (("train", data.train), ("val", data.val)):
        for name, policy, view in (
            ("plain", "none", 0),
            ("mirror", "none", 0),
            ("light0", "light", 0),
            ("light1", "light", 1),
        ):
            if split == "val" and policy == "light":
                continue
            views = AugmentedViews(side, output, policy, spec.modality.image_size, 1, 0)
            rows = [(row, view) for row in range(len(side))]
            parts = []
            for images, _, _ in views.batches(lambda rows=rows: iter(rows), 32, unmixed_from=0):
                images = images[:, :, ::-1] if name == "mirror" else images
                parts.append(run(tf.cast(images, tf.float32), training=False))
            found |= {
                f"{split}_{name}_{key}": np.concatenate([part[key] for part in parts]).astype(np.float16)
                for key in pooled
            }
        found[f"{split}_y"] = np.stack([each.target for each in side.examples])
        found[f"{split}_scene"] = np.array(task.modality.groups(side))
        found[f"{split}_path"] = np.array([each.name for each in side.examples])
    return found


def group(z: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return groups of the training examples: by video (or image), and clusters of these by features."""
    from cityzoo.data.groups import group_examples, join_groups

    videos = join_groups(
        z["train_path"].tolist(), group_examples(z["train_scene"].tolist(), "video").tolist()
    )
    features = np.concatenate([z[f"train_plain_{key}"] for key in LAST_TWO], axis=1)
    clusters = group_examples([str(each) for each in videos], "cluster", features=features)
    return {"video": videos, "cluster": clusters}


def score(targets: np.ndarray, logits: np.ndarray, several: bool) -> float:
    """Return the mean AUROC of several classes, else the balanced accuracy."""
    from sklearn.metrics import balanced_accuracy_score, roc_auc_score

    if not several:
        return float(balanced_accuracy_score(targets.argmax(1), logits.argmax(1)))
    known = [column for column in range(targets.shape[1]) if 0 < targets[:, column].sum() < len(targets)]
    return float(np.mean([roc_auc_score(targets[:, column], logits[:, column]) for column in known]))


def judge(
    z: dict[str, np.ndarray], variant: Any, several: bool, seeds: int
) -> Iterator[tuple[str, list[float]]]:
    """Yield ("val", [value]) and, for each grouping, its name and the means of each division into folds."""
    from cityzoo.data.groups import make_folds
    from heads.linear_probe import logistic_regression

    keys, strength, views, is_mirrored = variant
    targets, groups = z["train_y"].astype(float), group(z)
    shown = ("plain", "mirror") if is_mirrored else ("plain",)

    def stack(split: str, view: str) -> np.ndarray:
        return np.concatenate([z[f"{split}_{view}_{key}"] for key in keys], axis=1).astype(np.float32)

    blocks = [stack("train", view) for view in views]
    tests = {split: [stack(split, view) for view in shown] for split in ("train", "val")}

    def fit(rows: np.ndarray, split: str, held: np.ndarray) -> np.ndarray:
        features = np.concatenate([block[rows] for block in blocks])
        tiled = np.tile(groups["video"][rows], len(views))
        found = logistic_regression(
            features, np.tile(targets[rows], (len(views), 1)), tiled, several, strength=strength
        )
        return np.mean([test[held] @ found.kernel + found.bias for test in tests[split]], axis=0)

    every = np.arange(len(z["val_y"]))
    yield "val", [score(z["val_y"], fit(np.arange(len(targets)), "val", every), several)]
    for name, labels in groups.items():
        means = []
        for seed in range(seeds):
            folds = make_folds(labels, targets, FOLDS, seed)
            held = [np.flatnonzero(folds == fold) for fold in range(FOLDS)]
            means.append(
                float(
                    np.mean(
                        [
                            score(
                                targets[rows],
                                fit(np.flatnonzero(~np.isin(np.arange(len(targets)), rows)), "train", rows),
                                several,
                            )
                            for rows in held
                        ]
                    )
                )
            )
        yield name, means


def main() -> None:
    """Compute the features, judge every variant, and write JSON and a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--task", default="incident_classify")
    parser.add_argument("--features", type=Path, default=Path("features.npz"), help="where features are kept")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="variants whose names contain this")
    known, words = parser.parse_known_args()
    if not known.features.is_file():
        np.savez(known.features, **compute_features(["--task", known.task, *words]))
    z = dict(np.load(known.features))
    for name, variant in VARIANTS.items():
        if known.only not in name:
            continue
        started = time.perf_counter()
        found = dict(judge(z, variant, known.task == "incident_classify", known.seeds))
        cells = [
            f"{np.mean(values):.3f}"[1:] + (f" ({np.std(values, ddof=1):.3f})" if len(values) > 1 else "")
            for values in found.values()
        ]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
        with known.features.with_suffix(".jsonl").open("a") as file:
            file.write(
                json.dumps({"variant": name, **found, "seconds": round(time.perf_counter() - started, 1)})
                + "\n"
            )


if __name__ == "__main__":
    main()
