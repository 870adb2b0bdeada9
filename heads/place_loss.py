"""The loss of detectors that know where objects cannot stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from heads.detection import DetectionLoss

STRIDE = 4  # pixels of the network's input for each cell of a mask
COLUMNS = 4  # cells in a row of a target, in place of a box


def append_places(targets: Any, masks: Any) -> Any:
    """Return targets followed by the cells of masks, as the loss needs both in one tensor.

    Four cells are a row, whose class is -1 as in padding: what reads boxes skips them.

    Args:
        targets: (B, N, 5) float32.
        masks: (B, h, w, 1) uint8; bits of a pixel are 1 for classes of which no object can stand there.

    Returns:
        (B, N + rows, 5) float32.

    Example:
        >>> import numpy as np
        >>> masks = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1)
        >>> append_places(-np.ones((1, 1, 5), np.float32), masks)[0].numpy().tolist()
        [[-1.0, -1.0, -1.0, -1.0, -1.0], [18.0, 22.0, 50.0, 54.0, -1.0]]
    """
    cells = masks[:, STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE, 0]
    count = cells.shape[1] * cells.shape[2]
    flat = ops.cast(ops.reshape(cells, (-1, count)), "float32")
    rows = ops.reshape(ops.pad(flat, [[0, 0], [0, -count % COLUMNS]]), (-1, -(-count // COLUMNS), COLUMNS))
    rows = ops.pad(rows, [[0, 0], [0, 0], [0, 1]], constant_values=-1.0)
    return ops.concatenate([targets, rows], axis=1)


@keras.saving.register_keras_serializable(package="cityzoo")
class PlaceDetectionLoss(DetectionLoss):
    """The loss of a detector, in which background counts more where no object can stand.

    Where the bottom center of a predicted box lies in a place in which its class cannot be, the class loss is
    multiplied by 1 + `weight`. Exempt are points of labeled objects, which crops and mosaics may have cut, and boxes
    that end at the lower edge of the input, as what they stand on may be outside.

    Called with y_true of `append_places`.

    Args:
        size_hw: height and width of the network's input in pixels, multiples of 4.
        bits: which bit of a cell is that of each class; 8: the class can be anywhere.
        weight: of what is added.

    Example:
        >>> import numpy as np
        >>> mask = np.zeros((1, 32, 32, 1), np.uint8)
        >>> mask[:, 12:16] = 2  # no object of the second class between these lines
        >>> y = append_places(-np.ones((1, 1, 5), "float32"), mask)
        >>> options = {"size_hw": (32, 32), "strides": (32,), "box_weight": 0.0}
        >>> loss = PlaceDetectionLoss(**options, bits=(0, 1), weight=2.0)
        >>> box = np.array([[[8, 4, 20, 13, 0, 0]]], "float32")
        >>> round(float(loss(y, box) / DetectionLoss(**options)(y[:, :1], box)), 4)  # (1 + 3) / 2
        2.0
    """

    def __init__(
        self,
        size_hw: tuple[int, int],
        strides: tuple[int, ...] = (8, 16, 32),
        *,
        bits: Sequence[int] = (0,),
        weight: float = 1.0,
        name: str = "place_detection_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(size_hw, strides, name=name, **kwargs)
        self.bits, self.weight = [int(bit) for bit in bits], float(weight)

    def call(self, y_true, y_pred):
        """Return the loss of each image, (batch,) float32."""
        height, width = (side // STRIDE for side in self.size_hw)
        rows = -(-height * width // COLUMNS)
        cells = ops.reshape(y_true[:, -rows:, :COLUMNS], (-1, rows * COLUMNS))
        boxes = ops.stop_gradient(y_pred[..., :4])
        x, y = (boxes[..., 0] + boxes[..., 2]) / 2, boxes[..., 3]
        column, row = (ops.cast(ops.floor(each / STRIDE), "int32") for each in (x, y))
        seen = (x >= 0) & (x < self.size_hw[1]) & (y >= 0) & (y < self.size_hw[0] - 1)
        own = ops.take_along_axis(cells, ops.where(seen, row * width + column, 0), axis=1)
        own = ops.where(seen, own, 0.0)[..., None]
        impossible = ops.floor(own / [2.0**bit for bit in self.bits]) % 2
        return self._call(y_true[:, :-rows], y_pred, 1 + self.weight * impossible)

    def get_config(self) -> dict:
        return {**super().get_config(), "bits": self.bits, "weight": self.weight}
