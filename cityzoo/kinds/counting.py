"""Counting: a number for each picture, judged by its mean absolute error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from cityzoo.cli import flag
from cityzoo.kinds import Kind, Seen
from cityzoo.parsing import parse_count
from cityzoo.sample import Picture, PictureSet

if TYPE_CHECKING:
    import keras

    from cityzoo.kinds import Weighed
    from cityzoo.report.layout import Layout

HEADS = ("density", "regression")
GOLD = (255, 176, 0)


class Count(NamedTuple):
    """Hold what was counted in a picture.

    Attributes:
        number: 0 or more.
        density: (h, w) float32, objects a cell of the network's input; None for regression.
        corners: where the input's corners lie in the picture: x1, y1, x2, y2 pixels, possibly outside of it.
    """

    number: float
    density: np.ndarray | None = None
    corners: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Counting(Kind):
    """Tie a counting head to pictures with boxes; see `cityzoo.kinds.Kind`.

    Attributes:
        class_names: what is counted, all of it together.
        head: "density" or "regression".
        neck_width: channels of the density map's neck.
        dense_units: width of regression's dense layer.
        usual: mean count of the training pictures, once it is known.
    """

    class_names: tuple[str, ...]
    head: str = flag(
        "density", "how to count: the sum of a map, or a number from pooled features", choices=HEADS
    )
    neck_width: int = flag(64, "channels of the density map's neck", parse_count, "N")
    dense_units: int = flag(1024, "width of the regression's dense layer", parse_count, "N")
    usual: float | None = None
    headline: ClassVar[tuple[str, ...]] = ("mae", "rmse", "bias")
    lower: ClassVar[tuple[str, ...]] = ("mae", "rmse")
    result: ClassVar[type] = Count
    draws: ClassVar[int] = 1000

    def seeing(self, train: PictureSet) -> Counting:
        """Return the kind that knows the mean count."""
        return replace(self, usual=float(np.mean([picture.target[0] for picture in train.pictures])))

    def recalling(self, report: dict[str, Any]) -> Counting:
        """Return the kind that knows the mean count of its training."""
        return replace(self, usual=report.get("usual_count"))

    def columns(self, pictures: Sequence[Picture]) -> dict[str, Sequence[Any]]:
        """Return the boxes, which move with their picture: what leaves it is counted no more."""
        return {
            "boxes": [picture.boxes_xyxy for picture in pictures],
            "labels": [picture.labels for picture in pictures],
        }

    def outputs(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Return (batch, 1) counts, or (batch, H / 8, W / 8, 1) objects a cell."""
        from heads.counting import CountRegression, DensityMap

        head = DensityMap(self.neck_width) if self.head == "density" else CountRegression(self.dense_units)
        return head(features)

    def loss(self, size_hw: tuple[int, int]) -> keras.losses.Loss:
        """Return the squared error, of the map or of the count."""
        import keras

        from heads.counting import DensityLoss

        return DensityLoss() if self.head == "density" else keras.losses.MeanSquaredError()

    def target(self, batch: dict[str, Any]) -> Any:
        """Return the density map that the boxes stand for, or their number, (B, 1) float32."""
        import tensorflow as tf

        from heads.counting import STRIDE, painted_density

        boxes, size_hw = batch["bounding_boxes"], tuple(batch["images"].shape[1:3])
        if self.head == "density":
            painted = tf.numpy_function(
                lambda b: painted_density(b, size_hw).astype(np.float32), [boxes["boxes"]], tf.float32
            )
            return tf.ensure_shape(painted, (None, size_hw[0] // STRIDE, size_hw[1] // STRIDE, 1))
        return tf.reduce_sum(tf.cast(boxes["labels"] >= 0, tf.float32), axis=1, keepdims=True)

    def results(self, outputs: np.ndarray, matrices: np.ndarray, pictures: Sequence[Picture]) -> list[Count]:
        """Return the count of each picture, and where it lies."""
        outputs = np.asarray(outputs, np.float32)
        if self.head == "regression":
            return [Count(float(row[0])) for row in outputs]
        found = []
        for density, matrix in zip(outputs[..., 0], matrices, strict=True):
            height, width = (8 * side for side in density.shape)
            ends = np.linalg.inv(matrix.astype(np.float64)) @ np.array([[0, width], [0, height], [1, 1]])
            corners = (ends[0, 0], ends[1, 0], ends[0, 1], ends[1, 1])
            found.append(Count(float(density.sum()), density, tuple(map(float, corners))))
        return found

    def draw(self, image: np.ndarray, truth: Picture | None, result: Count) -> np.ndarray:
        """Return the picture with the density laid over it, above a line with the counts."""
        from cityzoo.report.captions import captioned
        from cityzoo.report.heat import overlaid

        known = "" if truth is None else f", true: {len(truth.labels)}"
        shown = image if result.density is None else overlaid(image, np.sqrt(result.density), result.corners)
        return captioned(shown, f"counted {result.number:.1f}{known}")

    def draw_target(self, image: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Return the picture with its target laid over it."""
        from cityzoo.report.captions import captioned
        from cityzoo.report.heat import overlaid

        whole = (0.0, 0.0, float(image.shape[1]), float(image.shape[0]))
        shown = overlaid(image, np.sqrt(target[..., 0]), whole) if target.ndim == 3 else image
        return captioned(shown, f"{float(target.sum()):.1f} to count")

    def metrics(self, truth: PictureSet, results: Sequence[Count]) -> dict[str, Any]:
        """Return MAE, RMSE, bias, R2, and the error by how crowded pictures are."""
        from cityzoo.report.of_counts import count_metrics

        return count_metrics(truth, [result.number for result in results], self.usual)

    def cases(self, truth: PictureSet, results: Sequence[Count], folder: Path) -> dict[str, Any]:
        """Write `predictions.csv` and sheets of errors and crowds; return errors by size and each count."""
        from cityzoo.report import count_cases
        from cityzoo.report.count_curves import error_by_size, scatter

        count_cases.write_predictions(truth, results, folder / "predictions.csv")
        count_cases.draw_sheets(truth, results, self.draw, folder)
        return {"by_size": error_by_size(truth, results), "scatter": scatter(truth, results)}

    def weighed(self, truth: PictureSet, results: Sequence[Count]) -> Weighed:
        """Return what gives the figures of weighted pictures."""
        from cityzoo.report.weighed_counts import weighed_counts

        return weighed_counts(truth, [result.number for result in results], self.usual)

    def layout(self, report: dict[str, Any]) -> Layout:
        """Return what a page shows of a counter."""
        from cityzoo.report.of_counts import LAYOUT

        return LAYOUT

    def seen(
        self, pictures: PictureSet, results: Sequence[Count], report: dict[str, Any], score: float | None
    ) -> Seen:
        """Return the count of every picture."""
        rows = {each.path: round(r.number, 2) for each, r in zip(pictures.pictures, results, strict=True)}
        return Seen(list(results), "predictions.json", rows, f"{sum(rows.values()):.0f} counted")
