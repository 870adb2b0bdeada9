"""Runs of texts as files: equal to Keras, checked with their tokenizer, run by people who have no cityzoo."""

import csv
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from cityzoo.commands import benchmark, export
from cityzoo.runtime import exported_folder
from cityzoo.runtime.text_input import TextInput, run_by_length
from tests.cityzoo.series_town import run_evaluate, run_train
from tests.exported_texts import sentences, train_texts
from tests.tiny_encoder import write_encoder

pytest.importorskip("tf2onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("tokenizers")
TEXTS = [
    "the lamp is dark",
    "garbage",
    "please help my car in the street now parking ticket fee a night " * 2,
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on a tiny encoder."""
    return train_texts(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def exported(run):
    """Its ONNX file."""
    assert export.main([str(run), "--format", "onnx"]) == 0
    return run / "exports" / "onnx"


@pytest.fixture(scope="module")
def tfidf(tmp_path_factory):
    """A run on TF-IDF, exported."""
    run = train_texts(tmp_path_factory.mktemp("tfidf"), "tfidf")
    assert export.main([str(run), "--format", "onnx"]) == 0
    return run / "exports" / "onnx"


def keras_outputs(folder, texts):
    """Logits of a run's Keras model."""
    from cityzoo.backend import compiled
    from cityzoo.modalities.text.build import tokenizer_of
    from cityzoo.model import load

    model = load(folder / "model.keras")
    return np.asarray(compiled(model)(tokenizer_of(model)(texts)))


def answers(folder, texts):
    """Logits of an exported file for texts of several lengths."""
    file, about = exported_folder.open_described(next(folder.glob("model.*")))
    reader = TextInput(about, folder)
    return file, reader.prepare([reader.clean(text) for text in texts])[0]


@pytest.mark.parametrize("fmt", ["onnx", "litert", pytest.param("openvino", marks=pytest.mark.slow)])
def test_files_answer_as_the_model_for_any_batch_and_length(run, exported, fmt, tmp_path):
    pytest.importorskip({"onnx": "onnxruntime", "litert": "ai_edge_litert", "openvino": "openvino"}[fmt])
    folder = exported
    if fmt != "onnx":
        folder = tmp_path / fmt
        assert export.main([str(run), "--format", fmt, "--limit", "8", "--out", str(folder)]) == 0
    file, feeds = answers(folder, TEXTS)
    wanted = keras_outputs(run, TEXTS)
    np.testing.assert_allclose(file(feeds), wanted, atol=1e-4)
    np.testing.assert_allclose(file(feeds["token_ids"][:1]), wanted[:1], atol=1e-4)
    found = run_by_length(file, feeds, {"token_ids": 0})
    np.testing.assert_allclose(found["logits"], wanted, atol=1e-4)


def test_the_folder_says_how_texts_become_tokens(exported, run):
    about = json.loads((exported / "preprocessing.json").read_text())
    tensor = about["inputs"][0]
    assert (
        tensor["name"] == "token_ids"
        and tensor["shape"] == [None, None]
        and tensor["text"]["padding_id"] == 0
    )
    assert (exported / "tokenizer.json").read_bytes() == (run / "tokenizer.json").read_bytes()
    with np.load(exported / "probes.npz") as probes:
        file, feeds = answers(exported, probes["sources"].tolist())
        np.testing.assert_array_equal(feeds["token_ids"], probes["input."])
    proof = json.loads((exported / "parity.json").read_text())
    assert proof["passed"] and proof["n_texts"] > 20 and proof["largest_difference"]["outputs"] < 1e-4
    assert exported_folder.check(exported) == []


def test_differences_are_those_of_their_examples(exported, run):
    """Prediction orders texts by length, the proof names the texts."""
    from cityzoo.evaluation.evaluated_run import open_evaluated

    subject = open_evaluated(str(run))
    truth = subject.task.modality.read(subject.spec, subject.task).val
    order = subject.task.modality.feeding_order(subject.model, truth, subject.output)
    lengths = [len(truth.examples[row].text.split()) for row in order]
    assert sorted(order) == list(range(len(truth))) and lengths[0] < lengths[-1]


@pytest.mark.parametrize("name", ["exported", "tfidf"])
def test_the_example_script_answers_a_sentence(request, name):
    folder = request.getfixturevalue(name)
    text = "The LAMP is\u202e dark, garbage!"
    words = [sys.executable, folder / "example.py", text]
    answer = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    assert "cityzoo" not in (folder / "example.py").read_text()
    rows = [line.split() for line in answer.stdout.splitlines()[1:]]
    found = {row[0]: float(row[1]) for row in rows if len(row) == 2}
    file, feeds = answers(folder, [text])
    shares = np.exp(file(feeds)[0])
    names = json.loads((folder / "preprocessing.json").read_text())["class_names"]
    assert found == pytest.approx(dict(zip(names, shares / shares.sum(), strict=True)), abs=1e-3)


def test_a_changed_tokenizer_is_noticed(exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / "copy")
    file = folder / "tokenizer.json"
    file.write_text(file.read_text().replace('"lamp"', '"lampe"'))
    assert export.main(["--check", str(folder)]) == 1
    assert exported_folder.check(folder) == ["tokenizer.json is not the file that was exported"]


def test_a_file_is_evaluated_as_its_run(exported, run, tmp_path):
    with (tmp_path / "new.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *sentences(30, 9)])
    words = ["--data", tmp_path / "new.csv", "--split", "all"]
    found = run_evaluate(exported / "model.onnx", *words, "--out", tmp_path / "a")
    wanted = run_evaluate(run, *words, "--out", tmp_path / "b")
    assert found["accuracy"] == wanted["accuracy"]


def test_the_benchmark_counts_the_tokenizer_too(exported, capsys):
    words = [str(exported / "model.onnx"), "--threads", "1", "--rounds", "2"]
    assert benchmark.main(words) == 0
    assert "onnx/model.onnx" in capsys.readouterr().out


def test_int8_keeps_the_last_layers_where_it_must(exported, monkeypatch):
    from cityzoo.export import int8_weights

    source, path = exported / "model.onnx", exported.parent / "int8.onnx"
    (last,), share = int8_weights.last_layers(source)
    assert "head" in last and 0 < share < int8_weights.SMALL
    assert int8_weights._search_onnx(source, path, lambda file: 0.1, 0.8)["layers_in_float"] == [last]
    monkeypatch.setattr(int8_weights, "SMALL", 0.0)
    for scores, kept in (((0.5, 0.9), [last]), ((0.6, 0.5), []), ((0.9,), [])):
        left = list(scores)
        found = int8_weights._search_onnx(source, path, lambda file, left=left: left.pop(0), 0.8)
        assert found["layers_in_float"] == kept and len(found["attempts"]) == len(scores)


@pytest.mark.slow
@pytest.mark.parametrize("fmt", ["onnx", "litert"])
def test_taggers_pass_the_gate_and_their_example_names_words(tmp_path, fmt):
    write_encoder(tmp_path / "encoder")
    for split, count in (("train", 30), ("val", 9)):
        rows = [
            ["jam O", "on O", f"a{n} B-road", "at O", "bridge B-place", split + " O"] for n in range(count)
        ]
        (tmp_path / f"{split}.txt").write_text("\n\n".join("\n".join(row) for row in rows))
    words = ["--task", "event_tag", "--data", tmp_path / "train.txt", "--val", tmp_path / "val.txt"]
    run_train(*words, "--backbone", tmp_path / "encoder", "--epochs", "1", "--out", tmp_path / "run")
    assert export.main([str(tmp_path / "run"), "--format", fmt]) == 0
    script = tmp_path / "run" / "exports" / fmt / "example.py"
    answer = subprocess.run(
        [sys.executable, script, "jam on a9, help"], capture_output=True, text=True, check=True
    )
    assert [line.split()[0] for line in answer.stdout.splitlines()[1:]] == ["jam", "on", "a9", ",", "help"]
