"""Detect objects: an anchor-free head at strides 8, 16 and 32, and its loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from heads.assign import anchor_points, assign
from heads.neck import BATCHNORM_MOMENTUM, path_aggregation

COARSEST = "P5"  # the loss needs strides 8, 16 and 32, also after a truncated backbone
PRIOR_SCORE = 0.01  # initial score: nearly every point is background (Lin et al. 2017, arXiv 1708.02002)


@dataclass(frozen=True)
class DetectionHead:
    """Boxes and class logits from a feature pyramid.

    Two towers of convolutions, one for classes and one for boxes, are shared by all levels; only their
    BatchNorms differ (Lyu et al. 2022, "RTMDet", arXiv 2212.07784). A box is predicted as the distances from a
    point to its four sides (Tian et al. 2019, "FCOS", arXiv 1904.01355).

    Attributes:
        num_classes: number of classes, background not counted.
        channels: width of neck and towers; multiples of 32 are fastest.
        depth: convolutions in each tower.

    Example:
        >>> levels = {"P3": keras.Input((8, 8, 24)), "P4": keras.Input((4, 4, 48)), "P5": keras.Input((2, 2, 96))}
        >>> DetectionHead(num_classes=3, channels=32)(levels).shape  # 64 + 16 + 4 points, 4 + 3 numbers each
        (None, 84, 7)
    """

    num_classes: int
    channels: int = 64
    depth: int = 2

    def __post_init__(self) -> None:
        if self.num_classes < 1:
            raise ValueError(
                f"a detection head needs at least one class, received num_classes={self.num_classes}"
            )
        if self.channels < 1 or self.depth < 0:
            raise ValueError(
                f"a detection head cannot have channels={self.channels}, depth={self.depth}: "
                "give at least 1 channel, e.g. 64, and a depth of 0 or more, e.g. 2"
            )

    def __call__(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Return one (batch, points, 4 + num_classes) float32 tensor for all levels, finest first.

        The first four numbers are a box in pixels of the network's input, xyxy; the rest are logits. They are
        one tensor because the loss needs both and Keras passes a loss one output.

        Args:
            features: level name (`P3`: stride 8, ...) to (batch, H / stride, W / stride, C) features; the
                neck adds missing levels up to P5.
        """
        pyramid = path_aggregation(features, self.channels, COARSEST)
        tower = {kind: self._convolutions(kind) for kind in ("class", "box")}
        prior = keras.initializers.Constant(-np.log((1 - PRIOR_SCORE) / PRIOR_SCORE))
        small = keras.initializers.RandomNormal(stddev=0.01)
        to_logits = layers.Conv2D(
            self.num_classes, 1, bias_initializer=prior, kernel_initializer=small, name="head_logits"
        )
        one = keras.initializers.Constant(1.0)
        to_distances = layers.Conv2D(
            4, 1, bias_initializer=one, kernel_initializer=small, name="head_distances"
        )
        rows = []
        for level, feature in pyramid.items():
            stride = 2 ** int(level[1:])
            logits = to_logits(self._tower(feature, tower["class"], f"head_class_{level}"))
            distances = to_distances(self._tower(feature, tower["box"], f"head_box_{level}"))
            boxes = _boxes_from_distances(ops.cast(distances, "float32"), stride)
            both = ops.concatenate([boxes, ops.cast(logits, "float32")], axis=-1)
            rows.append(
                layers.Reshape((-1, 4 + self.num_classes), dtype="float32", name=f"head_{level}_rows")(both)
            )
        return layers.Concatenate(axis=1, dtype="float32", name="predictions")(rows)

    def _convolutions(self, kind: str) -> list[layers.Conv2D]:
        like = {"padding": "same", "use_bias": False, "kernel_initializer": "he_normal"}
        return [
            layers.Conv2D(self.channels, 3, **like, name=f"head_{kind}_conv{i + 1}")
            for i in range(self.depth)
        ]

    def _tower(self, x: keras.KerasTensor, convolutions: list[layers.Conv2D], name: str) -> keras.KerasTensor:
        for i, convolution in enumerate(convolutions, start=1):
            x = layers.BatchNormalization(momentum=BATCHNORM_MOMENTUM, name=f"{name}_norm{i}")(convolution(x))
            x = layers.Activation("relu", name=f"{name}_act{i}")(x)
        return x

    def loss(self, size_hw: tuple[int, int], label_smoothing: float = 0.0) -> DetectionLoss:
        """Return the loss that trains this head on inputs of `size_hw` pixels."""
        return DetectionLoss(size_hw, label_smoothing=label_smoothing)


def _boxes_from_distances(raw: keras.KerasTensor, stride: int) -> keras.KerasTensor:
    # The grid is a running sum instead of a constant: it fits any input size, and the saved model contains no
    # array of coordinates. softplus keeps distances positive and grows slowly.
    distances = ops.softplus(raw) * float(stride)
    ones = ops.ones_like(raw[..., :1])
    x = (ops.cumsum(ones, axis=2) - 0.5) * float(stride)
    y = (ops.cumsum(ones, axis=1) - 0.5) * float(stride)
    centre = ops.concatenate([x, y], axis=-1)
    return ops.concatenate([centre - distances[..., :2], centre + distances[..., 2:]], axis=-1)


