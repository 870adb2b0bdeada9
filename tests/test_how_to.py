"""The how-to pages: their commands are understood, and labels of other tools are read as their page says."""

import argparse
import importlib
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cityzoo import __main__, tasks
from cityzoo.commands.evaluate_flags import evaluation_parser
from cityzoo.commands.train_flags import training_parser

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs" / "how_to").glob("*.md"))
MORE = [ROOT / "docs" / name for name in ("choosing.md", "reproducing.md")]
PROGRAM = re.compile(r"python (train\.py|evaluate\.py|-m cityzoo)( [^`\n]*)?")


class Understood(Exception):
    """The arguments of a command were accepted."""


def commands(text):
    """Yield (program, words) of every command of a page that is written out."""
    for program, words in PROGRAM.findall(text.replace("\\\n", " ")):
        if "..." not in words:
            split = shlex.split(words.split(";")[0] if '"' not in words else words, comments=True)
            yield program, [word for word in split if word != "--help"]


def parse(program, words, monkeypatch):
    """Let a command read its arguments, and stop it there."""

    def parse_only(parser, *given, original=argparse.ArgumentParser.parse_args):
        original(parser, *given)
        raise Understood

    task = words[words.index("--task") + 1] if "--task" in words else "vehicle_detect"
    with pytest.raises(Understood), monkeypatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", parse_only)
        if program == "evaluate.py":
            evaluation_parser(tasks.find(task)).parse_args(words)
        elif program == "train.py":
            training_parser(task).parse_args(words)
        else:
            __main__.main(words)


@pytest.mark.parametrize("page", [*PAGES, *MORE], ids=lambda page: page.stem)
def test_every_command_is_understood(page, monkeypatch):
    found = list(commands(page.read_text()))
    assert found
    for program, words in found:
        parse(program, words, monkeypatch)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_page_says_what_to_see_and_what_to_do(page):
    titles = re.findall(r"^#+ (.+)", page.read_text(), re.MULTILINE)
    assert titles[-1] == "If the result is bad"
    assert len(page.read_text().splitlines()) < 110


def draw(path):
    """Draw an image of 40 x 20 pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((20, 40, 3), np.uint8)).save(path)


def write_keras_retinanet(folder):
    for name in ("a.png", "b.png"):
        draw(folder / name)
    (folder / "annotations.csv").write_text("a.png,4,5,14,15,truck\na.png,20,2,30,12,car\nb.png,,,,,\n")
    (folder / "classes.csv").write_text("truck,0\ncar,1\n")
    return folder / "annotations.csv"


def write_yolo(folder):
    for name in ("a.png", "b.png"):
        draw(folder / "images" / "train" / name)
    labels = folder / "labels" / "train"
    labels.mkdir(parents=True)
    # the first as a polygon, whose bounding box is 4 5 14 15
    (labels / "a.txt").write_text("0 .1 .25 .35 .25 .35 .75 .1 .75\n1 .625 .35 .25 .5\n")
    (folder / "data.yaml").write_text("train: images/train\nnames:\n  0: truck\n  1: car\n")
    return folder / "data.yaml"


def write_tao(folder):
    for name in ("a.png", "b.png"):
        draw(folder / "images" / name)
    (folder / "labels").mkdir()
    rest = "0 0 0 0 0 0 0"
    rows = [f"truck 0 0 0 4 5 14 15 {rest}", f"car 0 0 0 20 2 30 12 {rest}", f"DontCare 0 0 0 0 0 3 3 {rest}"]
    (folder / "labels" / "a.txt").write_text("\n".join(rows) + "\n")
    (folder / "labels" / "b.txt").write_text("")
    return folder


@pytest.mark.parametrize("write", [write_keras_retinanet, write_yolo, write_tao])
def test_labels_of_other_tools_are_read_as_they_are(write, tmp_path):
    """A truck at 4 5 14 15 and a car at 20 2 30 12 in the first image, nothing in the second."""
    module = importlib.import_module("cityzoo.data.image")
    source = str(write(tmp_path))
    data = module.load(source, val=source, progress=False)
    examples = {Path(e.path).name: e for e in data.train.examples}
    names = data.train.class_names
    found = {
        names[label]: box.tolist()
        for label, box in zip(examples["a.png"].labels, examples["a.png"].boxes_xyxy, strict=True)
    }
    assert found == {"truck": [4, 5, 14, 15], "car": [20, 2, 30, 12]}
    assert len(examples["b.png"].labels) == 0
    if write is not write_tao:
        assert names == ("truck", "car")  # the order of the source, not the alphabet's
