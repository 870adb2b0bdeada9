"""Counting: a number per image, evaluated by the mean absolute error."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from cityzoo.cli import flag
from cityzoo.cli.search_range import options
from cityzoo.cli.values import parse_count
from cityzoo.outputs import Output, PredictionSummary
from cityzoo.sample import ImageExample, ImageSet

if TYPE_CHECKING:
    import keras

    from cityzoo.metrics.weighted import WeightedMetrics

HEADS = ("density", "regression")


class CountResult(NamedTuple):
    """The count of an image."""

    number: float  # 0 or more
    # (h, w) float32, objects a cell of the network's input; None for regression
    density: np.ndarray | None = None
    # where the input's corners lie in the image: x1, y1, x2, y2 pixels, possibly outside of it
    corners: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Counting(Output):
    """Number of objects in an image; see `cityzoo.outputs.Output`."""

    class_names: tuple[str, ...]  # what is counted, all of it together
    # "density" or "regression"
    head: str = flag(
        "density",
        "how to count: the sum of a map, or a number from pooled features",
        choices=HEADS,
        search=options(*HEADS),
    )
    # channels of the density map's neck
    neck_width: int = flag(
        64, "channels of the density map's neck", parse_count, "N", search=options(32, 64, 96)
    )
    # width of regression's dense layer
    dense_units: int = flag(1024, "width of the regression's dense layer", parse_count, "N")
    train_mean_count: float | None = None  # mean count of the training images, once it is known
    page: ClassVar[str] = "counting"
    primary_metrics: ClassVar[tuple[str, ...]] = ("mae", "rmse", "bias")
    lower_is_better: ClassVar[tuple[str, ...]] = ("mae", "rmse")
    result_type: ClassVar[type] = CountResult
    supports_distillation: ClassVar[bool] = True
    answers_by_class: ClassVar[bool] = False
    bootstrap_samples: ClassVar[int] = 1000
    label_layouts: ClassVar[tuple[str, ...]] = (
        "yolo",
        "coco",
        "cvat",
    )  # of images whose boxes are to be drawn

    def with_train_statistics(self, train: ImageSet, may_lack_classes: bool = False) -> Counting:
        """Return the output with the mean count."""
        counts = [image.target[0] for image in train.examples if image.target is not None]
        return replace(self, train_mean_count=float(np.mean(counts)))

    def restore(self, report: Mapping[str, Any]) -> Counting:
        """Return the output with the mean count of its training."""
        return replace(self, train_mean_count=report.get("usual_count"))

    def label_columns(self, images: Sequence[ImageExample]) -> dict[str, Sequence[Any]]:
        """Return the boxes, which are transformed with their image; what leaves it does not count."""
        return {
            "boxes": [image.boxes_xyxy for image in images],
            "labels": [image.labels for image in images],
        }

    def build_head(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Return (batch, 1) counts, or (batch, H / 8, W / 8, 1) objects a cell."""
        from heads.counting import CountRegressionHead, DensityMapHead

        head = (
            DensityMapHead(self.neck_width)
            if self.head == "density"
            else CountRegressionHead(self.dense_units)
        )
        return head(features)

    def loss(self, size_hw: tuple[int, int] | None) -> keras.losses.Loss:
        """Return the squared error, of the map or of the count."""
        import keras

        from heads.counting import DensityLoss

        return DensityLoss() if self.head == "density" else keras.losses.MeanSquaredError()

    def distillation_loss(self, size_hw: tuple[int, int] | None) -> keras.losses.Loss:
        """Return the loss with the teacher's map or count in place of the labels."""
        return self.loss(size_hw)

    def resample_outputs(self, outputs: Any, from_hw: tuple[int, int], to_hw: tuple[int, int]) -> Any:
        """Return a count as it is, and a map of as many objects on the grid of images of `to_hw` pixels."""
        from keras import ops

        from heads.counting import STRIDE

        if self.head == "regression":
            return outputs
        grid = (to_hw[0] // STRIDE, to_hw[1] // STRIDE)
        share = from_hw[0] * from_hw[1] / (to_hw[0] * to_hw[1])  # of an old cell in a new one
        return ops.image.resize(outputs, grid, data_format="channels_last") * share

    def make_targets(self, batch: dict[str, Any]) -> Any:
        """Return the density map that the boxes stand for, or their number, (B, 1) float32."""
        import tensorflow as tf

        from heads.counting import STRIDE, density_targets

        boxes, size_hw = batch["bounding_boxes"], tuple(batch["images"].shape[1:3])
        if self.head == "density":
            painted = tf.numpy_function(
                lambda b: density_targets(b, size_hw).astype(np.float32), [boxes["boxes"]], tf.float32
            )
            return tf.ensure_shape(painted, (None, size_hw[0] // STRIDE, size_hw[1] // STRIDE, 1))
        return tf.reduce_sum(tf.cast(boxes["labels"] >= 0, tf.float32), axis=1, keepdims=True)

    def decode(
        self, outputs: np.ndarray, matrices: np.ndarray, images: Sequence[ImageExample]
    ) -> list[CountResult]:
        """Return the count of each image, and where it lies."""
        outputs = np.asarray(outputs, np.float32)
        if self.head == "regression":
            return [CountResult(float(row[0])) for row in outputs]
        found = []
        for density, matrix in zip(outputs[..., 0], matrices, strict=True):
            height, width = (8 * side for side in density.shape)
            ends = np.linalg.inv(matrix.astype(np.float64)) @ np.array([[0, width], [0, height], [1, 1]])
            (left, right), (top, bottom) = ends[:2].tolist()
            found.append(CountResult(float(density.sum()), density, (left, top, right, bottom)))
        return found

    def metrics(self, truth: ImageSet, results: Sequence[CountResult]) -> dict[str, Any]:
        """Return MAE, RMSE, bias, R2, and the error by how crowded images are."""
        from cityzoo.metrics.counting import count_metrics

        return count_metrics(truth, [result.number for result in results], self.train_mean_count)

    def details(self, truth: ImageSet, results: Sequence[CountResult]) -> dict[str, Any]:
        """Return errors by size and each count."""
        from cityzoo.metrics.counting import error_by_size, scatter

        counted = [result.number for result in results]
        return {"by_size": error_by_size(truth, counted), "scatter": scatter(truth, counted)}

    def write_results(self, truth: ImageSet, results: Sequence[CountResult], folder: Path) -> None:
        """Write `predictions.csv`: path, true count, predicted count."""
        with (folder / "predictions.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["path", "true", "counted"])
            for image, result in zip(truth.examples, results, strict=True):
                writer.writerow([image.name, len(image.labels), f"{result.number:.4f}"])

    def weighted_metrics(self, truth: ImageSet, results: Sequence[CountResult]) -> WeightedMetrics:
        """Return what gives the figures of weighted images."""
        from cityzoo.metrics.counting import weighted_count_metrics

        return weighted_count_metrics(truth, [result.number for result in results], self.train_mean_count)

    def summarize_predictions(
        self, images: ImageSet, results: Sequence[CountResult], report: Mapping[str, Any], score: float | None
    ) -> PredictionSummary:
        """Return the count of every image."""
        rows = {each.name: round(r.number, 2) for each, r in zip(images.examples, results, strict=True)}
        return PredictionSummary(list(results), "predictions.json", rows, f"{sum(rows.values()):.0f} counted")
