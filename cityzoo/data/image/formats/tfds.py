"""TensorFlow Datasets: `tfds:NAME[/CONFIG][:SPLIT]`, such as tfds:voc/2007, tfds:kitti or tfds:kitti:train[:5%].

The features of the data set determine where its boxes are, or its classes of whole images if there are no boxes.
Encoded images are written to the cache folder once, unchanged, with an index.

Splits: `train` is train, `validation` is val; `test` is used only if there is nothing else. A split that is given is
split into train and val. TFDS_DATA_DIR is the folder of the data sets.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import logging
import os
import threading
import urllib.error
import urllib.request
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from cityzoo.cache_dir import cache_dir
from cityzoo.data.image.raw import RELATIVE_XYXY, RawBox, RawDataset, RawImage, split_of
from cityzoo.data.image.tfds_features import BoxFeature, LabelFeature, class_names, feature_of
from cityzoo.errors import InputError

LOG = logging.getLogger(__name__)
SCHEME = "tfds:"
PROBE_URL, PROBE_SECONDS = "https://storage.googleapis.com", 8.0
_SUFFIXES = {b"\xff\xd8": ".jpg", b"\x89P": ".png", b"BM": ".bmp", b"GI": ".gif", b"RI": ".webp"}


def matches(source: str) -> bool:
    """Return whether `source` starts with "tfds:"."""
    return source.startswith(SCHEME)


def read(source: str) -> RawDataset:
    """Return the annotations of a TensorFlow data set; on first use, prepare it and write its images.

    Raises:
        InputError: tensorflow-datasets is not installed, an unknown data set or split, neither boxes nor labels,
            or a failed download.
    """
    name, _, wanted = source.removeprefix(SCHEME).partition(":")
    tfds = _tensorflow_datasets()
    builder = _builder(tfds, name)
    feature = feature_of(tfds, builder.info.features, name)
    if not builder.info.splits:
        _prepare(builder, name)
    images: list[RawImage] = []
    for split_name, split in _splits(builder, wanted, name).items():
        folder = _export_split(tfds, builder, feature, split_name)
        images += _read_index(folder, split)
    return RawDataset(class_names(builder.info.features, feature), tuple(images))


def _tensorflow_datasets() -> ModuleType:
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise InputError(
            f"'tfds:' requires another package: pip install tensorflow-datasets ({error})"
        ) from error
    return tensorflow_datasets


def _builder(tfds: ModuleType, name: str) -> Any:
    try:
        return tfds.builder(name, data_dir=os.environ.get("TFDS_DATA_DIR"))
    except tfds.core.DatasetNotFoundError as error:
        known = tfds.list_builders(with_community_datasets=False)
        near = difflib.get_close_matches(name.partition("/")[0], known, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'? " if near else ""
        message = f"unknown tfds data set '{name}': {hint}see https://www.tensorflow.org/datasets"
        raise InputError(message) from error
    except ValueError as error:
        raise InputError(f"tfds:{name} cannot be used: {_one_line(error)}") from error


def _prepare(builder: Any, name: str) -> None:
    # Offline, the download would retry name resolution for minutes.
    if not _online():
        raise InputError(
            f"tfds:{name} not found in {builder.data_dir} and the download failed (offline?): run "
            f"'tfds build {name}' on a connected machine and set TFDS_DATA_DIR"
        )
    try:
        builder.download_and_prepare()
    except (OSError, AssertionError, ValueError, RuntimeError) as error:
        raise InputError(f"tfds:{name} cannot be prepared: {_one_line(error)}") from error


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _online() -> bool:
    """Return whether a server responds within PROBE_SECONDS, including name resolution; respects proxies."""
    responded = threading.Event()

    def ask() -> None:
        try:
            urllib.request.urlopen(PROBE_URL, timeout=PROBE_SECONDS).close()
        except urllib.error.HTTPError:
            pass  # an error response is a response
        except OSError:
            return
        responded.set()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PROBE_SECONDS)
    return responded.is_set()


def _splits(builder: Any, wanted: str, name: str) -> dict[str, str | None]:
    available = list(builder.info.splits)
    if wanted:
        if wanted.partition("[")[0] not in available:
            raise InputError(
                f"tfds:{name} has no split '{wanted}': allowed are {', '.join(available)}, and slices of them"
            )
        return {wanted: None}
    known = {each: split_of(each) for each in available if split_of(each)} or dict.fromkeys(available)
    return {each: split for each, split in known.items() if split != "test"} or known


def _export_split(
    tfds: ModuleType, builder: Any, feature: BoxFeature | LabelFeature, split_name: str
) -> Path:
    """Return the folder of a split's images and index.json; write it if it is incomplete."""
    key = hashlib.blake2b(f"{builder.data_dir} {split_name}".encode(), digest_size=8).hexdigest()
    folder = cache_dir() / "tfds" / f"{builder.name}-{builder.info.version}-{key}"
    if (folder / "index.json").is_file():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    LOG.info("writing the images of %s %s to %s", builder.name, split_name, folder)
    decoders = {feature.image: tfds.decode.SkipDecoding()}
    try:
        examples = tfds.as_numpy(builder.as_dataset(split=split_name, decoders=decoders, shuffle_files=False))
    except ValueError as error:
        raise InputError(f"tfds:{builder.name}: split '{split_name}': {_one_line(error)}") from error
    index = [_export_example(example, feature, folder, number) for number, example in enumerate(examples)]
    partial = folder / "index.partial"
    content = {"classes": class_names(builder.info.features, feature), "images": index}
    partial.write_text(json.dumps(content), "utf-8")
    partial.replace(folder / "index.json")  # last and atomic: an index means that all images exist
    return folder


