"""Self-supervised and contrastive learning: projections, and losses of pairs of views and of masked patches.

Rows 2i and 2i + 1 of a batch are two views of one example, or of two frames that are neighbours: pairs, unlike halves
of a batch, can be split over devices.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

NEVER = -1e9  # logit of a row that is neither positive nor negative
MOMENTUM = 0.9  # of statistics: a pretraining on few images has few steps


def project(
    x: keras.KerasTensor, width: int, hidden: int, name: str, is_centered: bool = False
) -> keras.KerasTensor:
    """Return the output of a perceptron of one hidden layer with BatchNormalization, which pretraining throws away.

    Args:
        x: (batch, features).
        width: of the output.
        hidden: width of the hidden layer.
        name: first letters of the layers' names; the last layer has this name.
        is_centered: whether the output is normalized over the batch as well, as SimCLR's is: features of fresh networks
            are nearly equal for all images, and cosines would not show what differs.

    Example:
        >>> project(keras.Input((48,)), 16, 32, "head_projection").shape
        (None, 16)
    """
    x = layers.Dense(hidden, use_bias=False, dtype="float32", name=f"{name}_hidden")(x)
    x = layers.BatchNormalization(momentum=MOMENTUM, dtype="float32", name=f"{name}_norm")(x)
    x = layers.ReLU(dtype="float32", name=f"{name}_relu")(x)
    if not is_centered:
        return layers.Dense(width, dtype="float32", name=name)(x)
    x = layers.Dense(width, use_bias=False, dtype="float32", name=f"{name}_linear")(x)
    return layers.BatchNormalization(
        momentum=MOMENTUM, center=False, scale=False, dtype="float32", name=name
    )(x)


@keras.saving.register_keras_serializable(package="cityzoo")
class NTXentLoss(keras.losses.Loss):
    """Normalized temperature-scaled cross-entropy of SimCLR (Chen et al. 2020, arXiv 2002.05709).

    Called with y_true (2n, 1) float32, the place of each row on a time line, and y_pred (2n, D) projections. A row has
    to find the other one of its pair among all rows of the batch. Rows that are at most `neighbours` apart from it on
    the time line show the same scene, and are no negatives.

    Args:
        temperature: of the softmax over cosines.
        neighbours: largest distance on the time line of rows that are no negatives; the row's own place counts.

    Example:
        >>> import numpy as np
        >>> pairs = np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]])
        >>> loss = NTXentLoss(temperature=1.0)
        >>> round(float(loss(np.array([[0.0], [0], [9], [9]]), pairs)), 4)  # log(e + 2) - 1
        0.5514
    """

    def __init__(
        self, temperature: float = 0.1, neighbours: int = 0, name: str = "nt_xent_loss", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.temperature, self.neighbours = temperature, neighbours

    def call(self, y_true, y_pred):
        """Return the loss of each row, (2n,) float32."""
        logits, other, _ = _compare(y_pred, self.temperature)
        place = ops.cast(y_true, "float32")[:, 0]
        near = ops.abs(place[:, None] - place[None, :]) <= self.neighbours
        logits = ops.where(ops.logical_and(near, ops.logical_not(other)), NEVER, logits)
        return ops.logsumexp(logits, axis=1) - ops.sum(ops.where(other, logits, 0.0), axis=1)

    def get_config(self) -> dict:
        return {**super().get_config(), "temperature": self.temperature, "neighbours": self.neighbours}


@keras.saving.register_keras_serializable(package="cityzoo")
class SupConLoss(keras.losses.Loss):
    """Supervised contrastive loss (Khosla et al. 2020, arXiv 2004.11362, equation 2).

    Called with y_true (2n, C), 1 for each class of a row, and y_pred (2n, D) projections. All rows that share a class
    with a row are its positives, and so is the other one of its pair.

    Args:
        temperature: of the softmax over cosines.

    Example:
        >>> import numpy as np
        >>> loss, pairs = SupConLoss(temperature=1.0), np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]])
        >>> round(float(loss(np.eye(2)[[0, 0, 1, 1]], pairs)), 4)  # two classes: as without labels
        0.5514
        >>> round(float(loss(np.eye(2)[[0, 0, 0, 0]], pairs)), 4)  # one: log(e + 2) - (1 + 0 + 0) / 3
        1.2181
    """

    def __init__(self, temperature: float = 0.1, name: str = "sup_con_loss", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.temperature = temperature

    def call(self, y_true, y_pred):
        """Return the loss of each row, (2n,) float32."""
        logits, other, itself = _compare(y_pred, self.temperature)
        y_true = ops.cast(y_true, "float32")
        alike = ops.logical_or(ops.matmul(y_true, ops.transpose(y_true)) > 0, other)
        positive = ops.cast(ops.logical_and(alike, ops.logical_not(itself)), "float32")
        log_p = ops.log_softmax(ops.where(itself, NEVER, logits), axis=1)
        return -ops.sum(positive * log_p, axis=1) / ops.sum(positive, axis=1)

    def get_config(self) -> dict:
        return {**super().get_config(), "temperature": self.temperature}


def _compare(y_pred, temperature):
    """Return cosines of all rows over the temperature, whether two rows are a pair, and whether they are one row."""
    rows = ops.normalize(ops.cast(y_pred, "float32"), axis=1)
    number = ops.arange(ops.shape(rows)[0])
    itself = number[:, None] == number[None, :]
    pair = number[:, None] // 2 == number[None, :] // 2
    cosines = ops.matmul(rows, ops.transpose(rows)) / temperature
    return cosines, ops.logical_and(pair, ops.logical_not(itself)), itself


@keras.saving.register_keras_serializable(package="cityzoo")
class BYOLLoss(keras.losses.Loss):
    """Distance between a view's prediction and the target network's projection of the other view.

    Grill et al. 2020 (arXiv 2006.07733), equation 2: 2 - 2 cos, 0 to 4. Called with any y_true and y_pred (2n, 2D): the
    prediction, then the projection by the target network, through which no gradient flows.

    Example:
        >>> import numpy as np
        >>> rows = np.array([[1.0, 0, 0, 1], [1, 0, 1, 0]])  # the first agrees with the second's target
        >>> round(float(BYOLLoss()(np.zeros((2, 1)), rows)), 4)  # mean of 0 and 2
        1.0
    """

    def __init__(self, name: str = "byol_loss", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        """Return the loss of each row, (2n,) float32."""
        prediction, target = ops.split(ops.cast(y_pred, "float32"), 2, axis=1)
        target = ops.reshape(ops.stop_gradient(target), (-1, 2, target.shape[1]))
        other = ops.reshape(ops.flip(target, axis=1), (-1, target.shape[2]))
        return 2 - 2 * ops.sum(ops.normalize(prediction, axis=1) * ops.normalize(other, axis=1), axis=1)


@keras.saving.register_keras_serializable(package="cityzoo")
class MaskedLoss(keras.losses.Loss):
    """Mean absolute error of what the network could not see (SimMIM, Xie et al. 2022, arXiv 2111.09886).

    Called with y_true (batch, ..., V + 1), the values of each patch and 1 where it was masked, and y_pred
    (batch, ..., V). Patches that were not masked do not count.

    Example:
        >>> import numpy as np
        >>> truth = np.array([[[0.5, 1.0], [0.5, 0.0]]])  # two patches of one value; the second was seen
        >>> float(MaskedLoss()(truth, np.array([[[0.75], [9.0]]])))
        0.25
    """

    def __init__(self, name: str = "masked_loss", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        """Return the loss of each example, (batch,) float32."""
        y_true = ops.cast(y_true, "float32")
        values, masked = y_true[..., :-1], y_true[..., -1]
        errors = ops.mean(ops.abs(values - ops.cast(y_pred, "float32")), axis=-1) * masked
        axes = tuple(range(1, len(errors.shape)))
        return ops.sum(errors, axis=axes) / ops.maximum(ops.sum(masked, axis=axes), 1.0)
