"""Writers of labeled images: YOLO, COCO, CVAT, one folder per class, CSV. The readers of `formats` read them back."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from cityzoo.errors import InputError


@dataclass(frozen=True)
class LabeledImage:
    """An image and its labels, as the writers store them."""

    image: np.ndarray | None  # (H, W, 3) uint8 RGB; None: `file` is copied as it is
    boxes_xyxy: np.ndarray  # (N, 4) float32 pixels, tight around the visible part of each object
    labels: np.ndarray  # (N,) int32, positions in the class names
    mask: np.ndarray | None = None  # (H, W) bool, True at anomalies; None for a normal image
    name: str = ""  # class of the whole image, several joined by "+", or ""
    file: Path | None = field(default=None, kw_only=True)  # to be copied
    file_name: str = field(default="", kw_only=True)  # of the copy
    file_hw: tuple[int, int] = field(default=(0, 0), kw_only=True)  # height and width in pixels, upright

    @property
    def size_hw(self) -> tuple[int, int]:
        """Return height and width in pixels."""
        return self.file_hw if self.image is None else (self.image.shape[0], self.image.shape[1])

    def save(self, folder: Path, stem: str) -> str:
        """Write the image into a folder, and return its file's name: `file_name`, or that of a JPEG."""
        if self.image is None:
            shutil.copyfile(str(self.file), folder / self.file_name)
            return self.file_name
        Image.fromarray(self.image).save(folder / f"{stem}.jpg", quality=92, subsampling=0)
        return f"{stem}.jpg"


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
        name = Path(each.save(folder / "images" / split, f"{split}_{number:05d}")).stem
        (high, wide), rows = each.size_hw, []
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
        name, (high, wide) = each.save(folder / split, f"{split}_{number:05d}"), each.size_hw
        rows = sets[split]["annotations"]
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
        each.save(place, name)
        if each.mask is not None:
            place = folder / "masks" / split / each.name
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(each.mask.astype(np.uint8) * 255).save(place / f"{name}.png")


def write_cvat(
    folder: Path, class_names: tuple[str, ...], images: Numbered, counts: Mapping[str, int]
) -> None:
    """Write images/*.jpg and annotations.xml, "CVAT for images 1.1": boxes in pixels, classes of images as tags.

    The arguments are those of `write_yolo`.
    """
    (folder / "images").mkdir(parents=True)
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    labels = ElementTree.SubElement(
        ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "task"), "labels"
    )
    for name in class_names:
        ElementTree.SubElement(ElementTree.SubElement(labels, "label"), "name").text = name
    for place, (split, number, each) in enumerate(images):
        name, (high, wide) = each.save(folder / "images", f"{split}_{number:05d}"), each.size_hw
        about = {"id": str(place), "name": name, "subset": split, "width": str(wide), "height": str(high)}
        image = ElementTree.SubElement(root, "image", about)
        for corners, label in zip(each.boxes_xyxy.tolist(), each.labels.tolist(), strict=True):
            sides = zip(("xtl", "ytl", "xbr", "ybr"), (f"{value:.2f}" for value in corners), strict=True)
            about = {
                "label": class_names[label],
                "source": "auto",
                "occluded": "0",
                **dict(sides),
                "z_order": "0",
            }
            ElementTree.SubElement(image, "box", about)
        for label in filter(None, each.name.split("+")):
            ElementTree.SubElement(image, "tag", {"label": label, "source": "auto"})
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(folder / "annotations.xml", encoding="utf-8", xml_declaration=True)


def write_csv(
    folder: Path, class_names: tuple[str, ...], images: Numbered, counts: Mapping[str, int]
) -> None:
    """Write images/*.jpg and labels.csv: path, label (several joined by "+"), split.

    The arguments are those of `write_yolo`.
    """
    (folder / "images").mkdir(parents=True)
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "split"] if len(counts) > 1 else ["path", "label"])
        for split, number, each in images:
            row = [f"images/{each.save(folder / 'images', f'{split}_{number:05d}')}", each.name, split]
            writer.writerow(row if len(counts) > 1 else row[:2])


Writer = Callable[[Path, tuple[str, ...], Numbered, Mapping[str, int]], None]
WRITERS: dict[str, Writer] = {
    "yolo": write_yolo,
    "coco": write_coco,
    "cvat": write_cvat,
    "class_folders": write_class_folders,
    "csv": write_csv,
}
