"""A run of intents on a tiny encoder, end to end: baselines, robustness, explanations, refusals."""

import json

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

import evaluate
import train
from cityzoo import tasks
from cityzoo.data.text.texts import TextExample, TextSet
from cityzoo.modalities.text import baselines, frozen_embeddings
from tests.tiny_encoder import write_encoder

WORDS = {
    "lamp": "lamp light dark street",
    "bin": "bin garbage paper rubbish",
    "water": "water pipe flood rain",
}
FILLERS = "my the is in on we have need please today"


def make_rows(count, seed):
    """Sentences of words of one class, some of none."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        label = [*WORDS, ""][number % 4]
        words = [
            *rng.choice(FILLERS.split(), 3),
            *rng.choice((WORDS.get(label) or "bus tram euro fly").split(), 2),
        ]
        yield f"{' '.join(rng.permutation(words))} {number % 97}", label


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Folder of a finished run with other texts to evaluate it on."""
    place = tmp_path_factory.mktemp("intents")
    write_encoder(place / "encoder", head=True)
    for name, count, seed in (("train", 160, 0), ("val", 80, 1), ("other", 60, 2)):
        lines = [f'"{text}",{label}' for text, label in make_rows(count, seed)]
        (place / f"{name}.csv").write_text("\n".join(["text,label", *lines]) + "\n")
    values = {
        "data": str(place / "train.csv"), "val": str(place / "val.csv"), "backbone": str(place / "encoder"),
        "phases": "closed_form", "out": str(place / "run"), "cache": str(place / "cache"),
        "prompt": "it is about the {mask} .",
    }  # fmt: skip
    arguments = [part for name, value in values.items() for part in (f"--{name}", value)]
    assert train.main(["--task", "text_intent", *arguments]) == 0
    return place / "run"


def test_embeddings_that_are_nearly_equal_are_told_apart():
    """As those of plain language models are: the fit is the one of scikit-learn with a tolerance that suits them."""
    rng, labels = np.random.default_rng(0), np.arange(90) % 3
    rows = np.ones((90, 8)) + 0.01 * (np.eye(8)[labels] + rng.normal(0, 0.3, (90, 8)))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    found = baselines._fit_probe(rows, np.eye(4)[labels])
    logits = rows @ found["probe_kernel"] + found["probe_bias"]
    wanted = LogisticRegression(C=baselines.PROBE_STRENGTH, tol=1e-9, max_iter=1000).fit(rows, labels)
    np.testing.assert_allclose(softmax(logits[:, :3], axis=1), wanted.predict_proba(rows), atol=2e-3)
    assert (logits[:, 3] < logits[:, :3].min(axis=1)).all()


def read_report(folder):
    """The report in a folder."""
    return json.loads((folder / "report.json").read_text())


def test_baselines_are_on_the_page(run):
    """With the model below them, and accuracy of texts within the classes alone."""
    report = read_report(run)
    assert [*report["baselines"]][-1] == "this model"
    assert {"majority class", "TF-IDF + linear", "nearest class mean"} <= report["baselines"].keys()
    assert "prompt: {text} it is about the {mask} ." in report["baselines"]
    assert "logistic regression on frozen embeddings" in report["baselines"]
    inside = report["rejection"]["n_inside"]
    assert report["baselines"]["majority class"]["accuracy"] == pytest.approx(1 / 3, abs=1 / inside)
    assert report["baselines"]["TF-IDF + linear"]["accuracy"] > 0.9
    assert report["baselines"]["this model"]["accuracy"] == report["accuracy"]
    page = (run / "report.html").read_text().partition("</style>")[2]
    assert page.index("nearest class mean") < page.index('id="metrics"') and "image" not in page.lower()


