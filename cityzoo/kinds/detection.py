"""Detection: boxes with classes, judged by COCO's AP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.sample import Detections, Picture, PictureSet

if TYPE_CHECKING:
    import keras

    from heads.detection import DetectionHead


@dataclass(frozen=True)
class Detection:
    """Tie the detection head to annotated pictures; see `cityzoo.kinds.Kind`.

    Attributes:
        class_names: what labels point to.
        neck_width: channels of neck and head.
        label_smoothing: see `heads.detection.DetectionLoss`.
    """

    class_names: tuple[str, ...]
    neck_width: int = 64
    label_smoothing: float = 0.0

    @property
    def head(self) -> DetectionHead:
        """Return the head for these classes."""
        from heads.detection import DetectionHead

        return DetectionHead(len(self.class_names), channels=self.neck_width)

    def outputs(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Return (batch, points, 4 + classes) float32; see `heads.detection.DetectionHead`."""
        return self.head(features)

    def loss(self, size_hw: tuple[int, int]) -> keras.losses.Loss:
        """Return the loss for inputs of `size_hw` pixels."""
        return self.head.loss(size_hw, self.label_smoothing)

    def target(self, batch: dict[str, Any]) -> Any:
        """Return (B, N, 5) float32: xyxy in pixels of the network's input and the class; padding -1."""
        import tensorflow as tf

        boxes = batch["bounding_boxes"]
        return tf.concat([boxes["boxes"], tf.cast(boxes["labels"], tf.float32)[..., None]], axis=-1)

    def results(
        self, outputs: np.ndarray, matrices: np.ndarray, pictures: Sequence[Picture]
    ) -> list[Detections]:
        """Decode a batch and bring its boxes back to the original pictures.

        Args:
            outputs: (batch, points, 4 + classes) float32.
            matrices: (batch, 3, 3) float32, original pixels -> pixels of the network's input.
            pictures: the batch's pictures; boxes are clipped to them.
        """
        found = []
        for (boxes, scores, labels), matrix, picture in zip(
            self.head.decode(outputs), matrices, pictures, strict=True
        ):
            inverse = np.linalg.inv(
                matrix.astype(np.float64)
            )  # scale and shift alone: evaluation turns nothing
            corners = boxes.reshape(-1, 2) @ inverse[:2, :2].T + inverse[:2, 2]
            height, width = picture.size_hw
            clipped = np.clip(corners.reshape(-1, 4), 0, [width, height, width, height])
            solid = (clipped[:, 2:] > clipped[:, :2]).all(axis=1)
            found.append(Detections(clipped[solid], scores[solid], labels[solid]))
        return found

    def metrics(self, truth: PictureSet, results: Sequence[Detections]) -> dict[str, Any]:
        """Return COCO's twelve figures and AP by class."""
        from cityzoo.report.coco import coco_metrics

        return coco_metrics(truth, results)
