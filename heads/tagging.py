"""Tag words: a head on the tokens of an encoder, and its loss on the first token of each word."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers, ops

MASKED = -1  # target of tokens that no word begins with


@dataclass(frozen=True)
class TaggingHead:
    """Logits of tags for each token (Devlin et al. 2019, section 5.3: the first token of a word stands for it).

    Attributes:
        num_tags: number of outputs.
        dropout: dropout rate of the tokens.

    Raises:
        ValueError: fewer than 2 tags, or dropout outside [0, 1).

    Example:
        >>> tokens = {"tokens": keras.Input((None, 8)), "token_mask": keras.Input((None,))}
        >>> TaggingHead(5)(tokens).shape
        (None, None, 5)
    """

    num_tags: int
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.num_tags < 2 or not 0 <= self.dropout < 1:
            raise ValueError(
                f"a tagging head cannot have num_tags={self.num_tags}, dropout={self.dropout}: give at least 2 tags, "
                "and a dropout of at least 0 and below 1"
            )

    def __call__(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Return (batch, tokens, num_tags) float32 logits; 0 for padding."""
        x = features["tokens"]
        if self.dropout:
            x = layers.Dropout(self.dropout, dtype="float32", name="head_dropout")(x)
        x = layers.Dense(self.num_tags, dtype="float32", name="head_logits")(x)
        return x * features["token_mask"][:, :, None]


@keras.saving.register_keras_serializable(package="cityzoo")
class TaggingLoss(keras.losses.Loss):
    """Cross-entropy of the tags of words.

    Called with y_true (batch, length) float32 tags, -1 for tokens that no word begins with, and y_pred
    (batch, tokens, tags) logits of at most `length` tokens. All words of a batch count alike.

    Example:
        >>> import numpy as np
        >>> loss = TaggingLoss()
        >>> round(float(loss(np.array([[-1.0, 1.0, -1.0]]), np.zeros((1, 2, 2)))), 4)  # log 2
        0.6931
    """

    def __init__(self, name: str = "tagging_loss", **kwargs) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        """Return the loss of each text, (batch,) float32, whose mean is that of all words."""
        tags = ops.cast(y_true[:, : ops.shape(y_pred)[1]], "int32")
        is_word = ops.cast(tags != MASKED, "float32")
        losses = ops.sparse_categorical_crossentropy(
            ops.maximum(tags, 0), ops.cast(y_pred, "float32"), from_logits=True
        )
        texts = ops.cast(ops.shape(y_true)[0], "float32")
        return texts * ops.sum(losses * is_word, axis=1) / ops.maximum(ops.sum(is_word), 1.0)
