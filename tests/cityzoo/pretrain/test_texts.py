"""Masked language modelling: what is hidden, the published head, and that train.py loads the weights back."""

import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from cityzoo.data.text import load
from cityzoo.data.text.texts import TextExample, TextSet
from cityzoo.errors import InputError
from cityzoo.pretrain.hidden_tokens import MaskedText, MaskedViews, hide_tokens, measure_frequency
from cityzoo.pretrain.request import make_task
from cityzoo.pretrain.texts import TEXTS
from tests.tiny_encoder import SPECIAL, VOCABULARY, write_encoder, write_tokenizer
from zoo.text import registry
from zoo.text.masked_language import MaskedLanguageModel
from zoo.text.tokenizer import Tokenizer

PRETRAIN, TRAIN = "cityzoo/__main__.py", "train.py"
MASK = SPECIAL.index("[MASK]")
PARTS = ("lamp light broken", "bin garbage missed"), ("my", "the", "in", "street", "now", "a")


def pretrain(*words, data="texts.txt", backbone="encoder"):
    """Return a command."""
    base = ["pretrain", "--method", "mae", "--data", data, "--backbone", backbone]
    return PRETRAIN, [*base, *words]


CASES = {
    "pretrain": pretrain("--epochs", "2", "--learning-rate", "0.01", "--run", "masked", "--out", "own.weights.h5"),
    "train": (
        TRAIN,
        ["--task", "text_intent", "--data", "calls.csv", "--backbone", "encoder", "--phases", "closed_form",
         "--weights", "own.weights.h5", "--out", "intents"],
    ),
    "tfidf": pretrain(backbone="tfidf"),
    "no mask": pretrain(backbone="maskless"),
    "no texts": pretrain(data="empty.txt"),
    "pairs": (PRETRAIN, ["pretrain", "--method", "simclr", "--data", "texts.txt", "--backbone", "encoder"]),
    "of images": pretrain("--split-by", "scene"),
    "whole model": pretrain("--weights", "run/model.keras"),
    "probe task": pretrain("--probe", "calls.csv", "--probe-task", "vehicle_classify"),
}  # fmt: skip


@pytest.fixture(scope="module")
def ran(tmp_path_factory, as_scripts):
    """Folder, and exit code, output and errors of each command."""
    place = tmp_path_factory.mktemp("masked")
    write_encoder(place / "encoder", head=True)
    write_encoder(place / "maskless")
    write_tokenizer(place / "maskless", ["<m>" if token == "[MASK]" else token for token in VOCABULARY])
    rng = np.random.default_rng(0)
    rows = [(f"{PARTS[0][n % 2]} {' '.join(rng.permutation(PARTS[1]))} {n}", "ab"[n % 2]) for n in range(60)]
    (place / "texts.txt").write_text("\n".join(text for text, _ in rows))
    (place / "calls.csv").write_text("\n".join(["text,label", *map(",".join, rows)]))
    (place / "empty.txt").write_text("\n \n")
    return place, as_scripts(place, CASES)


def test_one_in_seven_ordinary_tokens_is_hidden_the_way_of_bert():
    """Of 10,000 tokens 1,500; of these 80 % masks, 10 % other tokens, 10 % as they were."""
    ids = np.tile(np.arange(100, 200, dtype=np.int32), (1, 100))
    ordinary = np.arange(100, 10_000)
    hidden, places, tokens = hide_tokens(ids, ordinary, MASK, 0.15, [0])
    assert places.shape == (1, 1500) and len(set(places[0])) == 1500
    np.testing.assert_array_equal(tokens[0], ids[0, places[0]])
    seen = hidden[0, places[0]]
    shares = [(seen == MASK).mean(), (seen == tokens[0]).mean()]
    np.testing.assert_allclose(shares, [0.8, 0.1], atol=0.03)  # three standard deviations
    assert np.isin(seen[seen != MASK], ordinary).all()
    others = np.setdiff1d(np.arange(10_000), places[0])
    np.testing.assert_array_equal(hidden[0, others], ids[0, others])


def test_special_tokens_and_padding_are_never_hidden(tmp_path):
    """Whatever the epoch; other tokens are hidden in each, the same ones again in the same."""
    write_encoder(tmp_path)
    tokenizer = Tokenizer.from_folder(tmp_path, 32)
    assert tokenizer.mask_id == MASK and tokenizer.special_ids == list(range(len(SPECIAL)))
    examples = tuple(TextExample(text, "a:1") for text in ("lamp \u4e16 broken", "bin " * 12, "\u4e16"))
    views = MaskedViews(TextSet("train", (), examples), MaskedText(), tokenizer)
    ids, epochs = tokenizer([each.text for each in examples]), []
    for epoch in range(20):
        inputs, target = views.hide([(row, epoch) for row in range(3)])
        places, is_hidden = inputs["places"], target >= 0
        assert is_hidden.sum(axis=1).tolist() == [
            1,
            2,
            0,
        ]  # 15 % of 2 and of 12, at least one; only unknown ones
        np.testing.assert_array_equal(target[is_hidden], np.take_along_axis(ids, places, axis=1)[is_hidden])
        assert (target[is_hidden] >= len(SPECIAL)).all()
        special = ids < len(SPECIAL)
        np.testing.assert_array_equal(inputs["token_ids"][special], ids[special])
        epochs.append(places[1].tolist())
    assert len({tuple(each) for each in epochs}) > 10
    np.testing.assert_array_equal(views.hide([(1, 3)])[0]["places"][0], epochs[3])


