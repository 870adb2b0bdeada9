"""Write a data set as YOLO or COCO, images copied as they are: what is read back is the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import yaml

from cityzoo.data.image.load import Dataset
from cityzoo.sample import ImageExample, ImageSet


def write_yolo(dataset: Dataset, folder: str | Path) -> Path:
    """Write data.yaml, and images/ and labels/ of both splits, into a folder; return the data.yaml.

    Boxes are those of the upright image; an image without boxes gets an empty label file.

    Raises:
        FileExistsError: the folder already holds a data.yaml.
    """
    folder = Path(folder)
    yaml_path = folder / "data.yaml"
    _refuse_to_overwrite(yaml_path)
    for split in (dataset.train, dataset.val):
        for image, file in _copy(split, folder / split.split / "images"):
            label_path = folder / split.split / "labels" / f"{file.stem}.txt"
            label_path.parent.mkdir(parents=True, exist_ok=True)
            label_path.write_text("".join(_yolo_lines(image)), "utf-8")
    names = dataset.train.class_names
    content = {
        "path": ".",
        "train": "train/images",
        "val": "val/images",
        "nc": len(names),
        "names": list(names),
    }
    yaml_path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), "utf-8")
    return yaml_path


def write_coco(dataset: Dataset, folder: str | Path) -> Path:
    """Write annotations/instances_{train,val}.json and the folders train/ and val/; return the folder.

    Category ids start at 1, as COCO's own do.

    Raises:
        FileExistsError: the folder already holds such annotations.
    """
    folder = Path(folder)
    for split in (dataset.train, dataset.val):
        json_path = folder / "annotations" / f"instances_{split.split}.json"
        _refuse_to_overwrite(json_path)
        json_path.parent.mkdir(parents=True, exist_ok=True)
        images, annotations = [], []
        for image, file in _copy(split, folder / split.split):
            height, width = (int(each) for each in image.size_hw)
            images.append({"id": len(images), "file_name": file.name, "height": height, "width": width})
            annotations += _coco_annotations(image, images[-1]["id"], len(annotations) + 1)
        categories = [{"id": number, "name": name} for number, name in enumerate(split.class_names, 1)]
        content = {"images": images, "annotations": annotations, "categories": categories}
        json_path.write_text(json.dumps(content), "utf-8")
    return folder


def _refuse_to_overwrite(path: Path) -> None:
    if path.exists():
        raise FileExistsError(f"{path} is there already: give an empty folder")


def _copy(split: ImageSet, folder: Path) -> list[tuple[ImageExample, Path]]:
    folder.mkdir(parents=True, exist_ok=True)
    copies, taken = [], set()
    for number, image in enumerate(split.examples):
        source = Path(image.path)
        # The stem decides, since a.jpg and a.png would share one label file.
        stem = source.stem if source.stem not in taken else f"{source.stem}_{number}"
        taken.add(stem)
        copies.append((image, Path(shutil.copyfile(source, folder / f"{stem}{source.suffix}"))))
    return copies


def _yolo_lines(image: ImageExample) -> list[str]:
    height, width = image.size_hw
    boxes = image.boxes_xyxy.astype(np.float64) / [width, height, width, height]
    centres, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    rows = zip(image.labels, np.concatenate([centres, sizes], axis=1), strict=True)
    return [f"{label} {' '.join(f'{value:.12g}' for value in row)}\n" for label, row in rows]


def _coco_annotations(image: ImageExample, image_id: int, first_id: int) -> list[dict]:
    annotations = []
    for label, box in zip(image.labels, image.boxes_xyxy.astype(np.float64), strict=True):
        x1, y1, x2, y2 = box.tolist()
        bbox, key = [x1, y1, x2 - x1, y2 - y1], first_id + len(annotations)
        annotations.append({"id": key, "image_id": image_id, "category_id": int(label) + 1, "bbox": bbox})
        annotations[-1] |= {"area": bbox[2] * bbox[3], "iscrowd": 0}
    return annotations
