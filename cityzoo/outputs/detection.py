"""Detection: boxes with classes, evaluated by COCO's AP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cityzoo.cli import flag
from cityzoo.cli.search_range import linear_range, options
from cityzoo.cli.values import parse_count, parse_number, parse_share, parse_smoothing
from cityzoo.outputs import PredictionSummary
from cityzoo.outputs.box_targets import BoxTargets
from cityzoo.sample import Detections, ImageExample, ImageSet
from heads.detection_decode import anchor_indices, decode_detections

if TYPE_CHECKING:
    import keras

    from cityzoo.metrics.weighted import WeightedMetrics
    from cityzoo.outputs.attribution_target import AttributionTarget
    from heads.detection import DetectionHead

SHOWN_SCORE = 0.3  # in TensorBoard's images
FAINT_SCORE = 0.05  # of boxes that are on every image
SIZES, SIZE_LIMITS = ("AP_small", "AP_medium", "AP_large"), (32**2, 96**2)  # of COCO


@dataclass(frozen=True)
class Detection(BoxTargets):
    """Boxes with classes; see `cityzoo.outputs.Output`."""

    class_names: tuple[str, ...]  # what labels point to
    neck_width: int = flag(64, "channels of neck and head", parse_count, "N", search=options(32, 64, 96))
    # see `heads.detection.DetectionLoss`
    label_smoothing: float = flag(
        0.0,
        "share of a label that is given to all classes alike, 0 to 0.9, e.g. 0.1",
        parse_smoothing,
        "SHARE",
        search=linear_range(0.0, 0.1),
    )
    # wanted_precision, false_alarms: targets for which the report gives a score threshold
    wanted_precision: float = flag(
        0.9,
        "target precision; the report gives the score threshold that reaches it",
        parse_share,
        "SHARE",
    )
    false_alarms: float = flag(
        100.0,
        "maximum false alarms per 1,000 frames; the report gives the score threshold",
        parse_number,
        "N",
    )
    page: ClassVar[str] = "detection"
    primary_metrics: ClassVar[tuple[str, ...]] = ("AP", "AP50", "AP75")
    supports_pseudo_labels: ClassVar[bool] = True
    supports_distillation: ClassVar[bool] = True
    imitated_layers: ClassVar[tuple[str, ...]] = ("neck_P3_topdown_act", "neck_P4_sum", "neck_P5_sum")
    supports_attribution: ClassVar[bool] = True
    result_type: ClassVar[type] = Detections
    bootstrap_samples: ClassVar[int] = 1000
    per_class_metrics: ClassVar[tuple[str, ...]] = ("AP50",)
    label_layouts: ClassVar[tuple[str, ...]] = ("yolo", "coco", "cvat")

    @property
    def head(self) -> DetectionHead:
        """Return the head for these classes."""
        from heads.detection import DetectionHead

        return DetectionHead(len(self.class_names), channels=self.neck_width)

    def build_head(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Return (batch, points, 4 + classes) float32; see `heads.detection.DetectionHead`."""
        return self.head(features)

    def loss(self, size_hw: tuple[int, int]) -> keras.losses.Loss:
        """Return the loss for inputs of `size_hw` pixels, with --rule-loss that of places, too."""
        if not self.known_rules:
            return self.head.loss(size_hw, self.label_smoothing)
        from heads.place_loss import PlaceDetectionLoss

        bits, smoothing = self.known_rules[1].bits, self.label_smoothing
        return PlaceDetectionLoss(size_hw, label_smoothing=smoothing, bits=bits, weight=self.rule_weight)

    def distillation_loss(self, size_hw: tuple[int, int]) -> keras.losses.Loss:
        """Return the loss against a teacher's scores and boxes."""
        from heads.distillation import DetectionDistillationLoss

        return DetectionDistillationLoss()

    def resample_outputs(self, outputs: Any, from_hw: tuple[int, int], to_hw: tuple[int, int]) -> Any:
        """Return the outputs of the points nearest to those of images of `to_hw` pixels."""
        from heads.detection import resample_detections

        return resample_detections(outputs, from_hw, to_hw)

    def mirror_outputs(self, outputs: Any, size_hw: tuple[int, int]) -> Any:
        """Return the outputs for mirrored images of `size_hw` pixels as those of the images themselves."""
        from heads.mirrored_detections import mirror_detections

        return mirror_detections(outputs, size_hw)

    def decode(
        self, outputs: np.ndarray, matrices: np.ndarray, images: Sequence[ImageExample]
    ) -> list[Detections]:
        """Decode a batch and bring its boxes back to the original images.

        Args:
            outputs: (batch, points, 4 + classes) float32.
            matrices: (batch, 3, 3) float32, original pixels -> pixels of the network's input.
            images: the batch's images; boxes are clipped to them.
        """
        found = []
        for (boxes, scores, labels), matrix, image in zip(
            decode_detections(outputs), matrices, images, strict=True
        ):
            clipped, solid = _within(boxes, matrix, image)
            found.append(Detections(clipped[solid], scores[solid], labels[solid]))
        return found

    def attribution_target(
        self, output: np.ndarray, matrix: np.ndarray, image: ImageExample, number: int
    ) -> AttributionTarget | None:
        """Return where the logit of the `number`-th detection lies: at the point that its box is decoded from."""
        from cityzoo.outputs.attribution_target import AttributionTarget

        points, columns = anchor_indices(output)
        _, solid = _within(output[points, :4], matrix, image)
        if number >= solid.sum():
            return None
        point, column = int(points[solid][number]), int(columns[solid][number])
        return AttributionTarget((point, column), 1, self.class_names[column - 4], box_xyxy=output[point, :4])

    def metrics(self, truth: ImageSet, results: Sequence[Detections]) -> dict[str, Any]:
        """Return COCO's twelve figures and AP by class."""
        from cityzoo.metrics.coco import coco_metrics

        return coco_metrics(truth, results)

    def details(self, truth: ImageSet, results: Sequence[Detections]) -> dict[str, Any]:
        """Return `operating_point` (score of the best F1), `curves`, `confusion` there, `errors` and `thresholds`."""
        from cityzoo.metrics import detection_curves
        from cityzoo.metrics.matching import operating_threshold
        from cityzoo.metrics.tide import tide_errors

        point = operating_threshold(truth, results)
        score = float(point["score"] or 0.0)
        return {
            "operating_point": point,
            "curves": detection_curves.curves(truth, results),
            "confusion": detection_curves.confusion(truth, results, score),
            "errors": tide_errors(truth, [found.filter_by_score(score) for found in results]),
            "thresholds": detection_curves.thresholds(
                truth, results, (self.wanted_precision,), (self.false_alarms,)
            ),
        }

    def write_results(self, truth: ImageSet, results: Sequence[Detections], folder: Path) -> None:
        """Write `detections.json` and `truth.json` in COCO's format."""
        from cityzoo.metrics.coco import write_coco_json

        write_coco_json(folder, truth, results)

    def weighted_metrics(self, truth: ImageSet, results: Sequence[Detections]) -> WeightedMetrics:
        """Return what gives the figures of weighted images."""
        from cityzoo.metrics.keys import pointer
        from cityzoo.metrics.weighted_coco import weighted_coco_metrics

        classes = [pointer("per_class", name, "AP50") for name in self.class_names]
        return weighted_coco_metrics(truth, results, [*self.primary_metrics, *SIZES, *classes])

    def metric_slices(
        self, truth: ImageSet, results: Sequence[Detections]
    ) -> dict[str, dict[str, tuple[str, int]]]:
        """Return COCO's small, medium and large objects: their AP, and how many there are."""
        boxes = np.concatenate([each.boxes_xyxy for each in truth.examples] or [np.zeros((0, 4))])
        bins = np.digitize((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), SIZE_LIMITS)
        names = ("small: under 32 x 32 pixels", "medium", "large: over 96 x 96 pixels")
        sizes = {
            name: (key, int((bins == i).sum()))
            for i, (name, key) in enumerate(zip(names, SIZES, strict=True))
        }
        return {"object size (counted in objects)": sizes}

    def summarize_predictions(
        self,
        images: ImageSet,
        results: Sequence[Detections],
        report: Mapping[str, Any],
        score: float | None,
    ) -> PredictionSummary:
        """Return the detections from a score on, and COCO's format with images and categories, as tools open it."""
        from cityzoo.metrics.coco import coco_predictions

        least = _least_score(report, score)
        sure = self.prelabel(results, report, score)
        document = coco_predictions(images, sure)
        count = len(document["annotations"])
        return PredictionSummary(
            sure, "detections.json", document, f"{count} detections with a score of {least:.2f} or more"
        )

    def uncertainty(self, outputs: np.ndarray, results: Sequence[Detections]) -> np.ndarray:
        """Return the sum of the entropies of the scores of all boxes but the least, in bits."""
        from cityzoo.metrics.uncertainty import binary_entropy

        return np.array([binary_entropy(each.filter_by_score(FAINT_SCORE).scores).sum() for each in results])

    def label_scores(self, example: ImageExample, result: Detections) -> np.ndarray:
        """Return for each box the highest score of a detection of its class with an IoU of at least .5, 0 for none."""
        from cityzoo.metrics.matching import best_scores

        return best_scores(example, result)

    def prelabel(
        self, results: Sequence[Detections], report: Mapping[str, Any], score: float | None
    ) -> list[Detections]:
        """Return the detections from a score on: `score`, or that of the report's best F1."""
        return [found.filter_by_score(_least_score(report, score)) for found in results]


def _least_score(report: Mapping[str, Any], score: float | None) -> float:
    usual = (report.get("operating_point") or {}).get("score") or SHOWN_SCORE
    return usual if score is None else score


def _within(boxes: np.ndarray, matrix: np.ndarray, image: ImageExample) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (N, 4) of the network's input in pixels of the image, clipped to it; (N,) which of them have an area."""
    inverse = np.linalg.inv(matrix.astype(np.float64))  # scale and shift alone: evaluation turns nothing
    corners = boxes.reshape(-1, 2) @ inverse[:2, :2].T + inverse[:2, 2]
    height, width = image.size_hw
    clipped = np.clip(corners.reshape(-1, 4), 0, [width, height, width, height])
    return clipped, np.all(clipped[:, 2:] > clipped[:, :2], axis=1)
