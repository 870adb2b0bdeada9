"""What a backbone is pretrained with: the head that is thrown away, its loss and its metrics, by method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from cityzoo.cli import flag
from cityzoo.cli.values import parse_count, parse_momentum, parse_share
from cityzoo.outputs import Output

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

PROJECTION = "head_projection"  # the layer whose output is compared
HIDDEN = 512  # units of the hidden layers of projections
PATCH, CELL = (
    32,
    4,
)  # pixels: side of a masked patch, the stride of P5; side of a cell whose mean color is predicted
GRAY = 127.5
VALIDATION_SEED = 1  # added to the run's: views of held-out examples are not those of training
MASK = (
    "share that is hidden: of an image's patches, of each sensor's window, or of a text's tokens (there 0.15)"
)


@dataclass(frozen=True)
class Pretraining(Output):
    """A head that pretraining throws away; see `cityzoo.outputs.Output`.

    Attributes:
        views: rows of a batch that come of one example, next to each other.
        policy: the augmentation policy by default.
    """

    resize_mode: ClassVar[Literal["letterbox", "stretch"]] = "stretch"
    page: ClassVar[str] = "pretraining"
    views: ClassVar[int] = 2
    policy: ClassVar[str] = "contrastive"

    def hide(self, inputs: Any, target: Any) -> Any:
        """Return inputs without what the network has to predict, inside a `tf.data` graph."""
        return inputs

    def measure(self, target: np.ndarray, outputs: np.ndarray) -> list[Any]:
        """Return what `metrics` takes of each example: (2, 2D) float32, queries and keys of both views."""
        return list(np.asarray(outputs, np.float32).reshape(-1, self.views, outputs.shape[-1]))

    def decode(self, outputs: np.ndarray, matrices: Any, examples: Sequence[Any]) -> list[Any]:
        """Return the rows as they are."""
        return list(np.asarray(outputs, np.float32))


@dataclass(frozen=True)
class PairOutput(Pretraining):
    """Projections that are alike for two views of one example."""

    projection: int = flag(128, "width of the projection that pairs are compared by", parse_count, "N")
    primary_metrics: ClassVar[tuple[str, ...]] = ("pair_accuracy", "spread")

    def build_head(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Return (batch, projection) of the mean of the coarsest level."""
        import keras

        from heads.self_supervised import project

        level = features[sorted(features)[-1]]
        mean = keras.layers.GlobalAveragePooling2D(dtype="float32", name="head_mean")(level)
        return project(mean, self.projection, HIDDEN, PROJECTION, is_centered=True)

    def metrics(self, truth: Any, results: Sequence[np.ndarray]) -> dict[str, Any]:
        """Return how often the other view is the nearest of all, and the spread of the projections.

        `pair_accuracy` is the share of examples whose other view is the most alike of all examples' other views;
        `spread` is 0 where all projections are equal (collapse) and 1 where they are spread over the whole sphere.
        """
        rows = np.stack(results)
        width = rows.shape[-1] // 2 if rows.shape[-1] > self.projection else rows.shape[-1]
        query, key = _normalize(rows[:, 0, :width]), _normalize(rows[:, 1, -width:])
        found = (query @ key.T).argmax(axis=1) == np.arange(len(rows))
        # The squared length of the mean of unit vectors is 1 where they are equal, about 0 on the whole sphere.
        spread = 1.0 - float(np.square(key.mean(axis=0)).sum())
        return {"pair_accuracy": float(found.mean()), "spread": spread}


def _normalize(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))


@dataclass(frozen=True)
class SimCLR(PairOutput):
    """Views of one image, or of neighbouring frames, among those of all others in the batch."""

    temperature: float = flag(0.1, "of the softmax over cosines", parse_share, "T")
    neighbours: int = 0  # as the reader's flag; such frames are no negatives

    def loss(self, size_hw: Any) -> keras.losses.Loss:
        """Return the normalized temperature-scaled cross-entropy."""
        from heads.self_supervised import NTXentLoss

        return NTXentLoss(self.temperature, self.neighbours)


@dataclass(frozen=True)
class SupCon(PairOutput):
    """Images of one class among those of all others in the batch."""

    temperature: float = flag(0.1, "of the softmax over cosines", parse_share, "T")

    def loss(self, size_hw: Any) -> keras.losses.Loss:
        """Return the supervised contrastive loss."""
        from heads.self_supervised import SupConLoss

        return SupConLoss(self.temperature)


