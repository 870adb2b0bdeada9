#!/usr/bin/env python3
"""Labels that `python -m cityzoo select` saves against random choice.

python benchmarks/selection.py detector --data highway/ --weights mobilenet_075.weights.h5 --backbone mobilenet_075
python benchmarks/selection.py heads runs/vehicles runs/calls

detector: the backbone is frozen and its features of each image, plain and mirrored, are computed once; neck and head
are then trained for each seed, budget and way (random, selected), and evaluated on the data's val images. heads: the
simulation that the command makes, for runs of classification.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path[0] = str(Path(__file__).resolve().parents[1])  # not benchmarks/, where augment.py is

WAYS = ("selected", "random")
BATCH = 16


class FrozenDetector:
    """Features of all images by a frozen backbone; neck and head that are trained on some of them."""

    def __init__(self, given: argparse.Namespace) -> None:
        import keras

        import zoo
        from cityzoo.commands.train_flags import parse_training
        from cityzoo.data.groups import standardize
        from cityzoo.fit import fine_tune
        from cityzoo.model import assemble

        words = ["--task", "vehicle_detect", "--data", given.data]
        self.task, self.data, self.output = fine_tune.load_task_data(parse_training(words).spec)
        self.given, self.size_hw = given, (given.size, given.size)
        keras.utils.set_random_seed(0)
        whole = assemble(given.backbone, self.output, self.size_hw, given.weights)
        prefix = zoo.prefix(whole.backbone, "C5")
        self.suffix = zoo.suffix(prefix, whole.model)
        self.start = self.suffix.get_weights()
        rng = np.random.default_rng(given.hold_out)
        rows = rng.permutation(len(self.data.train)) if given.hold_out else np.arange(len(self.data.train))
        cut = len(rows) * 3 // 4 if given.hold_out else len(rows)
        side = self.task.modality.select
        self.pool = side(self.data.train, rows[:cut].tolist())
        self.val = side(self.data.train, rows[cut:].tolist()) if given.hold_out else self.data.val
        self.train_features, self.targets, _ = self._features(prefix, self.pool, ("none", "hflip"))
        self.val_features, _, self.matrices = self._features(prefix, self.val, ("none",))
        pooled = [self.train_features[name][: len(self.pool)].mean(axis=(1, 2)) for name in ("P4", "P5")]
        rows = standardize(
            np.concatenate([p / np.linalg.norm(p, axis=1, keepdims=True) for p in pooled], axis=1)
        )
        self.rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def _features(
        self, prefix: Any, images: Any, ways: tuple[str, ...]
    ) -> tuple[dict, np.ndarray, np.ndarray]:
        from augment.policy import Policy, Step
        from cityzoo.backend import compiled
        from cityzoo.data.image.views import AugmentedViews

        run, found = compiled(prefix), []
        most = max(len(each.labels) for each in (*self.pool.examples, *self.val.examples))
        for way in ways:
            policy = "none" if way == "none" else Policy("mirror", (Step("flip", {}),))
            views = AugmentedViews(images, self.output, policy, self.size_hw, most, 0)
            batches = views.batches(lambda: ((row, 0) for row in range(len(images))), BATCH)
            found += [(run(x), y.numpy(), m.numpy()) for x, y, m in batches]
        names = found[0][0]
        features = {name: np.concatenate([np.asarray(x[name]) for x, _, _ in found]) for name in names}
        return features, np.concatenate([y for _, y, _ in found]), np.concatenate([m for _, _, m in found])

    def fit(self, rows: np.ndarray, seed: int) -> None:
        """Train neck and head on some images and their mirror images, always from the same start."""
        import keras

        keras.utils.set_random_seed(seed)
        self.suffix.set_weights(self.start)
        both = np.concatenate([rows, rows + len(self.pool)])
        steps = -(-len(both) // BATCH) * self.given.epochs
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, steps, 0.0, warmup_target=2e-3, warmup_steps=steps // 10
        )
        optimizer = keras.optimizers.AdamW(rate, weight_decay=0.01, clipnorm=10.0)
        self.suffix.compile(optimizer, self.output.loss(self.size_hw))
        inputs = {name: values[both] for name, values in self.train_features.items()}
        self.suffix.fit(inputs, self.targets[both], batch_size=BATCH, epochs=self.given.epochs, verbose=0)

    def evaluate(self) -> float:
        """Return AP50 on the val images."""
        raw = self.suffix.predict(self.val_features, batch_size=BATCH, verbose=0)
        return self.output.metrics(self.val, self.output.decode(raw, self.matrices, self.val.examples))[
            "AP50"
        ]

    def extend(self, known: np.ndarray, size: int) -> np.ndarray:
        """Return the known images and those that are selected next, `size` in all."""
        from cityzoo.selection.coverage import choose

        hidden = np.setdiff1d(np.arange(len(self.pool)), known)
        inputs = {name: values[hidden] for name, values in self.train_features.items()}
        raw = self.suffix.predict(inputs, batch_size=BATCH, verbose=0)
        images = [self.pool.examples[row] for row in hidden]
        matrices = np.repeat(np.eye(3, dtype=np.float32)[None], len(hidden), axis=0)
        unsure = self.output.uncertainty(raw, self.output.decode(raw, matrices, images))
        found = hidden[choose(unsure, self.rows[hidden], self.rows[known], size - len(known)).rows]
        return np.concatenate([known, found])


def measure_detector(given: argparse.Namespace) -> dict[str, Any]:
    """Return curves of AP50 and the labels saved."""
    from cityzoo.selection.simulation import summarize

    detector = FrozenDetector(given)
    curves = {way: np.zeros((given.seeds, len(given.budgets))) for way in WAYS}
    boxes = {way: np.zeros((given.seeds, len(given.budgets))) for way in WAYS}
    counts = np.array([len(each.labels) for each in detector.pool.examples])
    for seed in range(given.seeds):
        for way in WAYS:
            order = np.random.default_rng(given.first_seed + seed).permutation(len(detector.pool))
            known = order[: given.budgets[0]]
            for place, size in enumerate(given.budgets):
                started = time.perf_counter()
                if place:
                    known = order[:size] if way == "random" else detector.extend(known, size)
                if place or way == WAYS[0]:
                    detector.fit(known, seed)
                    curves[way][seed, place] = detector.evaluate()
                else:
                    curves[way][seed, 0] = curves[WAYS[0]][seed, 0]
                boxes[way][seed, place] = counts[known].sum()
                seconds = time.perf_counter() - started
                print(
                    f"seed {seed} {way} {size}: AP50 {curves[way][seed, place]:.3f}, {seconds:.0f} s",
                    flush=True,
                )
    found = summarize(curves, given.budgets) if given.seeds > 1 else {}
    means = {way: values.mean(axis=0).tolist() for way, values in boxes.items()}
    return {**found, "boxes": means, "seeds": {way: rows.tolist() for way, rows in curves.items()}}


def measure_heads(given: argparse.Namespace) -> dict[str, Any]:
    """Return what the command simulates, for each run."""
    from cityzoo.evaluation.evaluated_run import open_evaluated
    from cityzoo.selection.candidates import load_labeled
    from cityzoo.selection.selecting import simulate

    found = {}
    for path in given.runs:
        run = open_evaluated(path)
        found[Path(path).name] = simulate(run, load_labeled(run))
    return found


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    detector = commands.add_parser("detector")
    detector.set_defaults(measure=measure_detector)
    detector.add_argument("--data", required=True)
    detector.add_argument("--backbone", default="mobilenet_075")
    detector.add_argument("--weights", default="auto")
    detector.add_argument("--size", type=int, default=192)
    detector.add_argument("--epochs", type=int, default=25)
    detector.add_argument("--budgets", type=int, nargs="+", default=[50, 100, 200])
    detector.add_argument("--seeds", type=int, default=5)
    detector.add_argument("--first-seed", type=int, default=0)
    detector.add_argument(
        "--hold-out", type=int, default=0, help="seed of a quarter of train to evaluate on instead of val"
    )
    heads = commands.add_parser("heads")
    heads.set_defaults(measure=measure_heads)
    heads.add_argument("runs", nargs="+")
    given = parser.parse_args()
    print(json.dumps(given.measure(given), indent=2))


if __name__ == "__main__":
    main()
