"""Count objects: by regression from pooled features, or as the sum of a density map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from heads.neck import conv_block, path_aggregation

STRIDE = 8  # pixels of the input per cell of the density map
FINEST = "P3"
UNIT = 100.0  # the loss is in hundredths of an object, which gives gradients of a usual size


@dataclass(frozen=True)
class CountRegressionHead:
    """Count from pooled features: features -> Dense -> count, as a baseline.

    Attributes:
        units: width of the dense layer.

    Example:
        >>> CountRegressionHead(64)({"P4": keras.Input((4, 4, 8)), "P5": keras.Input((2, 2, 16))}).shape
        (None, 1)
    """

    units: int = 1024

    def __call__(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Return (batch, 1) float32 counts, 0 or more.

        Args:
            features: level name to (batch, H / stride, W / stride, C) features; the last one is used.
        """
        last = features[sorted(features)[-1]]
        x = layers.GlobalAveragePooling2D(dtype="float32", name="head_mean")(last)
        x = layers.Dense(self.units, activation="relu", dtype="float32", name="head_dense")(x)
        return layers.Dense(1, activation="softplus", dtype="float32", name="head_count")(x)


@dataclass(frozen=True)
class DensityMapHead:
    """Number of objects in each cell of 8 x 8 pixels; the sum is the count.

    Lempitsky & Zisserman 2010, "Learning to count objects in images": a map is trained on the positions of
    objects, which needs far fewer images than training on counts.

    Attributes:
        channels: width of the neck.

    Example:
        >>> levels = {"P3": keras.Input((8, 8, 8)), "P4": keras.Input((4, 4, 8)), "P5": keras.Input((2, 2, 8))}
        >>> DensityMapHead(16)(levels).shape
        (None, 8, 8, 1)
    """

    channels: int = 64

    def __call__(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Return (batch, H / 8, W / 8, 1) float32: objects per cell, 0 or more.

        Args:
            features: level name to (batch, H / stride, W / stride, C) features, P3 among them.

        Raises:
            ValueError: no P3.
        """
        if FINEST not in features:
            raise ValueError(f"a density map needs the level {FINEST}, received {sorted(features)}")
        x = path_aggregation(features, self.channels)[FINEST]
        x = conv_block(x, self.channels, "head_density")
        sparse = keras.initializers.Constant(-4.0)  # softplus(-4) / 100: nearly 0 in each cell at first
        x = layers.Conv2D(1, 1, dtype="float32", bias_initializer=sparse, name="head_cells")(x)
        x = layers.Activation("softplus", dtype="float32", name="head_softplus")(x)
        return layers.Rescaling(1.0 / UNIT, dtype="float32", name="head_map")(x)


def density_targets(boxes: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """Return the density map of boxes: each adds 1 in total, as a Gaussian around its center.

    The spread is a quarter of the box's sides, at least half a cell. A Gaussian is normalised within the image: every
    object counts as one.

    Args:
        boxes: (batch, N, 4) float32 xyxy, pixels of the network's input; rows without area are padding.
        size_hw: height and width of the network's input, pixels, multiples of 8.

    Returns:
        (batch, H / 8, W / 8, 1) float32, objects per cell.

    Example:
        >>> boxes = np.array([[[8.0, 8.0, 40.0, 24.0], [-1.0, -1.0, -1.0, -1.0]]])
        >>> round(float(density_targets(boxes, (64, 64)).sum()), 4)
        1.0
    """
    boxes = np.asarray(boxes, np.float32)
    sides, middles = boxes[..., 2:] - boxes[..., :2], (boxes[..., 2:] + boxes[..., :2]) / 2
    real = (sides > 0).all(axis=-1).astype(np.float32)
    spread = np.maximum(sides / 4, STRIDE / 2)
    along_x = _bell(middles[..., 0], spread[..., 0], size_hw[1])
    along_y = _bell(middles[..., 1], spread[..., 1], size_hw[0])
    return np.einsum("bny,bnx,bn->byx", along_y, along_x, real, optimize=True)[..., None]


def _bell(middle: np.ndarray, spread: np.ndarray, side: int) -> np.ndarray:
    # (batch, N, cells), each row's sum is 1.
    cells = (np.arange(side // STRIDE, dtype=np.float32) + 0.5) * STRIDE
    exponent = -0.5 * np.square((cells - middle[..., None]) / spread[..., None])
    bell = np.exp(exponent - exponent.max(axis=-1, keepdims=True))
    return bell / bell.sum(axis=-1, keepdims=True)


@keras.saving.register_keras_serializable(package="cityzoo")
class DensityLoss(keras.losses.Loss):
    """Squared difference of density maps per cell, plus the error of the total count.

    Called with y_true and y_pred (batch, h, w, 1) float32, objects per cell.

    Args:
        count_weight: weight of the absolute error of the count, which penalises many small errors of one sign.
    """

    def __init__(self, count_weight: float = 0.5, name: str = "density_loss", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.count_weight = count_weight

    def call(self, y_true, y_pred):
        """Return the loss of each image, (batch,) float32."""
        difference = ops.cast(y_pred, "float32") - ops.cast(y_true, "float32")
        by_cell = ops.sum(ops.square(UNIT * difference), axis=(1, 2, 3))
        return by_cell + self.count_weight * ops.abs(ops.sum(difference, axis=(1, 2, 3)))

    def get_config(self) -> dict:
        return {**super().get_config(), "count_weight": self.count_weight}
