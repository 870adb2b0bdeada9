"""Semi-supervised training: confident predictions become labels of strongly augmented copies."""

from __future__ import annotations

import keras
from keras import ops

ROWS = 3  # per group: labeled; unlabeled and weakly augmented; the same one, strongly augmented


@keras.saving.register_keras_serializable(package="cityzoo")
class FixMatchLoss(keras.losses.Loss):
    """Loss of a classifier plus its agreement on unlabeled images (Sohn et al. 2020, arXiv 2001.07685).

    Called with y_true (3 n, C) and y_pred (3 n, logits) in groups of three rows: a labeled image; an unlabeled one,
    weakly augmented; the same one, strongly augmented. If the weak one's largest probability reaches the threshold,
    its class becomes the strong one's label. Groups, unlike thirds of a batch, can be split over devices.

    Args:
        labelled: loss of labeled images, from logits.
        threshold: minimum probability of a pseudo-label.
        weight: weight of the unlabeled part.

    Example:
        >>> import numpy as np
        >>> loss = FixMatchLoss(keras.losses.CategoricalCrossentropy(from_logits=True, reduction=None))
        >>> unsure, sure = np.array([[9.0, -9], [0, 0.1], [-9, 9]]), np.array([[9.0, -9], [9, -9], [0, 0]])
        >>> [round(float(loss(np.eye(2)[[0, 0, 0]], each)), 3) for each in (unsure, sure)]  # the other adds log 2
        [0.0, 0.693]
    """

    def __init__(
        self,
        labelled: keras.losses.Loss,
        threshold: float = 0.95,
        weight: float = 1.0,
        name: str = "fixmatch_loss",
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
    ) -> None:
        """Set the loss of labeled images, the threshold and the weight."""
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.labelled, self.threshold, self.weight = labelled, threshold, weight

    def call(self, y_true, y_pred):
        """Return the loss of each group, (n,) float32."""
        logits = ops.reshape(ops.cast(y_pred, "float32"), (-1, ROWS, y_pred.shape[-1]))
        targets = ops.reshape(ops.cast(y_true, "float32"), (-1, ROWS, y_true.shape[-1]))
        of_labelled = self.labelled.call(targets[:, 0], logits[:, 0])
        weak, strong = ops.stop_gradient(_of_all(logits[:, 1])), _of_all(logits[:, 2])
        guess = ops.softmax(weak, axis=-1)
        sure = ops.cast(ops.max(guess, axis=-1) >= self.threshold, "float32")
        wanted = ops.one_hot(ops.argmax(guess, axis=-1), strong.shape[-1])
        agreement = -ops.sum(wanted * ops.log_softmax(strong, axis=-1), axis=-1)
        return of_labelled + self.weight * sure * agreement

    def get_config(self) -> dict:
        """Return the arguments of this loss."""
        labelled = keras.saving.serialize_keras_object(self.labelled)
        return {
            **super().get_config(),
            "labelled": labelled,
            "threshold": self.threshold,
            "weight": self.weight,
        }

    @classmethod
    def from_config(cls, config: dict) -> FixMatchLoss:
        """Return the loss of `get_config`."""
        labelled = keras.saving.deserialize_keras_object(config.pop("labelled"))
        return cls(labelled, **config)


def _of_all(logits):
    # A single logit is that of the second class; the first is 0.
    if logits.shape[-1] > 1:
        return logits
    return ops.concatenate([ops.zeros_like(logits), logits], axis=-1)
