"""The command as people type it: planted errors are listed, nothing is changed, misuse is one line."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from cityzoo.errors import InputError
from cityzoo.evaluation.evaluated_run import EvaluatedRun
from cityzoo.outputs.counting import Counting
from cityzoo.outputs.multilabel import MultiLabelClassification
from cityzoo.selection.suspicious_labels import find_suspicious_labels
from tests.cityzoo.compress.street import COMMAND, SMALL, write_street
from tests.cityzoo.selection.test_selecting import CALLS, STREETS

FLIPPED = (3, 10)  # images whose label is wrong


def _write_lamps(folder):
    """Twenty red and twenty blue images; the labels of two are flipped."""
    folder.mkdir()
    rng, rows = np.random.default_rng(0), []
    for number in range(40):
        pixels = rng.integers(0, 120, (32, 32, 3), dtype=np.uint8)
        pixels[:, :, 2 * (number % 2)] //= 2
        pixels[8:24, 8:24, 2 * (number % 2)] = 200 + number
        Image.fromarray(pixels).save(folder / f"{number}.png")
        kind = (number + (number in FLIPPED)) % 2
        rows.append(f"{number}.png,{('red', 'blue')[kind]}\n")
    (folder / "train.csv").write_text("path,class\n" + "".join(rows[:32]))
    (folder / "val.csv").write_text("path,class\n" + "".join(rows[32:]))


def _write_calls(folder):
    """Calls about lamps and bins; the label of the first is flipped."""
    folder.mkdir()
    rows = [(text.format(street), name) for street in STREETS for name, text in CALLS.items()]
    rows[0] = (rows[0][0], "waste")
    with (folder / "calls.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])


def _check(run, out, *more):
    return COMMAND, ["check-labels", run, "--out", out, *more]


def make_cases():
    """Return the commands: two runs, checks and misuse."""
    head = ["--phases", "closed_form"]
    kinds = ["--task", "vehicle_classify", "--data", "lamps", *SMALL, *head]
    return {
        "kinds": ("train.py", [*kinds, "--out", "kinds"]),
        "calls": (
            "train.py",
            ["--task", "text_intent", "--data", "calls", "--backbone", "tfidf", *head, "--out", "calls_run"],
        ),
        "images": _check("kinds", "images", "--group-by", "example"),
        "texts": _check("calls_run", "texts", "--most", "1", "--folds", "3"),
        "taken": _check("kinds", "images"),
        "few": _check("calls_run", "no", "--folds", "30"),
        "no folds": _check("kinds", "no", "--folds", "0"),
        "no run": _check("lamps", "no"),
    }


@pytest.fixture(scope="module")
def place(as_scripts, tmp_path_factory):
    """A folder with runs and checks, and what each command said: {name: (code, out, err)}."""
    folder = tmp_path_factory.mktemp("place")
    _write_lamps(folder / "lamps")
    _write_calls(folder / "calls")
    return folder, as_scripts(folder, make_cases())


def _rows(folder):
    with (folder / "labels.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_flipped_images_come_first(place):
    """With both classes and a probability; the page and its sheet show them."""
    folder, said = place
    assert said["images"][0] == 0, said["images"]
    rows = _rows(folder / "images")
    assert {row["file"] for row in rows[:2]} == {f"{number}.png" for number in FLIPPED}
    for row in rows[:2]:
        assert row["given"] != row["suggested"] and row["seen"] == "out of fold" and row["box"] == ""
        assert 0.5 < float(row["probability"]) <= 1 and row["reason"].startswith("class:")
    report = json.loads((folder / "images" / "report.json").read_text())
    assert report["checked"] == 40 and report["suspicious"] == len(rows) < 6
    assert (folder / "images" / "suspicious_labels.png").is_file()
    assert "3.png" in (folder / "images" / "report.html").read_text()


def test_flipped_texts_come_first(place):
    """With the text itself; the page has as many as asked for, the table all."""
    folder, said = place
    assert said["texts"][0] == 0, said["texts"]
    first = _rows(folder / "texts")[0]
    assert (first["given"], first["suggested"]) == ("waste", "light") and "oak" in first["text"]
    assert "oak" in (folder / "texts" / "report.html").read_text()
    assert len(json.loads((folder / "texts" / "report.json").read_text())["rows"]) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("taken", "--out"),
        ("few", "--folds"),
        ("no folds", "--folds"),
        ("no run", "lamps"),
    ],
)
def test_misuse_is_one_line(place, name, words):
    """Exit code 2, and nothing is written."""
    folder, said = place
    code, _, error = said[name]
    last = error.strip().splitlines()[-1]
    assert code == 2 and words in last and "Traceback" not in error
    assert not (folder / "no").exists()


@pytest.mark.parametrize("output", [MultiLabelClassification(("fire", "smoke")), Counting(("car",))])
def test_tasks_without_such_labels_are_refused(output):
    """Before anything is read: the line names the run and its task."""
    spec = SimpleNamespace(run=SimpleNamespace(task="this_task"))
    run = EvaluatedRun(Path("runs/1"), spec, None, output, {}, None, Path("runs/1"))
    with pytest.raises(InputError, match=r"runs/1.*this_task"):
        find_suspicious_labels(run, 5, "example", None)


@pytest.mark.slow
def test_boxes_are_judged_out_of_fold(as_scripts, tmp_path):
    """Each image by the model that has not seen it: the folds of training, and the run itself for val."""
    write_street(tmp_path / "street")
    plan = ["--phases", "backbone:1", "--augment", "light", "--views", "1", "--neck-width", "16"]
    given = ["--task", "vehicle_detect", "--data", "street", *SMALL, *plan]
    said = as_scripts(
        tmp_path,
        {
            "run": ("train.py", [*given, "--folds", "2", "--group-by", "example", "--out", "run"]),
            "alone": ("train.py", [*given, "--out", "alone"]),
            "checked": _check("run", "checked", "--score", "0.001"),
            "trained": _check("alone", "trained", "--score", "0.001"),
        },
    )
    assert {name: code for name, (code, _, _) in said.items()} == dict.fromkeys(said, 0), said
    report = json.loads((tmp_path / "checked" / "report.json").read_text())
    assert report["predicted_by"] == {"held out": {"n": 4}, "fold 1/2": {"n": 4}, "fold 2/2": {"n": 4}}
    assert report["boxes"] == 12 and report["suspicious"] == len(_rows(tmp_path / "checked")) > 0
    report = json.loads((tmp_path / "trained" / "report.json").read_text())
    assert report["predicted_by"] == {"held out": {"n": 4}, "in training": {"n": 8}}
    assert "WARNING" in said["trained"][1] + said["trained"][2]
    seen = [row["seen"] for row in _rows(tmp_path / "trained")]
    assert seen == sorted(seen)  # held out comes first