def test_class_means_take_cached_features(run, monkeypatch):
    """They are those of the encoder before fine-tuning; what is not cached is computed, and gives the same."""
    task, rows = tasks.find("text_intent"), list(make_rows(160, 0))
    spec = baselines_spec(run)
    data = task.read(spec.run.data, spec.reader, val=spec.modality.val)
    assert len(data.train) <= len(rows)
    cached = frozen_embeddings.embed(run, data.train, is_cached=True)
    np.testing.assert_allclose(np.linalg.norm(cached, axis=1), 1, atol=1e-5)
    monkeypatch.setattr(frozen_embeddings, "_find_cached", lambda *_: None)
    np.testing.assert_allclose(frozen_embeddings.embed(run, data.train), cached, atol=5e-3)
    assert frozen_embeddings.embed(run, data.train, is_cached=True) is None


def baselines_spec(run):
    """The run's spec."""
    from cityzoo.spec_file import read_spec

    return read_spec(run / "spec.json")


def test_other_texts_get_the_rule_of_the_run(run):
    """Baselines as well; with --robustness and --explain as sections of the page."""
    other = run.parent / "other.csv"
    arguments = [str(run), "--data", str(other), "--out", str(run.parent / "out"), "--robustness", "20"]
    assert evaluate.main([*arguments, "--explain", "3"]) == 0
    report, before = read_report(run.parent / "out"), read_report(run)
    assert report["rejection"]["threshold"] == before["rejection"]["threshold"]
    assert report["n_texts"] == report["rejection"]["n_inside"] + report["rejection"]["n_outside"]
    assert "nearest class mean" in report["baselines"]
    typos = report["corrupted"]["conditions"]["typos, every second word"]
    assert typos["n"] <= 20 and typos["low"] <= typos["value"] <= typos["high"]
    check_explanations(report["explanations"], run.parent / "out")


def check_explanations(found, folder):
    """Words with weights whose largest is 1, drawn on the page; a sanity check."""
    assert len(found["texts"]) == 3 and -1 <= found["sanity"]["all"] <= 1
    for each in found["texts"]:
        weights = [weight for _, weight in each["words"]]
        assert max(map(abs, weights)) == 1 and len(each["gradients"]) == len(weights)
    page = (folder / "report.html").read_text()
    assert '<span style="background: rgba(' in page and "Spearman" in page


def test_gradients_equal_differences(run):
    """Gradient x input of a word: the slope of the logit when the embeddings of its tokens grow."""
    from cityzoo.modalities.text.explanations import _EmbeddingGradients
    from cityzoo.model import load

    model = load(run / "model.keras")
    gradients = _EmbeddingGradients(model)
    words = ["the", "bin", "is", "dark", "today"]
    found = gradients(words, 1)
    ids = gradients.tokenizer.encode_words([words]).token_ids
    table, step = model.get_layer("embed_tokens").embeddings, 1e-2
    before, slopes = table.numpy(), []
    for place in range(len(words)):
        logits = []
        for sign in (1, -1):
            changed = before.copy()
            changed[ids[0, 1 + place]] *= 1 + sign * step
            table.assign(changed)
            logits.append(float(model(ids)[0, 1]))
        slopes.append((logits[0] - logits[1]) / (2 * step))
    table.assign(before)
    np.testing.assert_allclose(found, slopes, rtol=0.03, atol=1e-3)


def test_a_text_is_explained_by_its_place(run):
    """Or refused in one line."""
    from cityzoo.errors import InputError
    from cityzoo.modalities.text.explanations import explain_texts

    texts = TextSet("val", ("a", "b"), (TextExample("x", "a.csv:2", np.array([1, 0])),))
    with pytest.raises(InputError, match=r"a\.csv:9.*a\.csv:2"):
        explain_texts(None, None, texts, [], "a.csv:9", 0, lambda texts: [])


def test_damaged_baselines_are_left_out(run, tmp_path, caplog):
    """With a warning; a folder without them has none."""
    (tmp_path / baselines.FILE).write_bytes(b"no zip")
    assert baselines.predict(tmp_path, None, None) == {} and "damaged" in caplog.text
    assert baselines.predict(tmp_path / "none", None, None) == {}