def resample_detections(
    outputs: Any, from_hw: tuple[int, int], to_hw: tuple[int, int], strides: tuple[int, ...] = (8, 16, 32)
) -> Any:
    """Return a detector's outputs for inputs of another size: each point takes those of the nearest one.

    Args:
        outputs: (batch, points, 4 + classes) of inputs of `from_hw` pixels, as `DetectionHead` returns.
        from_hw: height and width, multiples of the largest stride.
        to_hw: height and width that the outputs are wanted for; boxes are in its pixels.
        strides: stride of each level in pixels, finest first.

    Example:
        >>> import numpy as np
        >>> resample_detections(np.array([[[0.0, 0, 8, 8, 5]]]), (8, 8), (16, 16), (8,)).shape
        TensorShape([1, 4, 5])
    """
    width = outputs.shape[-1]
    rows, start = [], 0
    for stride in strides:
        height_old, width_old = (-(-side // stride) for side in from_hw)
        new = tuple(-(-side // stride) for side in to_hw)
        level = outputs[:, start : start + height_old * width_old]
        start += height_old * width_old
        grid = ops.reshape(level, (-1, height_old, width_old, width))
        moved = ops.image.resize(grid, new, interpolation="nearest", data_format="channels_last")
        rows.append(ops.reshape(moved, (-1, new[0] * new[1], width)))
    rescale = [to_hw[1] / from_hw[1], to_hw[0] / from_hw[0]] * 2 + [1.0] * (width - 4)
    return ops.concatenate(rows, axis=1) * ops.convert_to_tensor(rescale, outputs.dtype)


@keras.saving.register_keras_serializable(package="cityzoo")
class DetectionLoss(keras.losses.Loss):
    """Loss of boxes and logits against the objects of each image.

    Class logits are trained on the quality of their own box by the quality focal loss (Li et al. 2020, arXiv
    2006.04388), boxes by CIoU (Zheng et al. 2020, arXiv 1911.08287) weighted by that quality. Each
    image is divided by its own sum of qualities: a batch split over devices has the same loss.

    Called with y_true (batch, N, 5) float32, rows of x1, y1, x2, y2 in pixels of the network's input and
    the class, padded rows -1; and y_pred (batch, points, 4 + classes) float32 as `DetectionHead` returns.

    Args:
        size_hw: height and width of the network's input in pixels.
        strides: stride of each level in pixels, finest first.
        box_weight: weight of the box part.
        label_smoothing: share of an object's quality, 0..1, that is distributed over all classes, for uncertain
            labels; background is not smoothed.

    Example:
        >>> import numpy as np
        >>> loss = DetectionLoss((32, 32), (32,), box_weight=0.0)
        >>> empty, sure = -np.ones((1, 1, 5), "float32"), np.array([[[0, 0, 32, 32, -9.0]]], "float32")
        >>> float(loss(empty, sure)) < 1e-6  # no object, and a low score
        True
    """

    def __init__(
        self,
        size_hw: tuple[int, int],
        strides: tuple[int, ...] = (8, 16, 32),
        box_weight: float = 2.0,
        label_smoothing: float = 0.0,
        name: str = "detection_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.size_hw = (size_hw[0], size_hw[1])
        self.strides, self.box_weight = tuple(strides), box_weight
        self.label_smoothing = label_smoothing
        self._points, self._point_strides = anchor_points(self.size_hw, self.strides)

    def call(self, y_true, y_pred):
        """Return the loss of each image, (batch,) float32."""
        return self._call(y_true, y_pred)

    def _call(self, y_true, y_pred, background_weights=None):
        # Weights are (batch, points, classes), of points without an object.
        boxes, labels = y_true[..., :4], ops.cast(y_true[..., 4], "int32")
        predicted, logits = y_pred[..., :4], y_pred[..., 4:]
        scores = ops.sigmoid(logits)
        current = ops.stop_gradient(predicted), ops.stop_gradient(scores)
        wanted = assign(boxes, labels, *current, self._points, self._point_strides)
        classes = wanted.classes
        if self.label_smoothing:
            alike = ops.mean(classes, axis=-1, keepdims=True)
            classes = (1 - self.label_smoothing) * classes + self.label_smoothing * alike
        cross_entropy = ops.binary_crossentropy(classes, logits, from_logits=True)
        each = ops.square(classes - scores) * cross_entropy
        if background_weights is not None:
            each = each * ops.where(wanted.quality[..., None] > 0, 1.0, background_weights)
        class_loss = ops.sum(each, axis=(1, 2))
        ciou = keras.utils.bounding_boxes.compute_ciou(wanted.boxes, predicted, "xyxy")
        box_loss = ops.sum((1.0 - ciou) * wanted.quality, axis=1)
        total = ops.maximum(ops.sum(wanted.quality, axis=1), 1.0)
        return (class_loss + self.box_weight * box_loss) / total

    def get_config(self) -> dict:
        own = ("size_hw", "strides", "box_weight", "label_smoothing")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}
