"""Train, resume, evaluate and predict as users do, with a tiny encoder and with TF-IDF."""

import csv
import json
import random

import keras
import numpy as np
import pytest

from tests.tiny_encoder import LETTERS, SPECIAL, write_encoder, write_tokenizer

WORDS = {
    "light": "lamp light dark broken night bridge",
    "waste": "bin garbage rubbish missed smell bag",
    "parking": "permit parking car pay ticket fee",
}
FILLER = ["the", "my", "in", "is", "not", "please", "help", "street", "now", "a"]
EPOCHS = ["--epochs", "2", "--batch-size", "8", "--learning-rate", "0.01"]
PHASES = ["--phases", "backbone:1,block01:1", *EPOCHS[2:]]
LORA = ["--adapt", "lora:2", "--freeze", "block01", *EPOCHS]


def sentences(count, seed):
    """Texts with three words of their class among five that say nothing."""
    rng = random.Random(seed)
    for number in range(count):
        name = list(WORDS)[number % 3]
        words = rng.sample(WORDS[name].split(), 3) + rng.sample(FILLER, 5)
        rng.shuffle(words)
        yield " ".join(words), name


def hard_texts():
    """Texts that break careless readers."""
    yield "lamp dark \U0001f6a8\U0001f4a1 night", "light"
    yield "\u202egarbage\u202c bin \u200fsmell", "waste"
    yield "parking " + "permit " * 15000, "parking"
    yield "", "light"
    yield "lamp light broken \x00\x07 dark", "light"
    yield "bin bag smell rubbish", "wastee"


def write_table(file, rows):
    """Write texts and labels."""
    with file.open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened).writerows([("text", "label"), *rows])


def write_data(folder):
    """Write what the commands read."""
    (folder / "data").mkdir()
    write_table(folder / "data" / "train.csv", sentences(60, 0))
    write_table(folder / "data" / "val.csv", sentences(24, 1))
    write_table(folder / "hard.csv", [*sentences(40, 2), *hard_texts()])
    (folder / "plain.txt").write_text("lamp light dark broken\n\nbin garbage smell\n", encoding="utf-8")
    streets = "".join(f"Stra\xdfe {number} dunkel,light\n" for number in range(40))
    (folder / "latin.csv").write_bytes(f"text,label\n{streets}".encode("latin-1"))
    write_encoder(folder / "encoder")
    write_encoder(folder / "unfit")
    write_tokenizer(folder / "unfit", [*LETTERS, *SPECIAL])


def train(out, *words, data="data", backbone="encoder"):
    """Return a command."""
    base = ["--task", "text_intent", "--data", data, "--backbone", backbone, "--out", out]
    return "train.py", [*base, *words]


COMMANDS = {
    "default": train("default", *EPOCHS),
    "tfidf": train("tfidf", backbone="tfidf"),
    "evaluate": ("evaluate.py", ["default", "--split", "train", "--out", "evaluated"]),
    "predict": ("evaluate.py", ["tfidf", "--predict", "plain.txt", "--out", "predicted"]),
    "no such block": train("x1", "--freeze", "block09", *EPOCHS),
    "unfit": train("x2", backbone="unfit"),
    "too long": train("x3", "--max-tokens", "900"),
    "adapted tfidf": train("x4", "--adapt", "lora:2", backbone="tfidf"),
    "weights of tfidf": train("x9", "--weights", "plain.txt", backbone="tfidf"),
    "no data": train("x5", data="nothing.csv"),
    "no encoder": train("x6", backbone="data"),
    "one class": train("x7", data="latin.csv"),
    "too few": train("x8", "--shots", "99"),
}
SLOW = {
    "default": train("default", *EPOCHS),
    "interrupted": (*train("stopped", *EPOCHS), "stopped/checkpoint.npz"),
    "resumed": ("train.py", ["--resume", "stopped"]),
    "phases": train("phases", *PHASES, "--layer-decay", "0.8"),
    "cached": train("cached", *PHASES, "--layer-decay", "0.8"),
    "lora": train("lora", *LORA),
    "shots": train("shots", "--shots", "3", "--freeze", "backbone", "--head", "prototypes"),
    "from run": train("again", "--weights", "default/model.keras", *EPOCHS),
    "hard": train("hard", data="hard.csv", backbone="tfidf"),
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory, as_scripts):
    """Everyday commands in one process: name -> (code, out, err), and the folder."""
    folder = tmp_path_factory.mktemp("texts")
    write_data(folder)
    return as_scripts(folder, COMMANDS), folder


