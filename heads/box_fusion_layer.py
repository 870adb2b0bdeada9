"""Weighted boxes fusion as a layer, so that fused detectors are one Keras model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from heads.box_fusion import fuse_detectors

MOST = 100  # boxes of an image


@keras.saving.register_keras_serializable(package="cityzoo")
class WeightedBoxesFusion(keras.layers.Layer):
    """Outputs of several detectors -> fused detections in the form of one detector's output.

    Boxes are fused one after another in NumPy: there are no gradients, and no exported file can hold it.

    Args:
        member_weights: of each detector, above 0.
        iou: least IoU of boxes of one object, exclusive.

    Example:
        >>> layer, dense = WeightedBoxesFusion([1.0, 1.0], 0.55), np.zeros((1, 84, 7), "float32")
        >>> layer([dense, dense]).shape
        TensorShape([1, 100, 7])
    """

    def __init__(self, member_weights: Sequence[float], iou: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.member_weights, self.iou = [float(weight) for weight in member_weights], float(iou)

    def call(self, inputs):
        """Return (batch, MOST, 4 + classes) float32, see `heads.box_fusion.fuse_detectors`."""
        if keras.backend.backend() == "jax":
            import jax

            shape = jax.ShapeDtypeStruct(
                self.compute_output_shape([each.shape for each in inputs]), np.float32
            )
            return jax.pure_callback(lambda *outputs: self._fuse(*map(np.asarray, outputs)), shape, *inputs)
        import tensorflow as tf

        found = tf.numpy_function(self._fuse, list(inputs), tf.float32)
        return tf.ensure_shape(found, self.compute_output_shape([tuple(each.shape) for each in inputs]))

    def _fuse(self, *outputs):
        return fuse_detectors(outputs, self.member_weights, self.iou, MOST)

    def compute_output_shape(self, input_shape):
        first = input_shape[0]
        return (first[0], MOST, first[-1])

    def get_config(self) -> dict:
        return {**super().get_config(), "member_weights": self.member_weights, "iou": self.iou}
