"""Detection: boxes with classes, judged by COCO's AP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cityzoo.cli import flag
from cityzoo.kinds import Kind, Seen
from cityzoo.parsing import parse_count, parse_smoothing
from cityzoo.sample import Detections, Picture, PictureSet

if TYPE_CHECKING:
    import keras

    from cityzoo.report.layout import Layout
    from heads.detection import DetectionHead

SHOWN_SCORE = 0.3  # in TensorBoard's pictures


@dataclass(frozen=True)
class Detection(Kind):
    """Tie the detection head to annotated pictures; see `cityzoo.kinds.Kind`.

    Attributes:
        class_names: what labels point to.
        neck_width: channels of neck and head.
        label_smoothing: see `heads.detection.DetectionLoss`.
    """

    class_names: tuple[str, ...]
    neck_width: int = flag(
        64, "channels of neck and head: wider learns more, narrower runs faster", parse_count, "N"
    )
    label_smoothing: float = flag(
        0.0,
        "share of a label that is given to all classes alike, 0 to 0.9, e.g. 0.1",
        parse_smoothing,
        "SHARE",
    )
    headline: ClassVar[tuple[str, ...]] = ("AP", "AP50", "AP75")

    @property
    def head(self) -> DetectionHead:
        """Return the head for these classes."""
        from heads.detection import DetectionHead

        return DetectionHead(len(self.class_names), channels=self.neck_width)

    def columns(self, pictures: Sequence[Picture]) -> dict[str, Sequence[Any]]:
        """Return boxes and labels."""
        return {
            "boxes": [picture.boxes_xyxy for picture in pictures],
            "labels": [picture.labels for picture in pictures],
        }

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

    def draw(self, image: np.ndarray, truth: Picture | None, result: Detections) -> np.ndarray:
        """Return the picture with the detections that are fairly sure, and the annotations."""
        from cityzoo.report.drawing import draw_detections

        sure = result.above(SHOWN_SCORE if truth is not None else 0.0)
        known = None if truth is None else (truth.boxes_xyxy, truth.labels)
        return draw_detections(
            image, sure.boxes_xyxy, sure.labels, self.class_names, sure.scores, truth=known
        )

    def draw_target(self, image: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Return the picture with the boxes of `target`, (N, 5) float32."""
        from cityzoo.report.drawing import draw_detections

        labels = target[:, 4].astype(int)
        return draw_detections(image, target[labels >= 0, :4], labels[labels >= 0], self.class_names)

    def metrics(self, truth: PictureSet, results: Sequence[Detections]) -> dict[str, Any]:
        """Return COCO's twelve figures and AP by class."""
        from cityzoo.report.coco import coco_metrics

        return coco_metrics(truth, results)

    def cases(self, truth: PictureSet, results: Sequence[Detections], folder: Path) -> dict[str, Any]:
        """Write `detections.json` and `truth.json` in COCO's format and `best.png worst.png missed.png`.

        Returns:
            `operating_point`, the score of the best F1.
        """
        from cityzoo.data.pictures import read_picture
        from cityzoo.report.cases import draw_cases, pick_cases
        from cityzoo.report.coco import write_coco_json
        from cityzoo.report.matching import operating_threshold

        point = operating_threshold(truth, results)
        draw_cases(truth, results, pick_cases(truth, results, point["score"]), folder, read_picture)
        write_coco_json(folder, truth, results)
        return {"operating_point": point}

    def layout(self, report: dict[str, Any]) -> Layout:
        """Return what a page shows of a detector."""
        from cityzoo.report.of_detection import detection_layout

        return detection_layout(report)

    def seen(
        self,
        pictures: PictureSet,
        results: Sequence[Detections],
        report: dict[str, Any],
        score: float | None,
    ) -> Seen:
        """Return the detections from a score on, and COCO's format with images and categories, as tools open it."""
        from cityzoo.report.coco import coco_predictions

        usual = (report.get("operating_point") or {}).get("score") or SHOWN_SCORE
        least = usual if score is None else score
        sure = [found.above(least) for found in results]
        document = coco_predictions(pictures, sure)
        count = len(document["annotations"])
        return Seen(
            sure, "detections.json", document, f"{count} detections with a score of {least:.2f} or more"
        )
