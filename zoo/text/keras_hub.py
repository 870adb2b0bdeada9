"""Read encoders from KerasHub presets: config.json, model.weights.h5 and assets/tokenizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.registry import unknown
from zoo.text.encoder import EncoderConfig

if TYPE_CHECKING:
    import keras

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
BACKBONES: dict[str, dict[str, Any]] = {  # class -> settings that its config does not hold
    "BertBackbone": {"activation": "gelu_approximate"},
    "DistilBertBackbone": {"token_types": 0},
    "RobertaBackbone": {"token_types": 0, "padding_id": 1, "epsilon": 1e-5},
    "XLMRobertaBackbone": {"token_types": 0, "padding_id": 1, "epsilon": 1e-5},
}
SIZES = {
    "vocabulary_size": "vocabulary_size",
    "width": "hidden_dim",
    "blocks": "num_layers",
    "heads": "num_heads",
    "hidden_width": "intermediate_dim",
    "max_length": "max_sequence_length",
    "dropout": "dropout",
}
EMBEDDINGS = {
    "embed_tokens": ("reversible_embedding", "token_and_position_embedding/token_embedding"),
    "embed_positions": ("position_embedding", "token_and_position_embedding/position_embedding"),
    "embed_types": ("embedding",),
    "embed_norm": ("layer_normalization",),
}
BLOCK = {
    "_query": "_self_attention_layer/query_dense",
    "_key": "_self_attention_layer/key_dense",
    "_value": "_self_attention_layer/value_dense",
    "_attention_output": "_self_attention_layer/output_dense",
    "_attention_norm": "_self_attention_layer_norm",
    "_hidden": "_feedforward_intermediate_dense",
    "_output": "_feedforward_output_dense",
    "": "_feedforward_layer_norm",
}


def is_preset(folder: Path) -> bool:
    """Return whether a folder is one that KerasHub's `save_to_preset` has written."""
    try:
        content = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and "class_name" in content


def read_config(folder: Path) -> EncoderConfig:
    """Read the sizes of an encoder. Its tokens are pooled by their mean, to length 1, as `BertTextEmbedder` does.

    Raises:
        ValueError: another kind of model, or settings that the encoder cannot have.
    """
    content = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    name = str(content["class_name"])
    if name not in BACKBONES:
        raise unknown(f"class_name of '{folder / CONFIG}'", name, BACKBONES)
    try:
        given: dict[str, Any] = {own: content["config"][theirs] for own, theirs in SIZES.items()}
        if name == "BertBackbone":
            given["token_types"] = content["config"]["num_segments"]
    except (KeyError, TypeError) as error:
        raise ValueError(f"'{folder / CONFIG}' is damaged ({error}): copy the folder again") from error
    return EncoderConfig(**given, **BACKBONES[name], is_normalized=True)


def load_weights(encoder: keras.Model, folder: Path) -> list[str]:
    """Load the weights of a preset into an encoder of the same sizes.

    Returns:
        The names of layers in the file that the encoder does not have.

    Raises:
        ValueError: no such file, or arrays that are missing or of another shape.
    """
    import h5py

    path = folder / WEIGHTS
    if not path.is_file():
        raise ValueError(f"'{folder}' has no {WEIGHTS}: save the backbone with save_to_preset(FOLDER)")
    layers = [layer for layer in encoder.layers if layer.weights]
    try:
        with h5py.File(path, "r") as file:
            read = [_read_layer(path, file["layers"], layer) for layer in layers]
            names = [name for name, group in file["layers"].items() if _has_arrays(group)]
    except (OSError, KeyError) as error:
        raise ValueError(f"'{path}' is damaged ({error}): copy it again") from error
    for layer, (_, arrays) in zip(layers, read, strict=True):
        layer.set_weights(arrays)
    return sorted({*names} - {name.split("/")[0] for name, _ in read})


def _has_arrays(group: Any) -> bool:
    return any(len(item) if name == "vars" else _has_arrays(item) for name, item in group.items())


def _read_layer(path: Path, groups: Any, layer: keras.Layer) -> tuple[str, list[np.ndarray]]:
    """Return the name and the arrays of one layer; kernels of attention have an axis of heads there."""
    if layer.name in EMBEDDINGS:
        names = EMBEDDINGS[layer.name]
    else:
        number = int(layer.name[5:7]) - 1
        names = (f"transformer_encoder{f'_{number}' if number else ''}/{BLOCK[layer.name[7:]]}",)
    name = next((each for each in names if each in groups and "vars" in groups[each]), None)
    if name is None:
        raise ValueError(f"'{path}' has no layer '{names[0]}': its {CONFIG} belongs to another model")
    arrays = [np.asarray(groups[name]["vars"][str(place)]) for place in range(len(layer.weights))]
    for array, weight in zip(arrays, layer.weights, strict=True):
        if array.size != np.prod(weight.shape):
            raise ValueError(
                f"'{path}': layer '{name}' has the shape {array.shape}, expected {tuple(weight.shape)}: its {CONFIG} "
                "belongs to another model"
            )
    return name, [array.reshape(weight.shape) for array, weight in zip(arrays, layer.weights, strict=True)]
