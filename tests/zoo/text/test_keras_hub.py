"""Presets of KerasHub: every array arrives, tokenizers are read, damage is refused."""

import json

import h5py
import keras
import numpy as np
import pytest

from tests.tiny_encoder import LETTERS, SPECIAL, write_encoder
from zoo.text import registry
from zoo.text.encoder import build_encoder
from zoo.text.keras_hub import BLOCK, EMBEDDINGS, is_preset, load_weights, read_config
from zoo.text.tokenizer import Tokenizer

SIZES = {
    "vocabulary_size": 77, "num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16,
    "dropout": 0.1, "max_sequence_length": 32,
}  # fmt: skip
TOKENS = [*SPECIAL, *LETTERS, *(f"##{letter}" for letter in LETTERS)]


def write_preset(folder, name="BertBackbone", **changes):
    """Write a preset as `save_to_preset` does; return the encoder of its config, and its arrays by layer."""
    assets = folder / "assets" / "tokenizer"
    assets.mkdir(parents=True)
    segments = {"num_segments": 2} if name == "BertBackbone" else {}
    (folder / "config.json").write_text(
        json.dumps({"class_name": name, "config": {**SIZES, **segments, **changes}})
    )
    (folder / "tokenizer.json").write_text(json.dumps({"class_name": "T", "config": {"lowercase": True}}))
    (assets / "vocabulary.txt").write_text("\n".join(TOKENS))
    encoder, rng, arrays = build_encoder(read_config(folder)), np.random.default_rng(0), {}
    with h5py.File(folder / "model.weights.h5", "w") as file:
        for layer in encoder.layers:
            if not layer.weights:
                continue
            if layer.name in EMBEDDINGS:
                place = EMBEDDINGS[layer.name][0 if name == "BertBackbone" else -1]
            else:
                number = int(layer.name[5:7]) - 1
                place = f"transformer_encoder{f'_{number}' if number else ''}/{BLOCK[layer.name[7:]]}"
            arrays[layer.name] = [rng.normal(size=each.shape).astype("float32") for each in layer.weights]
            for position, array in enumerate(arrays[layer.name]):
                split = (
                    (8, 2, 4)
                    if layer.name.endswith(("_query", "_key", "_value")) and array.ndim == 2
                    else array.shape
                )
                file[f"layers/{place}/vars/{position}"] = array.reshape(split)
        file["layers/dense/vars/0"] = np.zeros((8, 8), "float32")
        file.create_group("layers/dropout/vars")
    return encoder, arrays


@pytest.mark.parametrize("name", ["BertBackbone", "DistilBertBackbone", "RobertaBackbone"])
def test_every_array_arrives(tmp_path, name):
    encoder, arrays = write_preset(tmp_path, name)
    assert is_preset(tmp_path) and load_weights(encoder, tmp_path) == ["dense"]
    for layer, expected in arrays.items():
        for weight, array in zip(encoder.get_layer(layer).weights, expected, strict=True):
            np.testing.assert_array_equal(weight, array)


def test_bert_of_keras_hub_uses_the_approximate_gelu(tmp_path):
    encoder, arrays = write_preset(tmp_path, num_layers=1)
    encoder.get_layer("block01_hidden").set_weights([np.zeros((8, 16)), np.full(16, 2.0)])
    encoder.get_layer("block01_output").set_weights([np.eye(16, 8), np.zeros(8)])
    inner = encoder.get_layer("block01_output")
    x = keras.Model(encoder.input, inner.output)(np.array([[1, 2, 3]], np.int32))
    expected = 0.5 * 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (2 + 0.044715 * 8)))
    np.testing.assert_allclose(x, expected, rtol=1e-6)


def test_a_preset_is_a_backbone_with_its_tokenizer(tmp_path):
    write_preset(tmp_path)
    tokenizer = Tokenizer.from_folder(tmp_path, 16)
    encoder, origin = registry.build(str(tmp_path), "auto", tokenizer)
    assert tokenizer(["AB"])[0, :4].tolist() == [2, 5, 5 + len(LETTERS) + 1, 3]  # [CLS] a ##b [SEP]
    assert origin.path.endswith("model.weights.h5") and encoder.output["pooled"].shape == (None, 8)


def test_damage_is_refused(tmp_path):
    encoder, _ = write_preset(tmp_path)
    small = build_encoder(
        read_config(tmp_path).__class__(**{**vars(read_config(tmp_path)), "hidden_width": 24})
    )
    with pytest.raises(ValueError, match="shape"):
        load_weights(small, tmp_path)
    (tmp_path / "model.weights.h5").write_bytes(b"no file of HDF5")
    with pytest.raises(ValueError, match="damaged"):
        load_weights(encoder, tmp_path)
    (tmp_path / "model.weights.h5").unlink()
    with pytest.raises(ValueError, match="save_to_preset"):
        load_weights(encoder, tmp_path)
    (tmp_path / "assets" / "tokenizer" / "vocabulary.txt").rename(tmp_path / "vocabulary.spm")
    with pytest.raises(ValueError, match="Hugging Face"):
        Tokenizer.from_folder(tmp_path, 16)
    (tmp_path / "config.json").write_text(json.dumps({"class_name": "GemmaBackbone"}))
    with pytest.raises(ValueError, match="BertBackbone"):
        read_config(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"class_name": "BertBackbone", "config": {}}))
    with pytest.raises(ValueError, match="damaged"):
        read_config(tmp_path)


def test_a_hugging_face_folder_is_none(tmp_path):
    write_encoder(tmp_path)
    assert not is_preset(tmp_path) and not is_preset(tmp_path / "nowhere")
