"""Masked language modelling: which token was hidden, by the tied embeddings, and its loss.

Devlin et al. 2018, "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
https://arxiv.org/abs/1810.04805.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="cityzoo")
class MaskedTokenLoss(keras.losses.Loss):
    """Cross-entropy of tokens that were hidden.

    Called with y_true (batch, places), the id of the token at each place and -1 where none was hidden, and y_pred
    (batch, places, vocabulary), logits. Hidden tokens of a batch count alike, however many its texts have.

    Example:
        >>> import numpy as np
        >>> logits = np.log([[[0.5, 0.25, 0.25], [0.25, 0.25, 0.5]]])
        >>> round(float(MaskedTokenLoss()(np.array([[0, -1]]), logits)), 4)  # -log(0.5)
        0.6931
    """

    def __init__(self, name: str = "masked_token_loss", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        """Return the loss of each text, (batch,) float32, whose mean is that of the hidden tokens."""
        is_hidden = ops.cast(y_true >= 0, "float32")
        token = ops.cast(ops.maximum(y_true, 0), "int32")
        errors = keras.losses.sparse_categorical_crossentropy(
            token, ops.cast(y_pred, "float32"), from_logits=True
        )
        weight = ops.cast(ops.shape(errors)[0], "float32") / ops.maximum(ops.sum(is_hidden), 1.0)
        return ops.sum(errors * is_hidden, axis=1) * weight


@keras.saving.register_keras_serializable(package="cityzoo")
class EveryToken(layers.Layer):
    """The ids of all tokens, (vocabulary,) int32, for any input: the embeddings of these are the whole table."""

    def __init__(self, vocabulary_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size

    def call(self, x):
        """Return the ids."""
        return ops.arange(self.vocabulary_size, dtype="int32")

    def get_config(self) -> dict:
        return {**super().get_config(), "vocabulary_size": self.vocabulary_size}


@keras.saving.register_keras_serializable(package="cityzoo")
class TiedLogits(layers.Layer):
    """Logits of all tokens: the product with their embeddings, (vocabulary, width), and a bias that is learned."""

    def build(self, shapes):
        """Make the bias."""
        self.bias = self.add_weight(shape=(shapes[1][0],), initializer="zeros", name="bias")

    def call(self, inputs):
        """Return (batch, places, vocabulary) of (batch, places, width) and the embeddings."""
        x, table = inputs
        return ops.matmul(x, ops.transpose(table)) + self.bias


def predict_tokens(
    tokens: keras.KerasTensor, places: keras.KerasTensor, embedding: layers.Embedding, epsilon: float = 1e-12
) -> keras.KerasTensor:
    """Return logits of the tokens at some places, by the head of BERT: its last layer is the table of embeddings.

    Args:
        tokens: (batch, tokens, width), output of the encoder.
        places: (batch, places) int32.
        embedding: of the encoder's input.
        epsilon: of layer normalization.

    Example:
        >>> inputs = keras.Input((7, 8)), keras.Input((2,), dtype="int32")
        >>> predict_tokens(*inputs, layers.Embedding(50, 8)).shape
        (None, 2, 50)
    """
    x = ops.take_along_axis(tokens, places[:, :, None], axis=1)
    x = layers.Dense(tokens.shape[-1], activation="gelu", name="head_dense")(x)
    x = layers.LayerNormalization(epsilon=epsilon, name="head_norm")(x)
    table = embedding(EveryToken(embedding.input_dim, name="head_tokens")(places))
    return TiedLogits(dtype="float32", name="head_logits")([x, table])
