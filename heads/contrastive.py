"""Contrastive alignment of two modalities: projections into one space, a learned temperature, and the loss.

Radford et al., "Learning transferable visual models from natural language supervision", ICML 2021,
https://arxiv.org/abs/2103.00020.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers, ops

SCALE = "head_scale"  # layer of the learned temperature
FIRST_SCALE, LARGEST_SCALE = 1 / 0.07, 100.0  # of CLIP
CELL_FEATURES = 64  # of each cell of an image, behind a layer that all cells share


@keras.saving.register_keras_serializable(package="cityzoo")
class LearnedScale(layers.Layer):
    """Multiply by a learned number, one over the temperature; 100 at most.

    Example:
        >>> round(float(LearnedScale()(ops.ones((1, 1)))[0, 0]), 3)
        14.286
    """

    def build(self, input_shape: Any) -> None:
        self.log_scale = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(math.log(FIRST_SCALE)), name="log_scale"
        )

    def call(self, inputs):
        """Return the inputs times the scale."""
        return inputs * ops.exp(ops.minimum(self.log_scale, math.log(LARGEST_SCALE)))


def project_pair(
    image: keras.KerasTensor, text: keras.KerasTensor, cells: int, width: int, hidden: int, dropout: float
) -> keras.KerasTensor:
    """Return the projections of both modalities; their dot product is the logit of being a pair.

    Args:
        image: (batch, cells * features) of an image, cell by cell.
        text: (batch, features).
        cells: of an image.
        width: of the shared space.
        hidden: units of the hidden layer of the text's projection.
        dropout: share of the features that is hidden in training.

    Returns:
        (batch, 2, width) float32: the image's of length 1 / temperature, and the text's of length 1.

    Example:
        >>> project_pair(keras.Input((32,)), keras.Input((6,)), 4, 16, 8, 0.1).shape
        (None, 2, 16)
    """
    x = _standardize(image, "image")
    if cells > 1:
        x = layers.Reshape((cells, image.shape[1] // cells), name="head_cells")(x)
        x = layers.Dense(CELL_FEATURES, activation="relu", name="head_cell")(x)
        x = layers.Flatten(name="head_image")(x)
    x = layers.Dense(width, name="head_image_projection")(
        layers.Dropout(dropout, name="head_image_dropout")(x)
    )
    y = layers.Dropout(dropout, name="head_text_dropout")(_standardize(text, "text"))
    y = layers.Dense(hidden, activation="relu", name="head_text")(y)
    y = layers.Dense(width, name="head_text_projection")(y)
    x, y = (
        layers.UnitNormalization(dtype="float32", name=f"head_{n}_unit")(v)
        for n, v in (("image", x), ("text", y))
    )
    return ops.stack([LearnedScale(dtype="float32", name=SCALE)(x), y], axis=1)


def _standardize(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.BatchNormalization(
        momentum=0.9, center=False, scale=False, name=f"head_{name}_standardize"
    )(x)


@keras.saving.register_keras_serializable(package="cityzoo")
class ContrastiveLoss(keras.losses.Loss):
    """Symmetric InfoNCE: each image has to find its text among those of the batch, and each text its image.

    Called with y_true (n, 1), a number of each pair's content, and y_pred (n, 2, D), see `project_pair`. Pairs of equal
    content are positives of each other, each with the same share, as in supervised contrastive learning.

    Example:
        >>> import numpy as np
        >>> pairs = np.array([[[1.0, 0], [1, 0]], [[0, 1], [0, 1]]])
        >>> loss = ContrastiveLoss()
        >>> round(float(loss(np.array([[0.0], [1]]), pairs)), 4)  # log(e + 1) - 1
        0.3133
        >>> round(float(loss(np.array([[5.0], [5]]), pairs)), 4)  # log(e + 1) - 1 / 2
        0.8133
    """

    def __init__(self, name: str = "contrastive_loss", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        """Return the loss of each pair, (n,) float32: the mean of both directions."""
        y_pred, content = ops.cast(y_pred, "float32"), ops.cast(y_true, "float32")[:, 0]
        logits = ops.matmul(y_pred[:, 0], ops.transpose(y_pred[:, 1]))
        same = ops.cast(content[:, None] == content[None, :], "float32")
        share = same / ops.sum(same, axis=1, keepdims=True)
        return (
            -sum(ops.sum(share * ops.log_softmax(x, axis=1), axis=1) for x in (logits, ops.transpose(logits)))
            / 2
        )
