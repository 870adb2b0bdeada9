"""README and CONTRIBUTING say what is true: flags, names, commands and the code that they show."""

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from cityzoo import tasks
from cityzoo.commands.evaluate_flags import evaluation_parser
from cityzoo.commands.train_flags import training_parser

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def flags_of(parser):
    return {flag for action in parser._actions for flag in action.option_strings}


def test_every_flag_of_the_readme_exists():
    known = set().union(*(flags_of(training_parser(name)) for name in tasks.names()))
    known |= flags_of(evaluation_parser())
    others = {"--cost", "--logdir", "--out", "--format", "--count"}  # of its own task, tensorboard, the demo
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)) <= known | others


def test_every_task_has_a_row():
    assert set(re.findall(r"^\| `(\w+)` \| [a-z]", README, flags=re.MULTILINE)) >= set(tasks.names())


def test_backbones_named_whole_are_in_the_table():
    section = README.split("## Backbones")[1].split("## tensorflow-addons")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([a-z]\w+)`", row.split("|")[1])}
    assert len(named) > 25
    assert named <= set(zoo.names())


def test_ci_runs_the_readmes_test_command():
    command = next(block for block in blocks(README, "bash") if "pytest" in block)
    install, test = command.strip().split(" && ")
    script = (ROOT / ".ci" / "run").read_text()
    assert test == "python -m pytest"
    assert f"\n{test}\n" in script
    assert install.removeprefix("pip install ") in script


def test_no_placeholder_is_left():
    assert "@@" not in README


def test_the_task_of_contributing_is_a_task():
    source = next(block for block in blocks(CONTRIBUTING, "python") if "pothole" in block)
    names = {}
    exec(source, names)
    task = names["TASK"]
    assert task.kind(("pothole",)).class_names == ("pothole",)
    assert set(task.defaults) <= {
        flag.strip("-").replace("-", "_") for flag in flags_of(training_parser("vehicle_detect"))
    }


def test_the_own_task_of_the_readme_trains(tmp_path):
    source = next(block for block in blocks(README, "python") if "WetRoad" in block)
    path = tmp_path / "wet_road.py"
    path.write_text(source)
    rng = np.random.default_rng(0)
    for split, name, level in itertools.product(("train", "val"), ("dry", "wet"), range(6)):
        folder = tmp_path / "roads" / split / name
        folder.mkdir(parents=True, exist_ok=True)
        grey = rng.normal(180 if name == "dry" else 60, 20, (64, 64, 3)).clip(0, 255).astype(np.uint8)
        Image.fromarray(grey).save(folder / f"{level}.png")
    command = [sys.executable, str(ROOT / "train.py"), "--task", str(path), "--data", str(tmp_path / "roads")]
    command += ["--backbone", "mobilenet_025", "--weights", "random", "--image-size", "64", "--cost", "4"]
    command += ["--phases", "solve,C5:1", "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    confusion = report["confusion"]
    missed, alarms = confusion["wet"]["dry"], confusion["dry"]["wet"]
    assert report["cost_per_100"] == pytest.approx(100 * (4 * missed + alarms) / 12)
    assert report["spec"]["options"]["cost"] == 4.0


def test_the_format_of_contributing_read_boxes(tmp_path):
    source = next(block for block in blocks(CONTRIBUTING, "python") if "KITTI" in block)
    names = {}
    exec(source, names)
    for folder in ("image_2", "label_2"):
        (tmp_path / folder).mkdir()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "image_2" / "000001.png")
    (tmp_path / "label_2" / "000001.txt").write_text("Car 0.00 0 1.5 1.0 2.0 5.0 6.0 1.5 1.6 3.9 1 1 9 0.1\n")
    assert names["matches"](str(tmp_path))
    found = names["read"](str(tmp_path))
    assert found.class_names == ("Car",)
    assert found.examples[0].boxes[0].numbers == (1.0, 2.0, 5.0, 6.0)
    assert not names["matches"](str(tmp_path / "image_2"))