def _export_example(example: dict, feature: BoxFeature | LabelFeature, folder: Path, number: int) -> dict:
    content = example[feature.image]
    file = f"{number:07d}{_SUFFIXES.get(content[:2], '.jpg')}"
    (folder / file).write_bytes(content)
    if isinstance(feature, LabelFeature):
        return {"file": file, "label": int(example[feature.label])}
    objects = example[feature.objects]
    # Stored as ymin, xmin, ymax, xmax.
    boxes = np.asarray(objects[feature.bbox], np.float64).reshape(-1, 4)[:, [1, 0, 3, 2]]
    labels = np.asarray(objects[feature.label]) if feature.label else np.zeros(len(boxes), int)
    record = {"file": file, "boxes": boxes.tolist(), "labels": labels.tolist()}
    for remark, key in (("crowd", "is_crowd"), ("difficult", "is_difficult")):
        if key in objects:
            record[remark] = np.asarray(objects[key], bool).tolist()
    return record


def _read_index(folder: Path, split: str | None) -> list[RawImage]:
    path = folder / "index.json"
    index = json.loads(path.read_text("utf-8"))
    names = dict(enumerate(index["classes"]))
    images = []
    for each in index["images"]:
        # The label -1 stands for an unlabeled image.
        labels = (names[each["label"]],) if each.get("label") in names else None
        boxes, file = _boxes(each, names), str(folder / each["file"])
        images.append(RawImage(file, boxes, RELATIVE_XYXY, str(path), None, split, (), labels))
    return images


def _boxes(record: dict, names: dict[int, str]) -> tuple[RawBox, ...]:
    boxes = []
    for row, (numbers, label) in enumerate(
        zip(record.get("boxes", ()), record.get("labels", ()), strict=True)
    ):
        remarks = [each for each in ("crowd", "difficult") if each in record and record[each][row]]
        problem = "unknown class" if label not in names else next(iter(remarks), "")
        mark = f" {record['file']} box {row}"
        boxes.append(RawBox(tuple(numbers), names.get(label, str(label)), mark, problem))
    return tuple(boxes)
