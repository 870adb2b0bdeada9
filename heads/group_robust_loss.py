"""Group distributionally robust training by gradients: the loss of the worst group counts most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

RATE = 0.01


@keras.saving.register_keras_serializable(package="cityzoo")
class GroupRobustLoss(keras.losses.Loss):
    """Loss in which groups count by exponentiated weights (Sagawa et al. 2020, arXiv 1911.08731, algorithm 1).

    Called with y_true (batch, C + G): targets, and after them the group of each row (shares of it for mixed images).
    At each step the weight of a group is multiplied by exp(rate * its mean loss in the batch); all are then divided by
    their sum. A row of group g counts weight / share of g, whose mean over the training rows is 1. The update needs
    TensorFlow's backend.

    Args:
        plain: loss of (batch, C) targets.
        shares: (G,) share of each group of the training rows, above 0.
        rate: step size of the weights.

    Example:
        >>> loss = GroupRobustLoss(keras.losses.CategoricalCrossentropy(from_logits=True), (0.75, 0.25), rate=0.0)
        >>> rows = np.array([[1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0]])  # class 0; group 0, group 1
        >>> found = ops.convert_to_numpy(loss.call(rows, np.zeros((2, 2))))
        >>> [round(float(each), 3) for each in found]  # log 2 times 2/3, and times 2
        [0.462, 1.386]
    """

    def __init__(
        self,
        plain: keras.losses.Loss,
        shares: Sequence[float],
        rate: float = RATE,
        name: str = "group_robust_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.plain, self.shares, self.rate = plain, tuple(shares), rate
        start = np.full(len(self.shares), 1 / len(self.shares), np.float32)
        self.group_weights = keras.Variable(start, trainable=False, aggregation="mean", name="group_weights")

    def call(self, y_true, y_pred):
        """Return the weighted loss of each row, (batch,) float32; the weights change."""
        y_true, count = ops.cast(y_true, "float32"), len(self.shares)
        groups = y_true[:, -count:]
        each = ops.cast(self.plain.call(y_true[:, :-count], y_pred), "float32")
        sizes = ops.sum(groups, axis=0)
        losses = ops.stop_gradient(ops.matmul(each[None], groups)[0] / ops.maximum(sizes, 1e-6))
        raised = self.group_weights * ops.exp(self.rate * losses)
        weights = raised / ops.sum(raised)
        self.group_weights.assign(weights)
        return (
            ops.matmul(groups, (weights / ops.convert_to_tensor(self.shares, "float32"))[:, None])[:, 0]
            * each
        )

    def get_config(self) -> dict:
        plain = keras.saving.serialize_keras_object(self.plain)
        return {**super().get_config(), "plain": plain, "shares": self.shares, "rate": self.rate}

    @classmethod
    def from_config(cls, config: dict) -> GroupRobustLoss:
        """Return the loss of `get_config`, with equal weights."""
        return cls(keras.saving.deserialize_keras_object(config.pop("plain")), **config)