def test_the_published_head_is_used(tmp_path):
    """It gives the same log-probabilities as `zoo.text.masked_language`."""
    write_encoder(tmp_path, head=True)
    text, words = "my [MASK] is broken", ["lamp", "bus", "tree"]
    data = SimpleNamespace(train=TextSet("train", (), (TextExample(text, "a:1"),)))
    run = SimpleNamespace(backbone=str(tmp_path), weights="auto")
    spec = SimpleNamespace(run=run, modality=SimpleNamespace(max_tokens=16))
    assembled = TEXTS.build(spec, MaskedText(), data)
    tokenizer = assembled.model.tokenizer
    ids = tokenizer([text])
    places = np.argwhere(ids == MASK)[:, 1:].astype(np.int32)
    logits = np.asarray(assembled.model({"token_ids": ids, "places": places}))
    target = np.array([[tokenizer.id_of(words[0])]], np.float32)
    found = [MaskedText().measure(np.full((1, 1), tokenizer.id_of(word)), logits)[0][1] for word in words]
    wanted = -MaskedLanguageModel(tmp_path, 16).score_words([text], words)[0]
    np.testing.assert_allclose(found, wanted, rtol=1e-4)
    loss = MaskedText().loss(None)(target, logits)
    assert float(loss) == pytest.approx(wanted[0], rel=1e-4)


def test_frequent_tokens_are_a_baseline(tmp_path):
    """Training: "bin" 3 times and "lamp" once, of which "lamp" is hidden in val."""
    write_encoder(tmp_path)
    tokenizer = Tokenizer.from_folder(tmp_path, 32)
    train, val = (
        MaskedViews(
            TextSet("x", (), tuple(TextExample(text, "a:1") for text in texts)), MaskedText(), tokenizer
        )
        for texts in (("bin bin", "bin lamp"), ("lamp", "bin", "lamp"))
    )
    found = measure_frequency(train, val)
    kinds = len(VOCABULARY) - len(SPECIAL)
    wanted = np.log(4 + kinds) - (2 * np.log(2) + np.log(4)) / 3
    assert found == pytest.approx({"accuracy_of_frequency": 1 / 3, "loss_of_frequency": wanted})


def test_accuracy_and_loss_are_of_all_hidden_tokens():
    """Two texts with one and three of them: 2 of 4 named, 6 nats in all."""
    found = MaskedText().metrics(None, [(1.0, 0.5, 1.0), (1.0, 5.5, 3.0), (0.0, 0.0, 0.0)])
    assert found == {"masked_accuracy": 0.5, "masked_loss": 1.5}


def test_labels_are_not_read(tmp_path):
    """Contradicting ones leave one text; none are no reason to leave a text out."""
    lines = [f"text {number},x" for number in range(20)]
    (tmp_path / "a.csv").write_text("\n".join(["text,label", *lines, "text 3,y", "more,"]))
    found = load(str(tmp_path / "a.csv"), is_labeled=False)
    assert len(found.train) + len(found.val) == 21 and found.train.class_names == ()
    assert "outside" not in found.findings.counts and found.findings.counts["duplicate"] == 1


@pytest.mark.slow
def test_the_weights_go_into_train(ran):
    """Training changes the encoder, and train.py begins with what it became: equal features."""
    place, answers = ran
    assert answers["pretrain"][0] == 0 and answers["train"][0] == 0, (
        answers["pretrain"][2] + answers["train"][2]
    )
    report = json.loads((place / "masked" / "report.json").read_text())
    assert report["weights_file"] == "own.weights.h5" and report["n_texts"] > 5
    assert 0 < report["masked_loss"] < report["masked_loss_before"] and report["loss_of_frequency"] > 0
    assert 0 <= report["masked_accuracy"] <= 1
    ran_with = json.loads((place / "intents" / "report.json").read_text())["weights"]
    assert ran_with["kind"] == "file" and ran_with["sha256"] == report["sha256"]
    own, other = (
        keras.saving.load_model(place / run / "model.keras", compile=False) for run in ("masked", "intents")
    )
    ids = np.array([[2, 60, 70, 80, 3, 0, 0, 0]])
    features = [
        keras.Model(each.get_layer("token_ids").output, each.get_layer("block02").output)(ids)
        for each in (own, other)
    ]
    np.testing.assert_array_equal(*map(np.asarray, features))
    tokenizer = Tokenizer.from_folder(place / "encoder", 16)
    published, _ = registry.build(str(place / "encoder"), "auto", tokenizer)
    layer = keras.Model(published.inputs, published.get_layer("block02").output)
    assert np.abs(np.asarray(layer(ids)) - np.asarray(features[0])).max() > 0.01


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tfidf", ["tfidf", "no encoder"]),
        ("no mask", ["maskless", "[MASK]"]),
        ("no texts", ["empty.txt"]),
        ("pairs", ["--method mae"]),
        ("of images", ["--split-by"]),
        ("whole model", ["run/model.keras"]),
        ("probe task", ["vehicle_classify", "text_intent"]),
    ],
)
def test_mistakes_are_one_line(ran, name, words):
    code, _, err = ran[1][name]
    last = err.strip().splitlines()[-1]
    assert code == 2 and "error: " in last and "Traceback" not in err, err
    assert all(word in last for word in words), last


def test_encoders_are_told_from_other_backbones(tmp_path):
    assert make_task("mae", str(tmp_path)).modality is TEXTS and make_task("mae", "minilm").modality is TEXTS
    assert make_task("mae", "mobilenet_050").modality is not TEXTS
    with pytest.raises(InputError, match="--method mae"):
        make_task("byol", "minilm")
