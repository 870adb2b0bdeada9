"""YOLO: `data.yaml` or darknet's `obj.data`, or images with labels in labels/ or next to them, and classes.txt.

A label file has one line per box, `class cx cy w h` relative to the image, or `class x1 y1 x2 y2 x3 y3 ...`, a
polygon that is replaced by its bounding box. An image without a label file is an image without boxes.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from pathlib import Path

from cityzoo.data.files import files_under
from cityzoo.data.image.image_files import images_under
from cityzoo.data.image.raw import RELATIVE_CXCYWH, RawDataset, RawImage, split_of
from cityzoo.data.image.text_labels import LabelFinder, has_kitti_row, has_yolo_row, read_yolo_labels
from cityzoo.data.image.yolo_config import YoloConfig, find_class_names, find_config, read_config

_PEEKED = 50  # images whose labels are looked for


def matches(source: str) -> bool:
    """Return whether `source` is a data.yaml or obj.data, a folder with one, or a folder of images with labels."""
    path = Path(source)
    if path.is_file():
        return path.suffix.lower() in (".yaml", ".yml", ".data")
    if not path.is_dir():
        return False
    return find_config(path) is not None or _has_folders(path) or _has_labels(path)


def _has_folders(path: Path) -> bool:
    folders = {each.name.lower(): each for each in path.iterdir() if each.is_dir()}
    if not {"images", "labels"} <= folders.keys():
        return False
    files = list(itertools.islice(files_under(folders["labels"]), _PEEKED))
    texts = [each for each in files if each.suffix.lower() == ".txt"]
    if texts:
        return not any(map(has_kitti_row, texts))
    return not {each.suffix.lower() for each in files} & {".xml", ".json"}


def _has_labels(path: Path) -> bool:
    finder = LabelFinder()
    images = images_under(path)
    step = len(images) // _PEEKED + 1
    return any(has_yolo_row(finder.find(image)) for image in images[::step])


def read(source: str) -> RawDataset:
    """Return the annotations of a YOLO data set.

    Raises:
        InputError: missing or repeated class names, as many as `nc` does not allow, or missing folders.
    """
    path, finder = Path(source), LabelFinder()
    config_file = path if path.is_file() else find_config(path)
    config = read_config(config_file) if config_file else _config_of_folder(path, finder)
    images = [_image(file, split, config, finder) for split, files in config.splits for file in files]
    return RawDataset(tuple(config.names.values()), tuple(images), (), tuple(config.files))


def _config_of_folder(root: Path, finder: LabelFinder) -> YoloConfig:
    base = next((each for each in sorted(root.iterdir()) if each.name.lower() == "images"), root)
    files = images_under(base)
    folders = dict.fromkeys(folder for file in files for folder in (finder.find(file).parent, file.parent))
    names, class_files = find_class_names(root, [root / "labels", *folders])
    splits: dict[str | None, list[Path]] = defaultdict(list)
    for file in files:
        words = file.relative_to(root).parts[:-1]
        splits[next((split for split in map(split_of, words) if split), None)].append(file)
    return YoloConfig(names, list(splits.items()), False, class_files)


def _image(path: Path, split: str | None, config: YoloConfig, finder: LabelFinder) -> RawImage:
    label_path = finder.find(path)
    boxes, remark = read_yolo_labels(label_path, config.names, config.keypoints)
    remarks = (remark,) if remark else ()
    return RawImage(str(path), boxes, RELATIVE_CXCYWH, str(label_path), None, split, remarks)
