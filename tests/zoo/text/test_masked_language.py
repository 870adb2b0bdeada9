"""Words in gaps: the head's arithmetic, its names in files, scores of words; prompts around texts."""

import math

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.modalities.text.cloze import ClozeClassifier, check_prompt, verbalize
from tests.tiny_encoder import BERT, DISTILBERT, VOCABULARY, write_encoder
from zoo.text.encoder import build_encoder
from zoo.text.hugging_face import load_weights, read_config
from zoo.text.masked_language import MaskedLanguageModel, has_masked_head, read_masked_head


def logits_by_definition(tensors, names, row, table):
    """One row, number by number: dense layer, exact GELU, layer normalization, the table of embeddings."""
    dense, norm, bias = names
    hidden = [
        sum(row[i] * tensors[f"{dense}.weight"][o, i] for i in range(len(row))) + tensors[f"{dense}.bias"][o]
        for o in range(len(row))
    ]
    hidden = [x * 0.5 * (1 + math.erf(x / math.sqrt(2))) for x in hidden]
    mean = sum(hidden) / len(hidden)
    deviation = math.sqrt(sum((x - mean) ** 2 for x in hidden) / len(hidden) + 1e-12)
    scale, offset = tensors[f"{norm}.weight"], tensors[f"{norm}.bias"]
    hidden = [(x - mean) / deviation * a + b for x, a, b in zip(hidden, scale, offset, strict=True)]
    return np.array([np.dot(hidden, each) for each in table]) + tensors[bias]


@pytest.mark.parametrize("config", [BERT, DISTILBERT], ids=["BERT", "DistilBERT"])
def test_the_head_is_that_of_the_paper(tmp_path, config):
    """Under the names that each family gives its tensors; the encoder's own weights do not change."""
    tensors = write_encoder(tmp_path / "e", config, head=True)
    table = next(array for name, array in tensors.items() if name.endswith("word_embeddings.weight"))
    names = (
        ("vocab_transform", "vocab_layer_norm", "vocab_projector.bias")
        if config is DISTILBERT
        else (
            "cls.predictions.transform.dense",
            "cls.predictions.transform.LayerNorm",
            "cls.predictions.bias",
        )
    )
    row = np.random.default_rng(3).normal(size=8).astype(np.float32)
    found = read_masked_head(tensors)(row[None], table)[0]
    np.testing.assert_allclose(found, logits_by_definition(tensors, names, row, table), atol=1e-4)


# KerasHub 0.32, MaskedLMHead(token_embedding, intermediate_activation="gelu"), of the weights below.
KERAS_HUB = (-4.291855, 6.648054, 1.21177, -7.000679, 1.970928)


def test_logits_equal_those_of_keras_hub():
    """Numbers of another implementation, with weights that a formula gives."""
    rows = np.sin(np.arange(64, dtype=np.float64)).reshape(8, 8)
    tensors = {
        "vocab_transform.weight": rows.T,
        "vocab_transform.bias": np.cos(np.arange(8.0)),
        "vocab_layer_norm.weight": 1 + 0.1 * np.arange(8.0),
        "vocab_layer_norm.bias": 0.05 * np.arange(8.0),
        "vocab_projector.bias": np.linspace(-1, 1, 5),
    }
    table = np.cos(np.arange(40.0)).reshape(5, 8)
    found = read_masked_head(tensors)(np.linspace(-1, 1, 8)[None], table)[0]
    np.testing.assert_allclose(found, KERAS_HUB, atol=1e-4)


def test_scores_are_log_probabilities_at_the_gap(tmp_path):
    """Texts of different lengths in one batch; over the whole vocabulary they sum to 1."""
    tensors = write_encoder(tmp_path / "e", head=True)
    model = MaskedLanguageModel(tmp_path / "e", 32)
    texts = ["the [MASK] is dark", "my [MASK]"]
    found = model.score_words(texts, ["bin", "lamp"])
    encoder = build_encoder(read_config(tmp_path / "e"))
    load_weights(encoder, tmp_path / "e")
    ids = model.tokenizer(texts)
    outputs = np.asarray(encoder(ids)["tokens"])[[0, 1], [2, 2]]
    logits = read_masked_head(tensors)(outputs, tensors["embeddings.word_embeddings.weight"]).astype(float)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    places = [VOCABULARY.index("bin"), VOCABULARY.index("lamp")]
    np.testing.assert_allclose(found, np.log(shares[:, places]), atol=1e-4)
    with pytest.raises(ValueError, match="MASK"):
        model.score_words(["no gap"], ["bin"])


def test_a_prompt_names_classes_by_their_words(tmp_path):
    """The mean over the words of a name; long texts are shortened, never the prompt; the prior is what is usual."""
    write_encoder(tmp_path / "e", head=True)
    names = ("late_bus", "light")
    cloze = ClozeClassifier(tmp_path / "e", "it is about {mask} .", names, 8)
    texts = ["the tram is late", "word " * 500, ""]
    found = cloze.score(texts)
    assert found.shape == (3, 2) and np.isfinite(found).all()
    words = cloze.model.score_words(["the tram is late it is about [MASK] ."], ["late", "bus", "light"])[0]
    np.testing.assert_allclose(found[0], [words[:2].mean(), words[2]], atol=1e-5)
    np.testing.assert_allclose(cloze.measure_prior(texts), found.mean(axis=0), atol=1e-5)
    assert verbalize("card_payment_fee") == ["card", "payment", "fee"] and verbalize("?") == ["?"]


def test_encoders_without_the_head_are_refused(tmp_path):
    """In one line, before anything is trained; so are prompts without a gap."""
    write_encoder(tmp_path / "plain")
    write_encoder(tmp_path / "whole", head=True)
    assert has_masked_head(tmp_path / "whole") and not has_masked_head(tmp_path / "plain")
    assert not has_masked_head(tmp_path)
    check_prompt("about {mask}", tmp_path / "whole")
    with pytest.raises(InputError, match="BertForMaskedLM"):
        check_prompt("about {mask}", tmp_path / "plain")
    with pytest.raises(InputError, match=r"\{mask\} once"):
        check_prompt("about it", tmp_path / "whole")
