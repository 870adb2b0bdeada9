"""The encoder of BERT and its relatives as one flat functional model of built-in layers.

Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding", NAACL 2019,
https://arxiv.org/abs/1810.04805.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

MASKED = -1e9  # added to the scores of padding
POOLINGS = ("mean", "first")
ACTIVATIONS = ("gelu", "relu", "silu", "tanh")
APPROXIMATE = ("gelu_approximate", "gelu_fast", "gelu_new", "gelu_pytorch_tanh")  # one formula, several names


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes and settings of an encoder.

    Raises:
        ValueError: sizes that are not positive, heads that do not divide the width, an unknown pooling or activation.
    """

    vocabulary_size: int
    width: int
    blocks: int
    heads: int
    hidden_width: int  # of the feed-forward layers
    max_length: int  # tokens with a position
    padding_id: int = 0
    activation: str = "gelu"
    epsilon: float = 1e-12  # of layer normalization
    dropout: float = 0.1
    token_types: int = 2  # 0: none, as in DistilBERT
    first_position: int = 0  # RoBERTa counts from the id of padding plus one, and gives padding no position
    pooling: str = "mean"  # how tokens become one row: their mean, or the first one, [CLS]
    is_normalized: bool = False  # pooled rows have length 1, as those of sentence encoders

    def __post_init__(self) -> None:
        sizes = (
            self.vocabulary_size,
            self.width,
            self.blocks,
            self.heads,
            self.hidden_width,
            self.max_length,
        )
        if min(sizes) < 1 or self.width % self.heads:
            raise ValueError(
                f"an encoder cannot have the sizes {sizes}: all must be positive, and {self.heads} heads must divide "
                f"the width {self.width}"
            )
        if self.activation not in (*ACTIVATIONS, *APPROXIMATE):
            allowed = ", ".join((*ACTIVATIONS, *APPROXIMATE))
            raise ValueError(f"unknown activation '{self.activation}'. Allowed: {allowed}")
        if self.pooling not in POOLINGS:
            raise ValueError(f"unknown pooling '{self.pooling}'. Allowed: {', '.join(POOLINGS)}")


def build_encoder(config: EncoderConfig, name: str = "bert") -> keras.Model:
    """Build an encoder with random weights.

    Returns:
        A model from (batch, tokens) int32 token ids, padded with `padding_id`, to {"pooled": (batch, width),
        "tokens": (batch, tokens, width), "token_mask": (batch, tokens) 1.0 for tokens and 0.0 for padding}, float32.
        The layer "block00" outputs the embeddings, "block01" the first transformer block, and so on.

    Example:
        >>> config = EncoderConfig(vocabulary_size=50, width=8, blocks=2, heads=2, hidden_width=16, max_length=32)
        >>> build_encoder(config).output["tokens"].shape
        (None, None, 8)
    """
    import keras
    from keras import ops

    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    is_token = ops.not_equal(token_ids, config.padding_id)
    mask = keras.layers.Identity(dtype="float32", name="token_mask")(ops.cast(is_token, "float32"))
    x = _embed(token_ids, is_token, config)
    bias = (1.0 - mask[:, None, None, :]) * MASKED
    for number in range(1, config.blocks + 1):
        x = _block(x, bias, config, f"block{number:02d}")
    tokens = keras.layers.Identity(dtype="float32", name="tokens")(x)
    outputs = {"pooled": _pool(tokens, mask, config), "tokens": tokens, "token_mask": mask}
    return keras.Model(token_ids, outputs, name=name)


def _embed(
    token_ids: keras.KerasTensor, is_token: keras.KerasTensor, config: EncoderConfig
) -> keras.KerasTensor:
    from keras import layers, ops

    x = layers.Embedding(config.vocabulary_size, config.width, name="embed_tokens")(token_ids)
    if config.first_position:  # padding keeps the position of its id
        counted = ops.cast(is_token, "int32")
        positions = ops.cumsum(counted, axis=1) * counted + (config.first_position - 1)
    else:
        positions = ops.cumsum(ops.ones_like(token_ids), axis=1) - 1
    added = [x, layers.Embedding(config.max_length, config.width, name="embed_positions")(positions)]
    if config.token_types:
        types = layers.Embedding(config.token_types, config.width, name="embed_types")
        added.append(types(ops.zeros_like(token_ids)))
    x = layers.LayerNormalization(epsilon=config.epsilon, name="embed_norm")(layers.Add(name="embed")(added))
    return layers.Dropout(config.dropout, name="block00")(x)


def _block(
    x: keras.KerasTensor, bias: keras.KerasTensor, config: EncoderConfig, name: str
) -> keras.KerasTensor:
    """Add a transformer block: attention and feed-forward layers, each with a residual path, then normalized."""
    from keras import layers, ops

    attended = layers.Dense(config.width, name=f"{name}_attention_output")(_attend(x, bias, config, name))
    attended = layers.Dropout(config.dropout, name=f"{name}_attention_dropout")(attended)
    x = layers.Add(name=f"{name}_attention_add")([x, attended])
    x = layers.LayerNormalization(epsilon=config.epsilon, name=f"{name}_attention_norm")(x)
    approximate = config.activation in APPROXIMATE
    activation = None if approximate else config.activation
    hidden = layers.Dense(config.hidden_width, activation=activation, name=f"{name}_hidden")(x)
    hidden = ops.gelu(hidden, approximate=True) if approximate else hidden
    hidden = layers.Dense(config.width, name=f"{name}_output")(hidden)
    hidden = layers.Dropout(config.dropout, name=f"{name}_dropout")(hidden)
    x = layers.Add(name=f"{name}_add")([x, hidden])
    return layers.LayerNormalization(epsilon=config.epsilon, name=name)(x)


def _attend(
    x: keras.KerasTensor, bias: keras.KerasTensor, config: EncoderConfig, name: str
) -> keras.KerasTensor:
    """Add multi-head attention of separate dense layers, which LoRA can adapt one by one."""
    from keras import layers, ops

    size = config.width // config.heads
    query, key, value = (
        layers.Reshape((-1, config.heads, size), name=f"{name}_{part}_heads")(
            layers.Dense(config.width, name=f"{name}_{part}")(x)
        )
        for part in ("query", "key", "value")
    )
    scores = ops.einsum("bqhd,bkhd->bhqk", query, key) / math.sqrt(size)
    weights = layers.Softmax(name=f"{name}_attention")(scores + ops.cast(bias, scores.dtype))
    weights = layers.Dropout(config.dropout, name=f"{name}_attention_weights")(weights)
    mixed = ops.einsum("bhqk,bkhd->bqhd", weights, value)
    return layers.Reshape((-1, config.width), name=f"{name}_join")(mixed)


def _pool(tokens: keras.KerasTensor, mask: keras.KerasTensor, config: EncoderConfig) -> keras.KerasTensor:
    from keras import layers, ops

    if config.pooling == "first":
        pooled = tokens[:, 0]
    else:
        total = ops.sum(tokens * mask[:, :, None], axis=1)
        pooled = total / ops.maximum(ops.sum(mask, axis=1, keepdims=True), 1.0)
    last = layers.UnitNormalization if config.is_normalized else layers.Identity
    return last(dtype="float32", name="pooled")(pooled)
