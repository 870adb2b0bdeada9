"""The command as people type it: one run per modality, what it writes, what training makes of that, misuse."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from tests.cityzoo.compress.street import COMMAND, SMALL, write_street

CALLS = {"light": "the street lamp on {} street is broken", "waste": "my bin on {} street was not emptied"}
STREETS = (
    "oak",
    "elm",
    "pine",
    "lake",
    "hill",
    "mill",
    "king",
    "high",
    "park",
    "west",
    "north",
    "church",
    "bridge",
)


def _write_frames(folder):
    """Six images that differ, a copy of one of them, and a file that is no image."""
    folder.mkdir()
    rng = np.random.default_rng(9)
    for number in range(6):
        pixels = np.kron(rng.integers(0, 250, (8, 8, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8))
        Image.fromarray(pixels).save(folder / f"{number}.png")
    (folder / "again.png").write_bytes((folder / "5.png").read_bytes())
    (folder / "broken.png").write_bytes(b"no image")


def _write_calls(folder):
    folder.mkdir()
    rows = [("text", "label")] + [(text.format(s), name) for s in STREETS for name, text in CALLS.items()]
    with (folder / "calls.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    lines = [f"{'lamp' if n % 2 else 'bin'} number {n} near the {s} square" for n, s in enumerate(STREETS)]
    (folder.parent / "new.txt").write_text("\n".join(lines))


def _select(run, data, out, *more):
    return COMMAND, ["select", run, "--data", data, "--out", out, *more]


def make_box_cases():
    """Return the commands of a detector: its training, selections, and training on what was selected."""
    plan = ["--phases", "backbone:1", "--augment", "light", "--views", "1"]
    street = ["--data", "street", *SMALL]
    small = [*SMALL, *plan]
    return {
        "boxes": (
            "train.py",
            ["--task", "vehicle_detect", *street, *plan, "--neck-width", "16", "--out", "boxes"],
        ),
        "yolo": _select("boxes", "frames", "yolo", "--most", "4", "--score", "0.001"),
        "coco": _select("boxes", "frames", "coco", "--most", "4", "--labels", "coco", "--score", "0.001"),
        "cvat": _select("boxes", "frames", "cvat", "--most", "99", "--labels", "cvat", "--score", "0.001"),
        "trained": (
            "train.py",
            ["--task", "vehicle_detect", "--data", "yolo", *small, "--neck-width", "16", "--out", "t"],
        ),
    }


def make_cases():
    """Return the commands: two runs, selections and misuse."""
    return {
        "kinds": (
            "train.py",
            [
                "--task",
                "vehicle_classify",
                "--data",
                "street",
                *SMALL,
                "--phases",
                "closed_form",
                "--out",
                "kinds",
            ],
        ),
        "calls": (
            "train.py",
            ["--task", "text_intent", "--data", "calls", "--backbone", "tfidf", "--out", "calls_run"],
        ),
        "csv": _select("kinds", "frames", "csv", "--most", "3"),
        "texts": _select("calls_run", "new.txt", "texts", "--most", "5", "--no-simulation"),
        "taken": _select("kinds", "frames", "csv"),
        "none": _select("kinds", "frames", "no", "--most", "0"),
        "known": _select("kinds", "street/0.png", "no"),
        "modality": _select("calls_run", "frames", "no"),
        "unreadable": _select("kinds", "junk", "no"),
        "layout": _select("kinds", "frames", "no", "--labels", "yolo"),
        "no run": _select("frames", "frames", "no"),
    }


@pytest.fixture(scope="module")
def place(as_scripts, tmp_path_factory):
    """A folder with runs and selections, and what each command said: {name: (code, out, err)}."""
    folder = tmp_path_factory.mktemp("place")
    write_street(folder / "street")
    _write_frames(folder / "frames")
    _write_calls(folder / "calls")
    (folder / "junk").mkdir()
    (folder / "junk" / "a.png").write_bytes(b"no image")
    return folder, as_scripts(folder, make_cases())


@pytest.fixture(scope="module")
def boxes(as_scripts, tmp_path_factory):
    """The same of a detector."""
    folder = tmp_path_factory.mktemp("boxes")
    write_street(folder / "street")
    _write_frames(folder / "frames")
    return folder, as_scripts(folder, make_box_cases())


def _why(folder):
    with (folder / "why.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_images_are_copied_with_boxes(boxes):
    """The same bytes under their own names, ranked; the copy of a chosen image is left out."""
    folder, said = boxes
    for name in ("yolo", "coco", "cvat"):
        assert said[name][0] == 0, said[name]
        rows = _why(folder / name)
        assert [row["rank"] for row in rows] == [str(n) for n in range(1, len(rows) + 1)]
        for row in rows:
            (copy,) = (folder / name).rglob(row["file"])
            assert copy.read_bytes() == (folder / "frames" / row["file"]).read_bytes()
    rows = _why(folder / "cvat")
    report = json.loads((folder / "cvat" / "report.json").read_text())
    assert report["chosen"] == len(rows) == 6 and report["duplicates"] == 1 and report["candidates"] == 7
    assert {"5.png", "again.png"} - {row["file"] for row in rows}
    assert (folder / "cvat" / "contact_sheet.png").is_file()
    assert len(list((folder / "frames").iterdir())) == 8


@pytest.mark.slow
def test_what_was_selected_can_be_trained_on(boxes):
    """As it is: labels that the model predicted."""
    _, said = boxes
    assert said["trained"][0] == 0, said["trained"]


def test_classes_and_texts_are_tables(place):
    """With the predicted label of each; the simulation's verdict is the exit code."""
    folder, said = place
    with (folder / "csv" / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 and {row["label"] for row in rows} <= {"bus", "car"}
    found = json.loads((folder / "csv" / "report.json").read_text())["simulation"]
    assert said["csv"][0] == (0 if found["is_better"] else 1)
    assert said["texts"][0] == 0, said["texts"]
    with (folder / "texts" / "texts.csv").open() as file:
        texts = list(csv.DictReader(file))
    lines = (folder / "new.txt").read_text().splitlines()
    assert len(texts) == 5 and {row["text"] for row in texts} <= set(lines)
    assert {row["label"] for row in texts} <= set(CALLS)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("taken", "--out"),
        ("none", "whole number of 1 or more"),
        ("known", "near duplicates"),
        ("modality", "frames"),
        ("unreadable", "junk"),
        ("layout", "csv"),
        ("no run", "frames"),
    ],
)
def test_misuse_is_one_line(place, name, words):
    """Exit code 2, and nothing is written."""
    folder, said = place
    code, _, error = said[name]
    last = error.strip().splitlines()[-1]
    assert code == 2 and words in last and "Traceback" not in error
    assert not (folder / "no").exists()
