"""The encoder against a second implementation in NumPy, its padding, stages and adaptation."""

import math

import keras
import numpy as np
import pytest

import zoo
from zoo.text.encoder import EncoderConfig, build_encoder
from zoo.text.stages import block_outputs, prefix

SMALL = EncoderConfig(vocabulary_size=60, width=16, blocks=3, heads=4, hidden_width=32, max_length=40)
IDS = np.random.default_rng(0).integers(1, 60, (3, 9)).astype(np.int32)
IDS[0, 6:] = 0
erf = np.vectorize(math.erf)


@pytest.fixture(scope="module")
def encoder():
    keras.utils.set_random_seed(0)
    made = build_encoder(SMALL)
    rng = np.random.default_rng(1)
    made.set_weights([rng.normal(0, 0.3, weight.shape) for weight in made.weights])
    return made


def normalize(x, gamma, beta):
    mean, spread = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(spread + SMALL.epsilon) * gamma + beta


def by_hand(weights, ids):
    """The tokens of one text without padding, as the paper describes them."""

    def dense(x, name):
        return x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]

    def norm(x, name):
        return normalize(x, weights[f"{name}/gamma"], weights[f"{name}/beta"])

    x = weights["embed_tokens/embeddings"][ids] + weights["embed_positions/embeddings"][: len(ids)]
    x = norm(x + weights["embed_types/embeddings"][0], "embed_norm")
    for number in range(1, SMALL.blocks + 1):
        name, size = f"block{number:02d}", SMALL.width // SMALL.heads
        query, key, value = (dense(x, f"{name}_{part}") for part in ("query", "key", "value"))
        mixed = []
        for head in range(SMALL.heads):
            part = slice(head * size, (head + 1) * size)
            scores = query[:, part] @ key[:, part].T / math.sqrt(size)
            shares = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
            mixed.append(shares @ value[:, part])
        x = norm(x + dense(np.concatenate(mixed, -1), f"{name}_attention_output"), f"{name}_attention_norm")
        hidden = dense(x, f"{name}_hidden")
        hidden = hidden * (1 + erf(hidden / math.sqrt(2))) / 2
        x = norm(x + dense(hidden, f"{name}_output"), name)
    return x


def test_tokens_equal_those_of_a_second_implementation(encoder):
    weights = {
        weight.path.removeprefix("bert/"): np.asarray(weight, np.float64) for weight in encoder.weights
    }
    found = encoder(IDS)
    for row, length in ((0, 6), (1, 9)):
        expected = by_hand(weights, IDS[row, :length])
        np.testing.assert_allclose(found["tokens"][row, :length], expected, atol=1e-4)
        np.testing.assert_allclose(found["pooled"][row], expected.mean(0), atol=1e-4)


def test_padding_changes_nothing(encoder):
    longer = np.pad(IDS, ((0, 0), (0, 7)))
    np.testing.assert_allclose(encoder(longer)["pooled"], encoder(IDS)["pooled"], atol=1e-5)
    assert encoder(longer)["token_mask"].numpy().sum(1).tolist() == [6, 9, 9]


def test_positions_of_roberta_start_behind_padding():
    config = EncoderConfig(60, 16, 1, 4, 32, 40, padding_id=1, first_position=2)
    made = build_encoder(config)
    positions = keras.Model(made.input, made.get_layer("embed_positions").input)
    assert positions(np.array([[0, 5, 7, 1, 1]])).numpy().tolist() == [[2, 3, 4, 1, 1]]


def test_it_is_saved_and_loaded_by_plain_keras(encoder, tmp_path):
    encoder.save(tmp_path / "e.keras")
    again = keras.saving.load_model(tmp_path / "e.keras", safe_mode=True)
    np.testing.assert_array_equal(again(IDS)["pooled"], encoder(IDS)["pooled"])


@pytest.mark.parametrize("at", ["block00", "block02", "backbone"])
def test_prefix_and_suffix_make_the_whole(encoder, at):
    backbone = keras.Model(encoder.input, {"pooled": encoder.output["pooled"]})
    whole = keras.Model(encoder.input, keras.layers.Dense(2)(encoder.output["pooled"]))
    first = prefix(backbone, at)
    np.testing.assert_allclose(zoo.suffix(first, whole)(first(IDS)), whole(IDS), atol=1e-6)


def test_prefix_and_suffix_of_an_adapted_encoder(encoder):
    backbone = zoo.adapt(keras.Model(encoder.input, {"pooled": encoder.output["pooled"]}), "lora:2")
    first = prefix(backbone, "block01")
    np.testing.assert_allclose(
        zoo.suffix(first, backbone)(first(IDS))["pooled"], backbone(IDS)["pooled"], atol=1e-6
    )


def test_blocks_freeze_in_order(encoder):
    assert list(block_outputs(encoder)) == ["block00", "block01", "block02", "block03"]
    counts = zoo.freeze(encoder, "block02").by_stage
    assert [counts[name][0] for name in ("block00", "block01", "block02")] == [0, 0, 0]
    assert counts["block03"][1] == 0 and counts["block03"][0] > 0
    zoo.freeze(encoder, "none")
    with pytest.raises(ValueError, match="no stage 'C3'"):
        zoo.freeze(encoder, "C3")


@pytest.mark.parametrize("how", ["lora:2", "adalora:2", "adapter:3", "bias", "norm"])
def test_adapted_encoders_start_as_the_original_and_merge(encoder, how):
    backbone = keras.Model(encoder.input, {"pooled": encoder.output["pooled"]}, name="bert")
    adapted = zoo.adapt(backbone, how, above="block01")
    np.testing.assert_allclose(adapted(IDS)["pooled"], backbone(IDS)["pooled"], atol=1e-6)
    assert 0 < zoo.shares(adapted).trainable < backbone.count_params() / 4
    for weight in adapted.trainable_weights:
        weight.assign_add(0.01 * np.ones(weight.shape))
    np.testing.assert_allclose(zoo.merge(adapted)(IDS)["pooled"], adapted(IDS)["pooled"], atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"), [({"heads": 3}, "divide"), ({"pooling": "last"}, "unknown pooling")]
)
def test_impossible_sizes_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        EncoderConfig(**{**vars(SMALL), **changes})
