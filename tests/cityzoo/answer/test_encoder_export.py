"""Encoders are exported once, and compute in ONNX Runtime what they compute in Keras."""

import numpy as np
import pytest

from cityzoo.answer.encoder import SentenceEncoder, open_encoder
from cityzoo.answer.encoder_export import find_exported

TEXTS = ["where is the tram", "my street lamp is dark and the road is closed tonight"]


@pytest.mark.slow
def test_a_hugging_face_folder_is_exported_once(tmp_path, monkeypatch):
    pytest.importorskip("tf2onnx")
    pytest.importorskip("safetensors")
    from tests.tiny_encoder import write_encoder
    from zoo.text.registry import build
    from zoo.text.tokenizer import Tokenizer

    monkeypatch.setenv("CITYZOO_HOME", str(tmp_path / "home"))
    write_encoder(tmp_path / "tiny")
    found = open_encoder(str(tmp_path / "tiny"))(TEXTS)
    tokenizer = Tokenizer.from_folder(tmp_path / "tiny", 64)
    encoder, _ = build(str(tmp_path / "tiny"), "pretrained", tokenizer)
    expected = np.asarray(encoder(tokenizer(TEXTS))["pooled"])
    expected = expected / np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    folder = find_exported(str(tmp_path / "tiny"))
    before = (folder / "model.onnx").stat().st_mtime_ns
    monkeypatch.setattr("cityzoo.answer.encoder_export.export_encoder", None)  # would fail if it were called
    assert find_exported(str(tmp_path / "tiny")) == folder
    assert (folder / "model.onnx").stat().st_mtime_ns == before
    assert SentenceEncoder(folder).digest == open_encoder(str(folder)).digest


def test_without_tensorflow_it_says_where_to_export(tmp_path, monkeypatch):
    monkeypatch.setenv("CITYZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match="needs TensorFlow"):
        find_exported(str(tmp_path / "folder"))
