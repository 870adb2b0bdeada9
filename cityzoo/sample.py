"""What travels between the parts: annotated pictures going in, detections coming out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

PADDING = -1  # fills box and label rows that a batch needs and a picture lacks


def no_boxes() -> np.ndarray:
    """Return the box array of an empty picture: (0, 4) float32."""
    return np.zeros((0, 4), np.float32)


def _boxes(array: object, owner: str) -> np.ndarray:
    boxes = np.asarray(array, np.float32)
    boxes = boxes.reshape(0, 4) if boxes.size == 0 else boxes
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"{owner}: boxes have the shape {boxes.shape}, expected (N, 4) as x1, y1, x2, y2")
    return boxes


@dataclass(frozen=True)
class Picture:
    """Hold one annotated picture, not decoded.

    Attributes:
        path: file of the picture.
        size_hw: height and width in pixels, EXIF rotation applied.
        boxes_xyxy: (N, 4) float32, pixels of the upright picture; N may be 0.
        labels: (N,) int32, positions in the set's class names.
        plain: whether TensorFlow's own decoder reads it right (8-bit, upright, RGB or grey JPEG or PNG).

    Raises:
        ValueError: boxes and labels of different lengths, or boxes that are not (N, 4).

    Example:
        >>> Picture("a.jpg", (480, 640), [[10, 20, 30, 40]], [0]).boxes_xyxy.shape
        (1, 4)
    """

    path: str
    size_hw: tuple[int, int]
    boxes_xyxy: np.ndarray = field(default_factory=no_boxes)
    labels: np.ndarray = field(default_factory=lambda: np.zeros((0,), np.int32))
    plain: bool = True

    def __post_init__(self) -> None:
        boxes, labels = _boxes(self.boxes_xyxy, self.path), np.asarray(self.labels, np.int32).reshape(-1)
        if len(boxes) != len(labels):
            raise ValueError(
                f"{self.path}: {len(boxes)} boxes but {len(labels)} labels, expected one label a box"
            )
        object.__setattr__(self, "boxes_xyxy", boxes)
        object.__setattr__(self, "labels", labels)


@dataclass(frozen=True)
class PictureSet:
    """Hold the pictures of one split and the names that their labels point to.

    Example:
        >>> len(PictureSet("val", ("car", "bus"), (Picture("a.jpg", (48, 64)),)))
        1
    """

    split: str
    class_names: tuple[str, ...]
    pictures: tuple[Picture, ...]

    def __len__(self) -> int:
        return len(self.pictures)


@dataclass(frozen=True)
class Detections:
    """Hold what a detector found in one picture, best score first.

    Attributes:
        boxes_xyxy: (N, 4) float32, pixels of the original picture.
        scores: (N,) float32, 0..1.
        labels: (N,) int32, positions in the model's class names.

    Raises:
        ValueError: arrays of different lengths, or boxes that are not (N, 4).

    Example:
        >>> Detections([[0, 0, 8, 8]], [0.9], [1]).scores.dtype
        dtype('float32')
    """

    boxes_xyxy: np.ndarray
    scores: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        boxes = _boxes(self.boxes_xyxy, "detections")
        scores = np.asarray(self.scores, np.float32).reshape(-1)
        labels = np.asarray(self.labels, np.int32).reshape(-1)
        if not len(boxes) == len(scores) == len(labels):
            raise ValueError(
                f"{len(boxes)} boxes, {len(scores)} scores and {len(labels)} labels, expected as many of each"
            )
        for name, value in (("boxes_xyxy", boxes), ("scores", scores), ("labels", labels)):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.scores)
