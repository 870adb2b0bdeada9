"""Folders of Hugging Face: names of tensors of each family, and damage."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.tiny_encoder import BERT, DISTILBERT, VOCABULARY, write_encoder
from zoo.text.encoder import EncoderConfig, build_encoder
from zoo.text.hugging_face import BERT_BLOCK, DISTILBERT_BLOCK, load_weights, read_config


def write_folder(folder, config=BERT, start=""):
    """Write a folder as save_pretrained does; return an encoder of its sizes, and its tensors."""
    tensors = write_encoder(folder, config, start)
    return build_encoder(read_config(folder)), tensors


@pytest.mark.parametrize(
    ("config", "start", "path", "block"),
    [
        (BERT, "", "encoder", BERT_BLOCK),
        (BERT, "bert.", "encoder", BERT_BLOCK),
        ({**BERT, "model_type": "xlm-roberta", "pad_token_id": 1}, "roberta.", "encoder", BERT_BLOCK),
        (DISTILBERT, "distilbert.", "transformer", DISTILBERT_BLOCK),
    ],
)
def test_every_tensor_arrives(tmp_path, config, start, path, block):
    encoder, tensors = write_folder(tmp_path, config, start)
    assert load_weights(encoder, tmp_path) == []
    query = f"{start}{path}.layer.1.{block['_query']}.weight"
    np.testing.assert_array_equal(encoder.get_layer("block02_query").kernel, tensors[query].T)
    assert sum(array.size for array in tensors.values()) == encoder.count_params()
    assert encoder.count_params() == sum(np.prod(weight.shape) for weight in encoder.weights)


def test_sentence_encoders_say_how_they_pool(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(BERT))
    assert (read_config(tmp_path).pooling, read_config(tmp_path).is_normalized) == ("mean", False)
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    (tmp_path / "modules.json").write_text('[{"type": "sentence_transformers.models.Normalize"}]')
    assert (read_config(tmp_path).pooling, read_config(tmp_path).is_normalized) == ("first", True)


def test_what_the_encoder_lacks_is_named(tmp_path):
    encoder, tensors = write_folder(tmp_path)
    save_file(
        {**tensors, "pooler.dense.weight": np.zeros((2, 2), np.float32)}, tmp_path / "model.safetensors"
    )
    assert load_weights(encoder, tmp_path) == ["pooler.dense.weight"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({**BERT, "model_type": "gpt2"}, "model_type"),
        ({**BERT, "position_embedding_type": "relative_key"}, "absolute"),
        ({"model_type": "bert"}, "damaged"),
        ([], "JSON object"),
    ],
)
def test_other_configurations_are_refused(tmp_path, config, message):
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=message):
        read_config(tmp_path)


def test_weights_of_another_model_are_refused_and_nothing_is_loaded(tmp_path):
    encoder, tensors = write_folder(tmp_path)
    before = encoder.get_weights()
    last = "encoder.layer.1.output.LayerNorm.bias"
    for broken, message in (
        ({name: array for name, array in tensors.items() if name != last}, "no tensor"),
        ({**tensors, last: np.zeros(9, np.float32)}, "shape"),
    ):
        save_file(broken, tmp_path / "model.safetensors")
        with pytest.raises(ValueError, match=message):
            load_weights(encoder, tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"{}")
    with pytest.raises(ValueError, match="damaged"):
        load_weights(encoder, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="save_pretrained"):
        load_weights(encoder, tmp_path)
    for one, other in zip(before, encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_old_names_of_layer_normalization(tmp_path):
    encoder, tensors = write_folder(tmp_path, start="bert.")
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): array
        for name, array in tensors.items()
    }
    save_file(old, tmp_path / "model.safetensors")
    load_weights(encoder, tmp_path)
    expected = tensors["bert.encoder.layer.0.output.LayerNorm.weight"]
    np.testing.assert_array_equal(encoder.get_layer("block01").gamma, expected)


def test_config_of_a_tiny_encoder_is_complete(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({**BERT, "model_type": "roberta", "pad_token_id": 1}))
    assert read_config(tmp_path) == EncoderConfig(
        len(VOCABULARY), 8, 2, 2, 16, 64, padding_id=1, first_position=2
    )
