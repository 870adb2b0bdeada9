"""Read encoders from Hugging Face folders: config.json and model.safetensors of BERT, DistilBERT, RoBERTa and XLM-R."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.registry import unknown
from zoo.text.encoder import EncoderConfig

if TYPE_CHECKING:
    import keras

FAMILIES = ("bert", "camembert", "distilbert", "roberta", "xlm-roberta")  # values of `model_type`
CONFIG, WEIGHTS, POOLING = "config.json", "model.safetensors", "1_Pooling/config.json"
ROBERTA = ("camembert", "roberta", "xlm-roberta")
BERT_NAMES = {
    "embed_tokens": "embeddings.word_embeddings",
    "embed_positions": "embeddings.position_embeddings",
    "embed_types": "embeddings.token_type_embeddings",
    "embed_norm": "embeddings.LayerNorm",
}
BERT_BLOCK = {
    "_query": "attention.self.query",
    "_key": "attention.self.key",
    "_value": "attention.self.value",
    "_attention_output": "attention.output.dense",
    "_attention_norm": "attention.output.LayerNorm",
    "_hidden": "intermediate.dense",
    "_output": "output.dense",
    "": "output.LayerNorm",
}
DISTILBERT_BLOCK = {
    "_query": "attention.q_lin",
    "_key": "attention.k_lin",
    "_value": "attention.v_lin",
    "_attention_output": "attention.out_lin",
    "_attention_norm": "sa_layer_norm",
    "_hidden": "ffn.lin1",
    "_output": "ffn.lin2",
    "": "output_layer_norm",
}


def read_config(folder: Path) -> EncoderConfig:
    """Read the sizes of an encoder, and how a sentence encoder pools its tokens.

    Raises:
        ValueError: no such file, an unsupported family, or settings that the encoder cannot have.
    """
    given = _read_json(folder / CONFIG)
    family = given.get("model_type")
    if family not in FAMILIES:
        raise unknown(f"model_type of '{folder / CONFIG}'", str(family), FAMILIES)
    if given.get("position_embedding_type", "absolute") != "absolute":
        raise ValueError(
            f"'{folder / CONFIG}' has {given['position_embedding_type']} positions: only absolute ones are supported"
        )
    read = _read_distilbert if family == "distilbert" else _read_bert
    try:
        return EncoderConfig(**read(given), **_read_pooling(folder))
    except (KeyError, TypeError) as error:
        raise ValueError(f"'{folder / CONFIG}' is damaged ({error}): copy the folder again") from error


def _read_bert(given: Mapping[str, Any]) -> dict[str, Any]:
    padding = given.get("pad_token_id", 0)
    return {
        "vocabulary_size": given["vocab_size"],
        "width": given["hidden_size"],
        "blocks": given["num_hidden_layers"],
        "heads": given["num_attention_heads"],
        "hidden_width": given["intermediate_size"],
        "max_length": given["max_position_embeddings"],
        "padding_id": padding,
        "activation": given.get("hidden_act", "gelu"),
        "epsilon": given.get("layer_norm_eps", 1e-12),
        "dropout": given.get("hidden_dropout_prob", 0.1),
        "token_types": given.get("type_vocab_size", 2),
        "first_position": padding + 1 if given["model_type"] in ROBERTA else 0,
    }


def _read_distilbert(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "vocabulary_size": given["vocab_size"],
        "width": given["dim"],
        "blocks": given["n_layers"],
        "heads": given["n_heads"],
        "hidden_width": given["hidden_dim"],
        "max_length": given["max_position_embeddings"],
        "padding_id": given.get("pad_token_id", 0),
        "activation": given.get("activation", "gelu"),
        "dropout": given.get("dropout", 0.1),
        "token_types": 0,
    }


def _read_pooling(folder: Path) -> dict[str, Any]:
    """Return how the package sentence-transformers pools; a plain encoder: the mean, not normalized."""
    if not (folder / POOLING).is_file():
        return {}
    first = _read_json(folder / POOLING).get("pooling_mode_cls_token", False)
    modules = (
        (folder / "modules.json").read_text(encoding="utf-8") if (folder / "modules.json").is_file() else ""
    )
    return {"pooling": "first" if first else "mean", "is_normalized": "Normalize" in modules}


def load_weights(encoder: keras.Model, folder: Path) -> list[str]:
    """Load the weights of a folder into an encoder of the same sizes.

    Returns:
        The names of tensors in the file that the encoder does not have, such as those of other heads.

    Raises:
        ValueError: no such file, or tensors that are missing or of another shape.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    file = folder / WEIGHTS
    if not file.is_file():
        raise ValueError(
            f"'{folder}' has no {WEIGHTS}: save the model with save_pretrained(FOLDER, safe_serialization=True)"
        )
    try:
        tensors = load_file(file)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"'{file}' is damaged ({error}): copy it again") from error
    wanted = _names_of_layers(encoder, tensors)
    prepared = {
        layer: [_take(file, tensors, name, weight) for name, weight in zip(names, layer.weights, strict=True)]
        for layer, names in wanted.items()
    }
    for layer, arrays in prepared.items():
        layer.set_weights(arrays)
    used = {name for names in wanted.values() for name in names}
    return sorted(name for name in tensors if name not in used and not name.endswith("position_ids"))


def _names_of_layers(encoder: keras.Model, tensors: Mapping[str, np.ndarray]) -> dict[keras.Layer, list[str]]:
    """Return the names in the file of the weights of each layer."""
    is_distilbert = any("transformer.layer.0." in name for name in tensors)
    block, path = (DISTILBERT_BLOCK, "transformer") if is_distilbert else (BERT_BLOCK, "encoder")
    anchor = "embeddings.word_embeddings.weight"
    start = next((name.removesuffix(anchor) for name in tensors if name.endswith(anchor)), "")
    found = {}
    for layer in encoder.layers:
        if not layer.weights:
            continue
        if layer.name in BERT_NAMES:
            name = f"{start}{BERT_NAMES[layer.name]}"
        else:
            number, part = int(layer.name[5:7]) - 1, layer.name[7:]
            name = f"{start}{path}.layer.{number}.{block[part]}"
        found[layer] = [f"{name}.weight", f"{name}.bias"][: len(layer.weights)]
    return found


def _take(file: Path, tensors: Mapping[str, np.ndarray], name: str, weight: keras.Variable) -> np.ndarray:
    # Files of old versions name the weights of layer normalization as TensorFlow 1 did.
    old = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
    array = tensors.get(name, tensors.get(old))
    if array is None:
        raise ValueError(f"'{file}' has no tensor '{name}': its config.json belongs to another model")
    if weight.name == "kernel":
        array = array.T
    if array.shape != tuple(weight.shape):
        raise ValueError(
            f"'{file}': tensor '{name}' has the shape {array.shape}, expected {tuple(weight.shape)}: its config.json "
            "belongs to another model"
        )
    return np.asarray(array, np.float32)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(f"'{file}' does not exist: give a Hugging Face folder with config.json") from error
    except (OSError, ValueError) as error:
        raise ValueError(f"'{file}' cannot be read ({error}): copy the folder again") from error
    if not isinstance(content, dict):
        raise ValueError(f"'{file}' is not a JSON object: copy the folder again")
    return content
