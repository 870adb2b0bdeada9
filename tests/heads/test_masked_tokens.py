"""The loss of masked tokens by hand, and the head with tied embeddings."""

import keras
import numpy as np
import pytest

from heads.masked_tokens import MaskedTokenLoss, predict_tokens

LOGITS = np.log(
    [
        [[0.5, 0.25, 0.25], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1]],
        [[0.25, 0.5, 0.25], [0.125, 0.125, 0.75], [0.9, 0.05, 0.05]],
    ]
).astype(np.float32)  # two texts of three places, three tokens
TOKENS = np.array([[0, -1, 1], [-1, 1, -1]], np.float32)


def test_hidden_tokens_of_a_batch_count_alike():
    """Of two texts with two hidden tokens and one: -log(1/2), -log(4/5), -log(1/8), by three."""
    wanted = (np.log(2) + np.log(1.25) + np.log(8)) / 3
    assert float(MaskedTokenLoss()(TOKENS, LOGITS)) == pytest.approx(wanted, rel=1e-6)


def test_other_places_do_not_count():
    changed = LOGITS.copy()
    changed[TOKENS < 0] = np.random.default_rng(0).normal(0, 9, (3, 3))
    assert float(MaskedTokenLoss()(TOKENS, changed)) == pytest.approx(
        float(MaskedTokenLoss()(TOKENS, LOGITS))
    )
    assert float(MaskedTokenLoss()(np.full((2, 3), -1.0), LOGITS)) == 0.0


def test_logits_are_products_with_the_embeddings_of_the_input(tmp_path):
    """By hand, and again from a saved model."""
    ids, places = keras.Input((None,), dtype="int32"), keras.Input((None,), dtype="int32")
    embedding = keras.layers.Embedding(5, 4, name="embed_tokens")
    model = keras.Model([ids, places], predict_tokens(embedding(ids), places, embedding, 1e-6))
    assert len(model.weights) == 1 + 2 + 2 + 1  # one table for both ends
    bias = np.arange(5, dtype=np.float32)
    model.get_layer("head_logits").set_weights([bias])
    table = np.asarray(embedding.embeddings)
    dense, shift = (np.asarray(each) for each in model.get_layer("head_dense").weights)
    found = np.asarray(model([np.array([[1, 2, 3]]), np.array([[2, 0]])]))
    x = np.asarray(keras.ops.gelu(table[[3, 1]] @ dense + shift, approximate=False))
    x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-6)
    np.testing.assert_allclose(found[0], x @ table.T + bias, rtol=1e-4, atol=1e-5)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras", compile=False)
    np.testing.assert_array_equal(np.asarray(again([np.array([[1, 2, 3]]), np.array([[2, 0]])])), found)
