"""The forms in which demo data lies on disk: YOLO, COCO, a folder for each class."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from cityzoo.errors import InputError

if TYPE_CHECKING:
    from cityzoo.demo.scenes.traffic_scene import Scene

Numbered = Iterator[tuple[str, int, "Scene"]]  # split, number in the split, scene


def _save(scene: Scene, path: Path) -> None:
    Image.fromarray(scene.image).save(path, quality=92, subsampling=0)


def write_yolo(
    folder: Path,
    class_names: tuple[str, ...],
    scenes: Numbered,
    counts: Mapping[str, int],
) -> None:
    """Write data.yaml, images/SPLIT/*.jpg, labels/SPLIT/*.txt: class, centre, size, all 0..1."""
    for split in counts:
        (folder / "images" / split).mkdir(parents=True)
        (folder / "labels" / split).mkdir(parents=True)
    for split, number, scene in scenes:
        name, (high, wide) = f"{split}_{number:05d}", scene.image.shape[:2]
        _save(scene, folder / "images" / split / f"{name}.jpg")
        rows = []
        for (x1, y1, x2, y2), label in zip(scene.boxes_xyxy.tolist(), scene.labels.tolist(), strict=True):
            centre_and_size = ((x1 + x2) / 2 / wide, (y1 + y2) / 2 / high, (x2 - x1) / wide, (y2 - y1) / high)
            rows.append(f"{label} " + " ".join(f"{v:.7f}" for v in centre_and_size) + "\n")
        (folder / "labels" / split / f"{name}.txt").write_text("".join(rows), encoding="utf-8")
    lines = [f"{split}: images/{split}\n" for split in counts] + ["names:\n"]
    lines += [f"  {k}: {name}\n" for k, name in enumerate(class_names)]
    (folder / "data.yaml").write_text("".join(lines), encoding="utf-8")


def write_coco(
    folder: Path,
    class_names: tuple[str, ...],
    scenes: Numbered,
    counts: Mapping[str, int],
) -> None:
    """Write SPLIT/*.jpg, annotations/instances_SPLIT.json: boxes x, y, width, height; classes from 1."""
    for split in counts:
        (folder / split).mkdir(parents=True)
    (folder / "annotations").mkdir()
    categories = [{"id": k, "name": name} for k, name in enumerate(class_names, 1)]
    sets = {s: {"images": [], "annotations": [], "categories": categories} for s in counts}
    for split, number, scene in scenes:
        name, (high, wide), rows = (
            f"{split}_{number:05d}.jpg",
            scene.image.shape[:2],
            sets[split]["annotations"],
        )
        _save(scene, folder / split / name)
        sets[split]["images"].append({"id": number + 1, "file_name": name, "width": wide, "height": high})
        for (x1, y1, x2, y2), label in zip(scene.boxes_xyxy.tolist(), scene.labels.tolist(), strict=True):
            row = {"id": len(rows) + 1, "image_id": number + 1, "category_id": label + 1, "iscrowd": 0}
            rows.append(row | {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)})
    for split, content in sets.items():
        path = folder / "annotations" / f"instances_{split}.json"
        path.write_text(json.dumps(content), encoding="utf-8")


def write_folders(
    folder: Path, class_names: tuple[str, ...], scenes: Numbered, counts: Mapping[str, int]
) -> None:
    """Write SPLIT/CLASS/*.jpg, and masks/SPLIT/CLASS/*.png where a scene has a mask.

    A mask is 8-bit, as large as its image, 255 where something does not belong and 0 elsewhere.

    Args:
        folder: an empty folder.
        class_names: names that scenes may have.
        scenes: split, number, scene; their `name` is the class.
        counts: images a split.

    Raises:
        InputError: a scene has no name, or one that is not among class_names.
    """
    for split, number, scene in scenes:
        if scene.name not in class_names:
            raise InputError(
                f"a scene named '{scene.name}' cannot be written as folders: "
                f"expected one of {', '.join(class_names)}, choose yolo or coco"
            )
        name, place = f"{split}_{number:05d}", folder / split / scene.name
        place.mkdir(parents=True, exist_ok=True)
        _save(scene, place / f"{name}.jpg")
        if scene.mask is not None:
            place = folder / "masks" / split / scene.name
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(scene.mask.astype(np.uint8) * 255).save(place / f"{name}.png")


Writer = Callable[[Path, tuple[str, ...], Numbered, Mapping[str, int]], None]
WRITERS: dict[str, Writer] = {"yolo": write_yolo, "coco": write_coco, "folders": write_folders}
