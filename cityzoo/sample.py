"""What travels between the parts: annotated examples in, detections out."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

Examples = TypeVar("Examples", bound="ExampleSet")
Findings = TypeVar("Findings")
PADDING = -1  # fills box and label rows that a batch needs and an image lacks


class Example(Protocol):
    """One labeled example of any modality.

    Attributes:
        path: file or name that identifies it.
        target: (C,) float32, as `ImageExample.target`.
    """

    @property
    def path(self) -> str:
        """Return the file or name."""

    @property
    def target(self) -> np.ndarray | None:
        """Return the label of the whole example."""


def no_boxes() -> np.ndarray:
    """Return the box array of an empty image: (0, 4) float32."""
    return np.zeros((0, 4), np.float32)


def no_labels() -> np.ndarray:
    """Return the label array of an empty image: (0,) int32."""
    return np.zeros((0,), np.int32)


def _boxes(array: object, owner: str) -> np.ndarray:
    boxes = np.asarray(array, np.float32)
    boxes = boxes.reshape(0, 4) if boxes.size == 0 else boxes
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"{owner}: boxes have the shape {boxes.shape}, expected (N, 4) as x1, y1, x2, y2")
    return boxes


def _window(window: Any, size_hw: tuple[int, int], owner: str) -> tuple[int, int, int, int]:
    numbers: tuple[Any, ...] = tuple(window)
    if len(numbers) != 4 or not all(isinstance(each, Integral) for each in numbers):
        raise ValueError(f"{owner}: the window is {window}, expected four whole pixels x1, y1, x2, y2")
    x1, y1, x2, y2 = (int(each) for each in numbers)
    if not (0 <= x1 < x2 and 0 <= y1 < y2):
        raise ValueError(f"{owner}: the window {window} has no area or begins outside, expected 0 <= x1 < x2")
    if (y2 - y1, x2 - x1) != tuple(size_hw):
        raise ValueError(
            f"{owner}: size_hw is {tuple(size_hw)}, expected the window's own, {(y2 - y1, x2 - x1)}"
        )
    return x1, y1, x2, y2


def _target(array: object, owner: str) -> np.ndarray:
    target = np.asarray(array, np.float32)
    if target.ndim != 1:
        raise ValueError(f"{owner}: the target has the shape {target.shape}, expected (C,), a number a class")
    return target


@dataclass(frozen=True)
class ImageExample:
    """One annotated image, not decoded.

    Raises:
        ValueError: boxes and labels of different lengths, boxes that are not (N, 4), a target that is not
            (C,), a window that is not four whole pixels or not as large as `size_hw`.

    Example:
        >>> ImageExample("a.jpg", (480, 640), [[10, 20, 30, 40]], [0]).boxes_xyxy.shape
        (1, 4)
        >>> ImageExample("a.jpg", (20, 30), target=[0, 1], window_xyxy=(5, 5, 35, 25)).target.dtype
        dtype('float32')
    """

    path: str  # file of the image
    # height and width in pixels, EXIF rotation applied; of the window, where there is one
    size_hw: tuple[int, int]
    # (N, 4) float32, pixels of the upright image, or of its window; N may be 0
    boxes_xyxy: np.ndarray = field(default_factory=no_boxes)
    labels: np.ndarray = field(default_factory=no_labels)  # (N,) int32, positions in the set's class names
    # whether TensorFlow's own decoder reads it right (8-bit, upright, RGB or grey JPEG or PNG)
    plain: bool = True
    # (C,) float32, what is true of the image as a whole: 1 for each class that is there, 0 for the others, or
    # numbers such as a count; None: not said
    target: np.ndarray | None = None
    # the part of the file that is the image, x1, y1, x2, y2 in whole pixels of the upright file, x2 and y2
    # exclusive; None: all of it
    window_xyxy: tuple[int, int, int, int] | None = None
    scene: str = ""  # the camera or scene that it comes from, "" where not known
    mask: str = ""  # file of pixel labels, one channel, as large as the image; "" for none
    # path within the data set, for reports and exported files; if left out, that of the file, its name if absolute
    name: str = ""

    def __post_init__(self) -> None:
        boxes, labels = _boxes(self.boxes_xyxy, self.path), np.asarray(self.labels, np.int32).reshape(-1)
        if len(boxes) != len(labels):
            raise ValueError(
                f"{self.path}: {len(boxes)} boxes but {len(labels)} labels, expected one label a box"
            )
        object.__setattr__(self, "boxes_xyxy", boxes)
        object.__setattr__(self, "labels", labels)
        shown = os.path.basename(self.path) if os.path.isabs(self.path) else self.path
        object.__setattr__(self, "name", self.name or shown)
        if self.target is not None:
            object.__setattr__(self, "target", _target(self.target, self.path))
        if self.window_xyxy is not None:
            object.__setattr__(self, "window_xyxy", _window(self.window_xyxy, self.size_hw, self.path))


@dataclass(frozen=True)
class ExampleSet:
    """The examples of one split and the names that their labels point to.

    Example:
        >>> len(ExampleSet("val", ("car", "bus"), (ImageExample("a.jpg", (48, 64)),)))
        1
    """

    split: str
    class_names: tuple[str, ...]
    examples: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.examples)


@dataclass(frozen=True)
class LabeledDataset(Generic[Examples, Findings]):
    """The checked splits of a data set, and what the check found.

    Example:
        >>> side = ExampleSet("train", ("car",), ())
        >>> LabeledDataset(side, ExampleSet("val", ("car",), ()), None).held_out.split
        'val'
    """

    train: Examples
    val: Examples
    findings: Findings
    test: Examples | None = None
    has_val_split: bool = True  # the data's own, or --val

    @property
    def held_out(self) -> Examples:
        """Return the examples that metrics are reported for: val, which the best epoch was chosen by."""
        return self.val


@dataclass(frozen=True)
class ImageSet(ExampleSet):
    """The images of one split."""

    examples: tuple[ImageExample, ...]
    data_class_names: tuple[
        str, ...
    ] = ()  # in the data's own order, where labels were put into a model's order


@dataclass(frozen=True)
class Detections:
    """Detections in one image, highest score first.

    Raises:
        ValueError: arrays of different lengths, or boxes that are not (N, 4).

    Example:
        >>> Detections([[0, 0, 8, 8]], [0.9], [1]).scores.dtype
        dtype('float32')
    """

    boxes_xyxy: np.ndarray  # (N, 4) float32, pixels of the original image
    scores: np.ndarray  # (N,) float32, 0..1
    labels: np.ndarray  # (N,) int32, positions in the model's class names

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

    def filter_by_score(self, score: float) -> Detections:
        """Return those with at least this score.

        Example:
            >>> len(Detections([[0, 0, 8, 8]] * 2, [0.9, 0.1], [1, 0]).filter_by_score(0.5))
            1
        """
        kept = self.scores >= score
        return Detections(self.boxes_xyxy[kept], self.scores[kept], self.labels[kept])