@pytest.fixture(scope="module")
def ran_slowly(tmp_path_factory, as_scripts):
    """All others."""
    folder = tmp_path_factory.mktemp("slow")
    write_data(folder)
    return as_scripts(folder, SLOW), folder


def report_of(folder, run):
    """Return the report of a run."""
    return json.loads((folder / run / "report.json").read_text(encoding="utf-8"))


def require_success(answers, *names):
    """Fail with what a command printed."""
    for name in names:
        assert answers[name][0] in (0, None), (name, *answers[name])


def test_a_computed_head_is_refined(ran):
    answers, folder = ran
    require_success(answers, "default")
    report = report_of(folder, "default")
    assert [phase["freeze"] for phase in report["spec"]["plan"]] == ["closed_form", "block00"]
    assert report["accuracy"] > 0.5 and report["n_texts"] == 24
    assert (folder / "default" / "tokenizer.json").is_file()


def test_tfidf_needs_no_weights(ran):
    answers, folder = ran
    require_success(answers, "tfidf")
    assert report_of(folder, "tfidf")["accuracy"] == 1.0
    assert [phase["freeze"] for phase in report_of(folder, "tfidf")["spec"]["plan"]] == ["closed_form"]


def test_other_texts_are_evaluated_and_answered(ran):
    answers, folder = ran
    require_success(answers, "evaluate", "predict")
    assert report_of(folder, "evaluated")["n_texts"] == 60
    rows = json.loads((folder / "predicted" / "predictions.json").read_text(encoding="utf-8"))
    assert [row["answer"] for row in rows.values()] == ["light", "waste"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no such block", ["block09", "block02"]),
        ("unfit", ["different models"]),
        ("too long", ["--max-tokens 64"]),
        ("adapted tfidf", ["--adapt", "minilm"]),
        ("weights of tfidf", ["plain.txt", "no encoder"]),
        ("no data", ["nothing.csv"]),
        ("no encoder", ["config.json"]),
        ("one class", ["one class", "light"]),
        ("too few", ["--shots 99", "20"]),
    ],
)
def test_mistakes_are_one_line(ran, name, words):
    code, _, err = ran[0][name]
    last = err.strip().splitlines()[-1]
    assert code == 2 and last.startswith("train.py: error: ") and "Traceback" not in err, err
    assert all(word in last for word in words), last
    assert not (ran[1] / COMMANDS[name][1][-1] / "model.keras").exists()


@pytest.mark.slow
def test_a_resumed_run_ends_as_an_uninterrupted_one(ran_slowly):
    answers, folder = ran_slowly
    require_success(answers, "default", "resumed")
    assert answers["interrupted"][0] == 2
    one, other = (
        keras.saving.load_model(folder / run / "last.keras", compile=False) for run in ("default", "stopped")
    )
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_features_are_computed_once(ran_slowly):
    answers, folder = ran_slowly
    require_success(answers, "phases", "cached")
    assert "view" in answers["phases"][1] + answers["phases"][2]
    histories = [(folder / run / "history.csv").read_text().splitlines() for run in ("phases", "cached")]
    columns = [[line.split(",")[3:] for line in history] for history in histories]
    assert columns[0] == columns[1]


@pytest.mark.slow
def test_adapters_and_few_shots_and_earlier_runs(ran_slowly):
    answers, folder = ran_slowly
    require_success(answers, "lora", "shots", "from run")
    assert (folder / "lora" / "delta.npz").is_file() or list((folder / "lora").glob("*delta*"))
    assert "training on 9 of them" in answers["shots"][2] + answers["shots"][1]
    assert report_of(folder, "again")["weights"]["kind"] == "file"


@pytest.mark.slow
def test_hard_texts_are_reported_and_learned(ran_slowly):
    answers, folder = ran_slowly
    require_success(answers, "hard")
    found = report_of(folder, "hard")["findings"]["findings"]
    assert {"empty", "long", "control", "similar labels"} <= {*found}
