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
    from zoo import graph

    found = {
        node.operation.name: node.outputs[0]
        for node in graph.nodes(model)
        if BLOCK.fullmatch(node.operation.name)
    }
    return dict(sorted(found.items()))


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
    mask = encoder.get_layer("token_mask").output
    outputs = {at: found[at], "token_mask": mask}
    return keras.Model(encoder.inputs[0], outputs, name=f"{encoder.name}_to_{at}")