@dataclass(frozen=True)
class BYOL(PairOutput):
    """One view predicts what a slowly moving copy of the network, the target, makes of the other."""

    target_momentum: float = flag(
        0.99, "of the target network, at the start; it rises to 1", parse_momentum, "M"
    )

    def build_head(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Return (batch, projection), the prediction; `add_target` joins the target's projection."""
        from heads.self_supervised import project

        return project(super().build_head(features), self.projection, HIDDEN, "head_prediction")

    def loss(self, size_hw: Any) -> keras.losses.Loss:
        """Return the distance of predictions from the target's projections."""
        from heads.self_supervised import BYOLLoss

        return BYOLLoss()

    def step_callbacks(self, model: keras.Model, steps: int) -> list[keras.callbacks.Callback]:
        """Return what moves the target after each step."""
        from cityzoo.pretrain.momentum_target import MomentumTarget

        return [MomentumTarget(model, self.target_momentum, steps)]


@dataclass(frozen=True)
class MaskedOutput(Pretraining):
    """What is hidden of an example."""

    views: ClassVar[int] = 1
    primary_metrics: ClassVar[tuple[str, ...]] = ("masked_error", "error_of_mean")
    lower_is_better: ClassVar[tuple[str, ...]] = ("masked_error", "error_of_mean")

    def loss(self, size_hw: Any) -> keras.losses.Loss:
        """Return the mean absolute error of what is hidden."""
        from heads.self_supervised import MaskedLoss

        return MaskedLoss()

    def errors(self, target: np.ndarray, values: np.ndarray) -> list[float]:
        """Return the mean absolute error of what is hidden of each example.

        Args:
            target: (B, h, w, V + 1), 1 at the end where something is hidden.
            values: (B, h, w, V), predicted.
        """
        mask = target[..., -1]
        found = np.abs(target[..., :-1] - values).mean(axis=-1) * mask
        return (found.sum(axis=(1, 2)) / np.maximum(mask.sum(axis=(1, 2)), 1)).tolist()

    def metrics(self, truth: Any, results: Sequence[tuple[float, float]]) -> dict[str, Any]:
        """Return the mean error of what is hidden, and that of filling it with the mean of what is seen."""
        own, mean = np.mean(results, axis=0)
        return {"masked_error": float(own), "error_of_mean": float(mean)}


@dataclass(frozen=True)
class MaskedImage(MaskedOutput):
    """Colors of patches that are covered with gray (SimMIM; MAE's masking for networks without tokens)."""

    mask: float = flag(0.6, MASK, parse_share, "SHARE")
    policy: ClassVar[str] = "light"

    def build_head(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Return (batch, H / 32, W / 32, 192), the colors of each patch in cells of 4 pixels."""
        import keras

        level = features[sorted(features)[-1]]
        return keras.layers.Conv2D(3 * (PATCH // CELL) ** 2, 1, dtype="float32", name="head_pixels")(level)

    def make_targets(self, batch: dict[str, Any]) -> tf.Tensor:
        """Return (B, H / 32, W / 32, 193) float32: colors -1..1 of each patch, and 1 where it is covered.

        The same image gives the same patches, so that a resumed run continues exactly.
        """
        import tensorflow as tf

        images = tf.cast(batch["images"], tf.float32)
        cells = tf.nn.avg_pool2d(images / GRAY - 1.0, CELL, CELL, "VALID")
        patches = tf.nn.space_to_depth(cells, PATCH // CELL)
        height, width = patches.shape[1:3]
        pixels = tf.reduce_sum(tf.cast(batch["images"], tf.int32))
        scores = tf.random.stateless_uniform((tf.shape(images)[0], height * width), [pixels, 0])
        covered = max(1, round(self.mask * height * width))
        last = tf.sort(scores, axis=1)[:, covered - 1 : covered]
        mask = tf.reshape(tf.cast(scores <= last, tf.float32), (-1, height, width, 1))
        return tf.concat([patches, mask], axis=-1)

    def hide(self, inputs: Any, target: Any) -> Any:
        """Return images with gray patches where the target says so."""
        import tensorflow as tf

        mask = tf.repeat(tf.repeat(target[..., -1:], PATCH, axis=1), PATCH, axis=2)
        return inputs * (1.0 - mask) + GRAY * mask

    def measure(self, target: np.ndarray, outputs: np.ndarray) -> list[Any]:
        """Return the error of each image and that of the mean color of what it shows, as shares of the color range."""
        pairs = (np.array(self.errors(target, each)) / 2 for each in (outputs, _mean_seen(target)))
        return list(zip(*pairs, strict=True))


def _mean_seen(target: np.ndarray) -> np.ndarray:
    seen = 1.0 - target[..., -1:]
    colors = target[..., :-1].reshape(*target.shape[:3], -1, 3)
    total = (colors.mean(axis=3) * seen).sum(axis=(1, 2), keepdims=True)
    mean = total / np.maximum(seen.sum(axis=(1, 2), keepdims=True), 1)
    return np.tile(mean, target.shape[-1] // 3)


METHODS: dict[str, type[Pretraining]] = {"simclr": SimCLR, "byol": BYOL, "mae": MaskedImage, "supcon": SupCon}
