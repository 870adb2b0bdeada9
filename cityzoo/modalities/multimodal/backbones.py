"""Backbones of images and texts, with their default weights, as frozen encoders."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

import zoo
from cityzoo.errors import InputError
from cityzoo.modalities.embedding import embed, grid_model, predict_rows
from cityzoo.modalities.multimodal.encoders import (
    GRID,
    MAX_TOKENS,
    SIZE_HW,
    Encoder,
    as_examples,
    count_cells,
)
from cityzoo.model import assemble
from cityzoo.outputs.classification import Classification


def open_backbone(modality: str, name: str) -> Encoder:
    """Build a backbone, with its default weights, as an encoder of images or texts.

    Args:
        modality: "image" or "text".
        name: of the backbone; one of images may end with ":N" for the means of N x N cells instead of one mean.

    Raises:
        InputError: no such backbone, or weights that cannot be had.
    """
    keras.utils.set_random_seed(0)  # random weights, where no others can be fetched, are the same next time
    output = Classification(("0", "1"))  # of a head that is cut off again
    try:
        model = (
            _image_model(name.partition(GRID)[0], output)
            if modality == "image"
            else _text_model(name, output)
        )
    except ValueError as error:
        raise InputError(f"--encoders {modality}={name}: {error}") from error
    own, cells = _own_modality(modality), count_cells(name)
    part = grid_model(model, round(cells**0.5)) if cells > 1 else None

    def encode(values: Sequence[Any]) -> np.ndarray:
        examples = as_examples(modality, values)
        return predict_rows(own, part, output, examples) if part else embed(own, model, output, examples)

    return Encoder(name, _digest(model) + (f"-{cells}" if part else ""), encode)


def _own_modality(modality: str) -> Any:
    if modality == "image":
        from cityzoo.modalities.image import IMAGE

        return IMAGE
    from cityzoo.modalities.text import TEXT

    return TEXT


def _image_model(name: str, output: Classification) -> keras.Model:
    if name not in zoo.names():
        raise InputError("neither a run folder nor a backbone; see train.py --list")
    return assemble(name, output, SIZE_HW).model


def _text_model(name: str, output: Classification) -> keras.Model:
    from zoo.text import registry
    from zoo.text.tokenizer import Tokenizer

    if name == "tfidf":
        raise InputError("it has no weights before training: give hashing, or a run folder")
    tokenizer = Tokenizer.from_folder(registry.find_folder(name), MAX_TOKENS)
    backbone, _ = registry.build(name, "auto", tokenizer)
    pooled = {"pooled": backbone.output["pooled"]}
    model = keras.Model(backbone.inputs[0], output.build_head(pooled), name=backbone.name)
    model.tokenizer = tokenizer
    return model


def _digest(model: keras.Model) -> str:
    digest = hashlib.sha256()
    for layer in model.layers:
        if not layer.name.startswith("head_"):  # random, and cut off
            for weight in layer.get_weights():
                digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()[:16]
