#!/usr/bin/env python3
"""One cycle of an update at dusk, with true labels as those of a person; then both models on what was not labeled.

python benchmarks/updating.py --data highway/ --weights mobilenet_025.weights.h5 --out town/ --most 60 --seed 0
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
SIDE, LEAST_PIXELS = 96, 48  # of crops, pixels
OLD, NEW = 500, 200  # crops of the first training, and that arrive
DUSK, NOISE = (
    (0.35, 0.4, 0.55),
    6.0,
)  # factors of red, green and blue; standard deviation of noise, gray levels
LEFT_OUT = ("person",)
APART = "~"  # between the true class and the rest of a file's name
PLAN: dict[str, Any] = {
    "run": "runs/road",
    "data": "incoming",
    "min_examples": 40,
    "settle_seconds": 0,
    "drift": {"when": "drift"},
    "train": {"retain": "replay:0.5", "phases": "closed_form", "may_lose": "balanced_accuracy:0.05"},
    "export": {"format": "onnx"},
}


def read_crops(data: Path, split: str) -> list[tuple[str, Image.Image]]:
    """Return class and crop of each box of a YOLO data set."""
    names = yaml.safe_load((data / "data.yaml").read_text())["names"]
    crops = []
    for file in sorted((data / split / "labels").glob("*.txt")):
        image = Image.open(next((data / split / "images").glob(f"{file.stem}.*"))).convert("RGB")
        for line in file.read_text().splitlines():
            x, y, w, h = np.array(line.split()[1:5], float) * (image.size * 2)
            name = names[int(line.split()[0])]
            if name not in LEFT_OUT and min(w, h) >= LEAST_PIXELS:
                box = tuple(round(v) for v in (x - w / 2, y - h / 2, x + w / 2, y + h / 2))
                crops.append((name, image.crop(box).resize((SIDE, SIDE))))
    return crops


def darken(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return an image at dusk."""
    pixels = np.asarray(image) * DUSK + rng.normal(0, NOISE, (SIDE, SIDE, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def write_data(data: Path, out: Path, seed: int) -> None:
    """Write `old/` in class folders, and `incoming/` at dusk, with the true class in each name."""
    train, rng = read_crops(data, "train"), np.random.default_rng(seed)
    random.Random(seed).shuffle(train)
    for split, crops in (("train", train[:OLD]), ("val", read_crops(data, "val"))):
        for number, (name, crop) in enumerate(crops):
            (out / "old" / split / name).mkdir(parents=True, exist_ok=True)
            crop.save(out / "old" / split / name / f"{number}.png")
    (out / "incoming").mkdir()
    for number, (name, crop) in enumerate(train[OLD : OLD + NEW]):
        darken(crop, rng).save(out / "incoming" / f"{name}{APART}{number}.png")


def label(out: Path) -> int:
    """Correct all labels, move the folder, and write what was not selected into `rest/`; return the corrections."""
    (folder,) = (out / "to_label").iterdir()
    with (folder / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    truth = {row["path"]: Path(row["path"]).name.split(APART)[0] for row in rows}
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label"), *truth.items()])
    chosen = {Path(path).name for path in truth}
    for image in (out / "incoming").iterdir():
        if image.name not in chosen:
            place = out / "rest" / image.name.split(APART)[0]
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(image, place)
    (out / "labeled").mkdir()
    folder.rename(out / "labeled" / folder.name)
    return sum(row["label"] != truth[row["path"]] for row in rows)


def call(out: Path, *words: str) -> int:
    """Run a command in the folder of the plan; return its exit code."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *words], cwd=out, env=env, stdout=subprocess.DEVNULL, check=False
    ).returncode


def main(arguments: Sequence[str]) -> None:
    """Write the data, train, update, evaluate."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="highway, YOLO")
    parser.add_argument("--weights", type=Path, required=True, help="of mobilenet_025 without top")
    parser.add_argument("--out", type=Path, required=True, help="new folder")
    parser.add_argument("--most", type=int, default=60, help="labels of the cycle")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    out = given.out.resolve()
    out.mkdir(parents=True)
    write_data(given.data, out, given.seed)
    (out / "plan.yaml").write_text(yaml.safe_dump({**PLAN, "select": {"most": given.most}}))
    flags = f"--task vehicle_classify --backbone mobilenet_025 --image-size {SIDE} --phases closed_form --augment none"
    words = [*flags.split(), "--weights", str(given.weights.resolve()), "--data", "old", "--out", "runs/road"]
    call(out, str(ROOT / "train.py"), *words)
    call(out, "-m", "cityzoo", "update", "plan.yaml")
    corrected = label(out)
    code = call(out, "-m", "cityzoo", "update", "plan.yaml")
    (cycle,) = (out / "cycles").glob("*/cycle.json")
    (run,) = (out / "cycles").glob("*/road-*")
    call(out, str(ROOT / "evaluate.py"), str(run), "runs/road", "--data", "rest", "--out", "rest_evaluated")
    compared = json.loads((out / "rest_evaluated" / "report.json").read_text())["compared"]
    found = {"exit_code": code, "corrected": corrected, **json.loads(cycle.read_text())["results"]}
    found["rest"] = compared["runs/road"]["figures"]["balanced_accuracy"]
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
