"""Detections of an exported detector, made for tracking: one box per object, whatever classes it resembles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.errors import InputError, unknown
from cityzoo.runtime.detection_outputs import VARIANTS, restorer
from cityzoo.runtime.exported_folder import DESCRIPTION, read_document
from cityzoo.runtime.image_input import boxes_on_image, fit_images
from cityzoo.runtime.runtime_model import open_model
from cityzoo.security.policy import find_policy
from heads.detection_decode import class_wise_nms_indices, decode_detections

LOWEST_SCORE = 0.05  # of what is decoded: trackers use boxes far below the threshold of a report
IOU = 0.5  # that boxes of any two classes may have
LARGEST = 0.35  # of the frame: an untrained eye takes the whole road for a truck


def check_policy(folder: Path, about: Mapping[str, Any], classes: Sequence[str]) -> None:
    """Raise InputError if the policy of an exported model does not allow to watch these classes with it."""
    if policy := find_policy(folder):
        policy.check("watch", str(about.get("task")), classes)


def check_places(folder: Path, cameras: Sequence[str]) -> None:
    """Raise InputError for the first camera that the policy of an exported model does not allow."""
    if policy := find_policy(folder):
        for camera in cameras:
            policy.check_place(camera)


@dataclass(frozen=True)
class Detections:
    """The detections in a frame, best first.

    Attributes:
        boxes: (N, 4) float32 xyxy, pixels of the frame.
        scores: (N,) float32, 0..1.
        labels: (N,) int32, of `Detector.class_names`.
        everything: what the network found before boxes were joined and dropped for tracking: all classes, any size;
            a person in front of a car is in here, too. None: the same.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    everything: Detections | None = None

    def __len__(self) -> int:
        """Return their number."""
        return len(self.scores)


class Detector:
    """An exported detector.

    Args:
        path: the folder that `python -m cityzoo export` wrote, its model file, or the run.
        classes: that are kept; none: all.
        lowest: lowest score that is decoded.
        largest: share of the frame's area above which a box is dropped, 0..1.
        threads: of its runtime; None: those of the machine.

    Raises:
        InputError: no exported detector, or a class that it does not know.

    Attributes:
        path: the exported folder.
        class_names: by label.
        thresholds: scores of the operating points in its report, by name.
        size_hw: of the network's input, pixels.
    """

    def __init__(
        self,
        path: Path,
        classes: Sequence[str] = (),
        lowest: float = LOWEST_SCORE,
        largest: float = LARGEST,
        threads: int | None = None,
    ) -> None:
        folder = find_exported(path)
        about = read_document(folder, DESCRIPTION)
        if about["variant"] not in VARIANTS or "size_hw" not in about["inputs"][0]:
            raise InputError(f"'{path}' is not a detector: give an exported run of a task with boxes")
        self.class_names: tuple[str, ...] = tuple(about["class_names"])
        for name in classes:
            if name not in self.class_names:
                raise unknown(f"class of '{path}'", name, self.class_names)
        check_policy(folder, about, [name for name in self.class_names if not classes or name in classes])
        kept = [not classes or name in classes for name in self.class_names]
        self._is_kept, self.about, self.lowest, self.largest = np.array(kept), about, lowest, largest
        self.thresholds: dict[str, float] = about.get("thresholds", {})
        self.size_hw: tuple[int, int] = tuple(about["inputs"][0]["size_hw"])
        restore = restorer(about["variant"], len(self.class_names))
        self.path = folder
        self.model = open_model(folder / about["model"], threads, restore)

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        """Return the detections in each image, (H, W, 3) uint8 RGB of any size; no images, no detections."""
        if not images:
            return []
        feeds, matrices = fit_images(self.about, images)
        decoded = decode_detections(np.asarray(self.model(feeds)), self.lowest, IOU)
        return [
            self._on_image(Detections(*found), matrix, (image.shape[0], image.shape[1]))
            for found, matrix, image in zip(decoded, matrices, images, strict=True)
        ]

    def _on_image(self, found: Detections, matrix: np.ndarray, image_hw: tuple[int, int]) -> Detections:
        boxes = boxes_on_image(found.boxes, matrix, image_hw).astype(np.float32)
        areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
        everything = Detections(boxes[areas > 0], found.scores[areas > 0], found.labels[areas > 0])
        fits = (areas > 0) & (areas <= self.largest * image_hw[0] * image_hw[1])
        boxes, scores, labels = boxes[fits], found.scores[fits], found.labels[fits]
        # As one class: a car that resembles a truck, too, is one object. Classes are filtered after that.
        rows, _ = class_wise_nms_indices(boxes, scores[:, None], self.lowest, IOU, max(len(boxes), 1))
        rows = rows[self._is_kept[labels[rows]]]
        return Detections(boxes[rows], scores[rows], labels[rows], everything)


def find_exported(path: Path, flag: str = "--run") -> Path:
    """Return the exported folder of a run, or of a model file.

    Raises:
        InputError: it does not exist, or is a run that was not exported.
    """
    if not path.exists():
        raise InputError(
            f"{flag} '{path}' does not exist: give a run folder, or what python -m cityzoo export wrote"
        )
    if not (path / "spec.json").is_file() or (path / DESCRIPTION).is_file():
        return path if path.is_dir() and not (path / "saved_model.pb").is_file() else path.parent
    found = sorted(file.parent for file in path.glob(f"exports/*/{DESCRIPTION}"))
    if not found:
        raise InputError(
            f"'{path}' is a run that was not exported: python -m cityzoo export {path} --format onnx"
        )
    return next((folder for folder in found if folder.name == "onnx"), found[0])
