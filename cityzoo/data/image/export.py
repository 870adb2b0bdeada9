"""Writers of labeled images: YOLO, COCO, one folder per class. The readers of `formats` read the same boxes back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from cityzoo.errors import InputError


@dataclass(frozen=True)
class LabeledImage:
    """An image and its labels, as the writers store them."""

    image: np.ndarray  # (H, W, 3) uint8 RGB
    boxes_xyxy: np.ndarray  # (N, 4) float32 pixels, tight around the visible part of each object
    labels: np.ndarray  # (N,) int32, positions in the class names
    mask: np.ndarray | None = None  # (H, W) bool, True at anomalies; None for a normal image
    name: str = ""  # class of the whole image, or ""


Numbered = Iterable[tuple[str, int, LabeledImage]]  # split, number in the split, image


def write_yolo(
    folder: Path, class_names: tuple[str, ...], images: Numbered, counts: Mapping[str, int]
) -> None:
    """Write data.yaml, images/SPLIT/*.jpg, labels/SPLIT/*.txt: class, center, size, all 0..1.

    Args:
        folder: an empty folder.
        class_names: names of the classes, in the order of the labels.
        images: split, number in the split, image.
        counts: number of images per split.
    """
    for split in counts:
        (folder / "images" / split).mkdir(parents=True)
        (folder / "labels" / split).mkdir(parents=True)
    for split, number, each in images:
        name, (high, wide) = f"{split}_{number:05d}", each.image.shape[:2]
        _save(each.image, folder / "images" / split / f"{name}.jpg")
        rows = []
        for (x1, y1, x2, y2), label in zip(each.boxes_xyxy.tolist(), each.labels.tolist(), strict=True):
            center_and_size = ((x1 + x2) / 2 / wide, (y1 + y2) / 2 / high, (x2 - x1) / wide, (y2 - y1) / high)
            rows.append(f"{label} " + " ".join(f"{v:.7f}" for v in center_and_size) + "\n")
        (folder / "labels" / split / f"{name}.txt").write_text("".join(rows), encoding="utf-8")
    lines = [f"{split}: images/{split}\n" for split in counts] + ["names:\n"]
    lines += [f"  {k}: {name}\n" for k, name in enumerate(class_names)]
    (folder / "data.yaml").write_text("".join(lines), encoding="utf-8")


def write_coco(
    folder: Path, class_names: tuple[str, ...], images: Numbered, counts: Mapping[str, int]
) -> None:
    """Write SPLIT/*.jpg, annotations/instances_SPLIT.json: boxes x, y, width, height; category ids from 1.

    The arguments are those of `write_yolo`.
    """
    for split in counts:
        (folder / split).mkdir(parents=True)
    (folder / "annotations").mkdir()
    categories = [{"id": k, "name": name} for k, name in enumerate(class_names, 1)]
    sets: dict[str, dict[str, list]] = {
        split: {"images": [], "annotations": [], "categories": categories} for split in counts
    }
    for split, number, each in images:
        name, (high, wide) = f"{split}_{number:05d}.jpg", each.image.shape[:2]
        rows = sets[split]["annotations"]
        _save(each.image, folder / split / name)
        sets[split]["images"].append({"id": number + 1, "file_name": name, "width": wide, "height": high})
        for (x1, y1, x2, y2), label in zip(each.boxes_xyxy.tolist(), each.labels.tolist(), strict=True):
            row = {"id": len(rows) + 1, "image_id": number + 1, "category_id": label + 1, "iscrowd": 0}
            rows.append(row | {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)})
    for split, content in sets.items():
        path = folder / "annotations" / f"instances_{split}.json"
        path.write_text(json.dumps(content), encoding="utf-8")


def write_class_folders(
    folder: Path, class_names: tuple[str, ...], images: Numbered, counts: Mapping[str, int]
) -> None:
    """Write SPLIT/CLASS/*.jpg, and masks/SPLIT/CLASS/*.png for images with a mask: 255 in the mask, 0 elsewhere.

    The arguments are those of `write_yolo`.

    Raises:
        InputError: an image without a name, or with one that is not among class_names.
    """
    for split, number, each in images:
        if each.name not in class_names:
            raise InputError(
                f"an image of class '{each.name}' cannot be written to class folders: "
                f"expected one of {', '.join(class_names)}; choose yolo or coco"
            )
        name, place = f"{split}_{number:05d}", folder / split / each.name
        place.mkdir(parents=True, exist_ok=True)
        _save(each.image, place / f"{name}.jpg")
        if each.mask is not None:
            place = folder / "masks" / split / each.name
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(each.mask.astype(np.uint8) * 255).save(place / f"{name}.png")


def _save(image: np.ndarray, path: Path) -> None:
    Image.fromarray(image).save(path, quality=92, subsampling=0)


Writer = Callable[[Path, tuple[str, ...], Numbered, Mapping[str, int]], None]
WRITERS: dict[str, Writer] = {"yolo": write_yolo, "coco": write_coco, "class_folders": write_class_folders}
