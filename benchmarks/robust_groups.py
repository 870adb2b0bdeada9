#!/usr/bin/env python3
"""What `train.py --robust-groups` (or `--independent-of`) gains on the worst group where a shortcut is planted.

python benchmarks/robust_groups.py highway/ --weights mobilenet_025.weights.h5 [--kinds background] [--seeds 5]

As Waterbirds (Sagawa et al. 2020): crops of two kinds of vehicles, cars and heavy ones (bus, truck). In training 95 %
of the cars are on asphalt and 95 % of the heavy vehicles on grass (or have a watermark); each rare group has 2.5 % of
the images. Held-out crops come from other photographs, each with both backgrounds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # not benchmarks/, where augment.py is
SIDE, OBJECT = 64, 40  # pixels of an image, of the crop on a background
COUNT, RARE = 400, 0.025  # training images, share of each rare group
KINDS = {"background": ("asphalt", "grass"), "watermark": ("plain", "mark")}
HEAVY = ("bus", "truck")


def cut_crops(data: str, split: str) -> list[tuple[np.ndarray, int]]:
    """Return crops of cars (0) and of heavy vehicles (1)."""
    from cityzoo.data.image.decode import read_image
    from cityzoo.tasks.vehicle_classify import VehicleCropReader

    side = getattr(VehicleCropReader(least_px=24)(data), split)
    classes = {name: int(name in HEAVY) for name in side.class_names if name in ("car", *HEAVY)}
    pairs = ((each, side.class_names[int(each.target.argmax())]) for each in side.examples)
    return [(read_image(e.path, e.window_xyxy), classes[name]) for e, name in pairs if name in classes]


def draw_background(rng: np.random.Generator, is_grass: bool) -> np.ndarray:
    """Return an image of grass, or of asphalt with a lane."""
    coarse = rng.normal(0, 1, (SIDE // 4, SIDE // 4, 1)).repeat(4, 0).repeat(4, 1)
    shade = 14 * coarse + rng.normal(0, 10, (SIDE, SIDE, 1))
    image = np.array([70, 125, 50] if is_grass else [105, 105, 112]) + shade
    if not is_grass:
        x = rng.integers(2, SIDE - 6)
        image[:, x : x + 3] = 215
    return np.clip(image, 0, 255).astype(np.uint8)


def compose(crop: np.ndarray, kind: str, is_second: bool, rng: np.random.Generator) -> np.ndarray:
    """Return a crop on its background, or with its watermark."""
    if kind == "background":
        image = draw_background(rng, is_second)
        y, x = rng.integers(0, SIDE - OBJECT + 1, 2)
        image[y : y + OBJECT, x : x + OBJECT] = np.asarray(Image.fromarray(crop).resize((OBJECT, OBJECT)))
        return image
    image = np.array(Image.fromarray(crop).resize((SIDE, SIDE)))
    if is_second:
        y, x = rng.integers(0, 12, 2)
        image[y : y + 9, x : x + 22] = (250, 250, 250)
        image[y + 3 : y + 6, x + 3 : x + 19] = (200, 20, 20)
    return image


def write_images(folder: Path, kind: str, train: list, val: list, seed: int) -> None:
    """Write folders of classes; file names say the background."""
    rng = np.random.default_rng(seed)

    def write(split: str, label: int, second: int, crops: list, count: int) -> None:
        place = folder / split / ("car", "heavy")[label]
        place.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            image = compose(crops[number], kind, bool(second), rng)
            Image.fromarray(image).save(place / f"{KINDS[kind][second]}_{number}.png")

    rare = round(COUNT * RARE)
    for label in (0, 1):
        own = [crop for crop, kind_of in train if kind_of == label]
        rng.shuffle(own)
        write("train", label, label, own[rare:], COUNT // 2 - rare)
        write("train", label, 1 - label, own[:rare], rare)
        held = [crop for crop, kind_of in val if kind_of == label]
        for second in (0, 1):
            write("val", label, second, held, len(held))


def train(data: Path, kind: str, seed: int, given: argparse.Namespace, out: Path) -> dict:
    """Return the section of the report of one run of train.py; with it comes the training without groups."""
    command = [sys.executable, str(ROOT / "train.py"), "--task", "vehicle_classify", "--data", str(data)]
    command += ["--backbone", given.backbone, "--weights", given.weights, "--views", "1"]
    command += [] if "--phases" in given.flags else ["--freeze", "backbone"]
    command += ["--augment", "none", "--image-size", "96", "--seed", str(seed), "--out", str(out)]
    by = f"({'|'.join(KINDS[kind])})_" + (f":{given.weight:g}" if given.method == "independent_of" else "")
    command += [f"--{given.method.replace('_', '-')}", by, *given.flags.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.strip().splitlines()[-1])
    return json.loads((out / "report.json").read_text())[given.method]


def summarize(found: list[dict]) -> list[str]:
    """Return lines of a table: each seed, and the means."""
    lines = []
    for number, section in enumerate(found):
        _, without, this = section["models"].values()
        low, high = section["changes"]["worst group"]["change_interval"]
        change = section["changes"]["worst group"]["change"]
        lines.append(
            f"| {number} | {without['worst']:.3f} ({without['worst_group']}) | {this['worst']:.3f} "
            f"({this['worst_group']}) | {change:+.3f} ({low:+.3f} to {high:+.3f}) | {without['accuracy']:.3f} | "
            f"{this['accuracy']:.3f} | {section['changes']['all examples']['change']:+.3f} | "
            f"{without.get('dependence', 0):.3f} | {this.get('dependence', 0):.3f} |"
        )
    return lines


def describe_means(found: list[dict]) -> str:
    """Return the means over seeds in one line; accuracy on the training's own mix weighs groups as training does."""
    gains = [section["changes"]["worst group"]["change"] for section in found]
    means = [section["changes"]["all examples"]["change"] for section in found]
    mixed = []
    for section in found:
        rows = section["groups"].values()
        total = sum(row["train"] for row in rows)
        mixed.append(sum(row["train"] * (row["this"] - row["without"]) for row in rows) / total)
    return (
        f"worst group {np.mean(gains):+.3f} (sd {np.std(gains):.3f}, lowest {min(gains):+.3f}); all held-out "
        f"images, groups balanced, {np.mean(means):+.3f}; in the training's mix {np.mean(mixed):+.3f}"
    )


def main() -> None:
    """Print a table for each kind."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="vehicles with boxes, such as highway/")
    parser.add_argument("--backbone", default="mobilenet_025")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--kinds", default="background,watermark")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--method", default="robust_groups", choices=("robust_groups", "independent_of"))
    parser.add_argument("--weight", type=float, default=1.0, help="of --independent-of")
    parser.add_argument("--flags", default="", help="further flags of train.py")
    given = parser.parse_args()
    sides = [cut_crops(given.data, split) for split in ("train", "val")]
    for kind in given.kinds.split(","):
        found = []
        for seed in range(given.seeds):
            with tempfile.TemporaryDirectory(prefix="cityzoo-") as folder:
                write_images(Path(folder, "images"), kind, *sides, seed)
                found.append(train(Path(folder, "images"), kind, seed, given, Path(folder, "run")))
            sys.stdout.write(f"{kind} {summarize(found)[-1]}\n")
            sys.stdout.flush()
        sys.stdout.write(f"{kind}: {describe_means(found)}\n")


if __name__ == "__main__":
    main()
