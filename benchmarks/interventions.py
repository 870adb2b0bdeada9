#!/usr/bin/env python3
"""How often `evaluate.py --interventions` flags a planted shortcut, and clean data.

python benchmarks/interventions.py --weights mobilenet_025.weights.h5 [--seeds 20] [--first-seed 0] [--own-kind]

Crops of vehicles in drawn street scenes. For each seed a linear head is fitted on features of a frozen backbone, once
with a watermark on 95 % of the buses that it is fitted on (2 % of the others), once without. Both are then measured on
crops without watermarks, and the former also on crops of its own kind.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

sys.path[0] = str(Path(__file__).resolve().parents[1])  # not benchmarks/, where augment.py is

SIDE = 64  # pixels of a crop
MARKED, MARKED_OTHERS = 0.95, 0.02  # shares of the crops
PENALTY = 0.03  # of the logistic regression, as the project chooses it for these crops
COUNTS = {"train": 240, "val": 120}  # per class


def plant_watermark(image: np.ndarray, place_xy: tuple[float, float], opacity: float) -> np.ndarray:
    """Return an image with a small bright logo; place: 0..1 of where it fits."""
    size = max(12, image.shape[1] // 4), max(6, image.shape[0] // 8)
    x, y = (round(p * (side - own)) for p, side, own in zip(place_xy, image.shape[1::-1], size, strict=True))
    logo = Image.fromarray(image)
    draw = ImageDraw.Draw(logo)
    draw.rectangle((x, y, x + size[0] - 1, y + size[1] - 1), fill=(250, 250, 250))
    draw.line((x + 2, y + size[1] - 3, x + size[0] - 3, y + 2), fill=(200, 20, 20), width=2)
    return (opacity * np.asarray(logo) + (1 - opacity) * image).astype(np.uint8)


def draw_crops(folder: Path) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Return crops (N, SIDE, SIDE, 3) uint8 of drawn vehicles, their classes (N,) and the names of these."""
    from cityzoo.data.image.decode import read_image
    from cityzoo.demo import write_demo
    from cityzoo.tasks.vehicle_classify import VehicleCropReader, demo

    write_demo(demo(), {"train": 330, "val": 2}, 0, folder)
    data = VehicleCropReader(context=0.2, least_px=20)(str(folder))
    crops = [read_image(each.path, each.window_xyxy) for each in data.train.examples]
    resized = [np.asarray(Image.fromarray(crop).resize((SIDE, SIDE))) for crop in crops]
    return (
        np.stack(resized),
        np.array([e.target.argmax() for e in data.train.examples]),
        data.train.class_names,
    )


def write_set(
    folder: Path, split: str, images: np.ndarray, labels: np.ndarray, names: tuple[str, ...]
) -> Any:
    """Write images as files, and return them as a set."""
    from cityzoo.sample import ImageExample, ImageSet

    folder.mkdir(parents=True)
    examples = []
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        Image.fromarray(image).save(folder / f"{number}.png")
        target = np.eye(len(names), dtype=np.float32)[label]
        examples.append(ImageExample(str(folder / f"{number}.png"), image.shape[:2], target=target))
    return ImageSet(split, names, tuple(examples))


