"""Stages of encoders: the outputs of their transformer blocks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

BLOCK = re.compile(r"block\d\d")  # names of the layers that end a block; "block00" are the embeddings


def block_outputs(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """Return the output of each block of an encoder, or of a model that contains its layers flat.

    Example:
        >>> from zoo.text.encoder import EncoderConfig, build_encoder
        >>> list(block_outputs(build_encoder(EncoderConfig(50, 8, 2, 2, 16, 32))))
        ['block00', 'block01', 'block02']
    """
    found = _outputs(model)
    return {name: found[name] for name in sorted(found) if BLOCK.fullmatch(name)}


def _outputs(model: keras.Model) -> dict[str, keras.KerasTensor]:
    # By the model's own nodes: the layers of an adapted encoder belong to the plain one as well.
    from zoo import graph

    return {node.operation.name: node.outputs[0] for node in graph.nodes(model)}


def is_cache_faster(encoder: keras.Model, at: str, mean_fill: float) -> bool:
    """Return whether training the blocks behind a cut is faster on cached tokens than on the texts themselves.

    A training step costs about three times a forward pass. On cached tokens it has no blocks in front of the cut, but
    every text is padded to the longest one.

    Args:
        encoder: from `build_encoder`.
        at: a block.
        mean_fill: mean length of the texts, as a share of the longest one.

    Example:
        >>> from zoo.text.encoder import EncoderConfig, build_encoder
        >>> encoder = build_encoder(EncoderConfig(50, 8, 4, 2, 16, 32))
        >>> [is_cache_faster(encoder, "block03", fill) for fill in (0.3, 0.9)], is_cache_faster(encoder, "block00", 1)
        ([False, True], False)
    """
    blocks = list(block_outputs(encoder))
    before = blocks.index(at) if at in blocks else 0
    behind = 3 * (len(blocks) - 1 - before)
    return behind / mean_fill < before + behind


def prefix(encoder: keras.Model, at: str) -> keras.Model:
    """Return the part of an encoder up to a block, with what the rest needs of it: a model to cache features of.

    Args:
        encoder: from `build_encoder`, with some of its outputs.
        at: a block, or "backbone": all of it.

    Raises:
        ValueError: the encoder has no such block.
    """
    import keras

    if at == "backbone":
        return keras.Model(encoder.inputs[0], dict(encoder.output), name=f"{encoder.name}_to_pooled")
    found = block_outputs(encoder)
    if at not in found:
        raise ValueError(
            f"backbone '{encoder.name}' has no block '{at}'. Blocks: {', '.join(found) or 'none'}"
        )
    outputs = {at: found[at], "token_mask": _outputs(encoder)["token_mask"]}
    return keras.Model(encoder.inputs[0], outputs, name=f"{encoder.name}_to_{at}")