class Bench:
    """Crops, and a frozen backbone with a head that is fitted for each seed."""

    def __init__(self, given: argparse.Namespace, folder: Path) -> None:
        import keras

        from cityzoo.backend import compiled
        from cityzoo.model import assemble
        from cityzoo.tasks.vehicle_classify import VehicleType

        cache = Path(given.crops) if given.crops else None
        if cache and cache.is_file():
            stored = np.load(cache)
            self.crops, self.labels, names = (
                stored["crops"],
                stored["labels"],
                tuple(stored["names"].tolist()),
            )
        else:
            self.crops, self.labels, names = draw_crops(folder / "scenes")
            if cache:
                np.savez(cache, crops=self.crops, labels=self.labels, names=np.array(names))
        self.names, self.folder, self.own_kind = names, folder, given.own_kind
        self.output = VehicleType(names, dropout=0.0)
        self.model = assemble(given.backbone, self.output, (SIDE, SIDE), given.weights).model
        layer = self.model.get_layer(self.output.closed_form_layer)
        self.embed = compiled(keras.Model(self.model.input, layer.input))

    def split(self, seed: int) -> dict[str, np.ndarray]:
        """Return rows of crops by split, as many of each class."""
        rng, rows = np.random.default_rng(seed), {"train": [], "val": []}
        for label in range(len(self.names)):
            own = rng.permutation(np.flatnonzero(self.labels == label))
            cut = min(COUNTS["train"], 2 * len(own) // 3)
            rows["train"] += own[:cut].tolist()
            rows["val"] += own[cut : cut + COUNTS["val"]].tolist()
        return {name: np.array(each) for name, each in rows.items()}

    def mark(self, rows: np.ndarray, seed: int) -> np.ndarray:
        """Return crops, those of buses mostly with a watermark, at one place at the border per seed."""
        rng = np.random.default_rng((seed, 1))
        place = rng.permutation([rng.uniform(), float(rng.integers(2))])
        opacity = rng.uniform(0.6, 1.0)
        rng, bus = np.random.default_rng((seed, len(rows))), self.names.index("bus")
        shares = np.where(self.labels[rows] == bus, MARKED, MARKED_OTHERS)
        marked = rng.uniform(size=len(rows)) < shares
        images = [plant_watermark(self.crops[r], tuple(place), opacity) if m else self.crops[r]
                  for r, m in zip(rows, marked, strict=True)]  # fmt: skip
        return np.stack(images)

    def fit(self, train: Any) -> None:
        """Fit the head on features of the images: logistic regression with one penalty, which saves minutes."""
        from sklearn.linear_model import LogisticRegression

        from cityzoo.evaluation.network_inputs import prepare

        inputs = prepare(self.model, self.output, train, range(len(train)))
        rows = np.concatenate([self.embed(inputs.images[part].astype("float32")) for part in inputs.parts])
        spread = rows.std(axis=0) + 0.1 * rows.std()
        fitted = LogisticRegression(C=PENALTY, max_iter=300).fit(rows / spread, inputs.targets.argmax(axis=1))
        layer = self.model.get_layer(self.output.closed_form_layer)
        layer.set_weights([(fitted.coef_ / spread).T, fitted.intercept_])

    def run(self, seed: int) -> dict[str, Any]:
        """Return what is found for one seed: planted (on clean and on marked crops) and clean."""
        from cityzoo import predict
        from cityzoo.evaluation.interventions.measure import measure

        rows, found = self.split(seed), {}
        sides = {name: self.labels[each] for name, each in rows.items()}
        for kind in ("planted", "clean"):
            folder = self.folder / f"{kind}-{seed}"
            image_of = self.mark if kind == "planted" else (lambda chosen, _: self.crops[chosen])
            train = write_set(
                folder / "train", "train", image_of(rows["train"], seed), sides["train"], self.names
            )
            self.fit(train)
            tests = {kind: self.crops[rows["val"]]}
            if kind == "planted" and self.own_kind:
                tests["planted, own kind"] = self.mark(rows["val"], seed)
            for name, images in tests.items():
                test = write_set(folder / name, "val", images, sides["val"], self.names)
                started = time.perf_counter()
                measured = measure(self.model, self.output, test, train, seed, 120, None)
                accuracy = self.output.metrics(test, predict.predict_all(self.model, test, self.output))
                found[name] = {
                    "flagged": measured["flagged"],
                    "places": [
                        (r["place"], r["class"], round(r["reliance"], 3), round(r["low"], 3))
                        for r in measured["places"][:6]
                    ],
                    "balanced_accuracy": accuracy["balanced_accuracy"],
                    "seconds": round(time.perf_counter() - started, 1),
                }
        return found


def main() -> None:
    """Print a line per seed, and a summary as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backbone", default="mobilenet_025")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--crops", help="file that keeps the drawn crops, made where missing")
    parser.add_argument("--own-kind", action="store_true", help="measure on marked crops, too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(given, Path(folder))
        print({n: int((bench.labels == i).sum()) for i, n in enumerate(bench.names)}, flush=True)
        found = []
        for seed in range(given.first_seed, given.first_seed + given.seeds):
            found.append(bench.run(seed))
            print(seed, json.dumps(found[-1]), flush=True)
    for name in found[0]:
        rows = [each[name] for each in found]
        print(name, "flagged", sum(bool(r["flagged"]) for r in rows), "of", len(rows),
              "balanced accuracy", round(float(np.mean([r["balanced_accuracy"] for r in rows])), 3))  # fmt: skip


if __name__ == "__main__":
    main()
