"""The command as cron starts it: wrong plans in one line; and a whole cycle of a tiny run, killed in the middle."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from cityzoo.serve.traffic import Share, read_traffic
from tests.cityzoo.commands.test_drift import write_frames
from tests.cityzoo.modalities.text.test_commands import (
    EPOCHS,
    WORDS,
    sentences,
    train,
    write_data,
    write_table,
)

ROOT = Path(__file__).resolve().parents[3]
FLAGS = "--task vehicle_classify --backbone mobilenet_025 --weights random --image-size 64 --augment none"
PLAN = {
    "run": "runs/street",
    "data": "incoming",
    "settle_seconds": 0,
    "drift": {"when": "drift"},
    "select": {"most": 30},
    "train": {"retain": "replay:0.5", "phases": "closed_form,C5:2", "may_lose": "balanced_accuracy:0.9"},
    "gate": {"min_gain": -0.9},  # a handful of held-out images of a tiny network
    "promote": {"models": "models", "name": "street", "canary": 10},
}


def call(place, *words, wait=True):
    """Run a command in a folder; return its exit code and errors, or the process."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "CITYZOO_HOME": str(place / "home")}
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=place,
        env=env,
        text=True,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    return (process.communicate(timeout=600)[1], process.returncode)[::-1] if wait else process


def test_a_wrong_plan_is_one_line_and_exit_code_2(tmp_path):
    """Without a traceback, from any folder."""
    (tmp_path / "incoming").mkdir()
    (tmp_path / "plan.yaml").write_text("run: nowhere\ndata: incoming\n")
    code, errors = call(tmp_path, "-m", "cityzoo", "update", "plan.yaml")
    assert code == 2 and len(errors.splitlines()) == 1 and "nowhere" in errors


@pytest.fixture
def street(tmp_path):
    """A run of bright streets with its model in service, and new images of dusk."""
    pytest.importorskip("tf2onnx")
    place = tmp_path
    write_frames(place / "old" / "train", 40, 0)
    write_frames(place / "old" / "val", 40, 1)
    write_frames(place / "incoming", 60, 2, light=0.4, label=False)
    words = [*FLAGS.split(), "--phases", "closed_form", "--data", "old", "--out", "runs/street"]
    assert call(place, str(ROOT / "train.py"), *words)[0] == 0
    assert call(place, "-m", "cityzoo", "export", "runs/street", "--out", "export")[0] == 0
    assert call(place, "-m", "cityzoo", "models", "models", "add", "export", "--name", "street")[0] == 0
    (place / "plan.yaml").write_text(yaml.safe_dump(PLAN))
    return place


def read_cycle(place):
    """Return the state of the only cycle."""
    (file,) = (place / "cycles").glob("*/cycle.json")
    return json.loads(file.read_text())


def kill_in_training(place):
    """Start an update, and kill it and its training when a checkpoint is there."""
    process = call(place, "-m", "cityzoo", "update", "plan.yaml", wait=False)
    until = time.monotonic() + 300
    while not list((place / "cycles").glob("*/street-*/checkpoint.npz")):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.02)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for pid in (process.pid, *map(int, children)):
        os.kill(pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.slow
def test_a_whole_cycle_killed_in_its_training(street):
    """Dusk is drift; labels of a person; the training resumes; the new version is a canary of 10 %."""
    assert call(street, "-m", "cityzoo", "update", "plan.yaml")[0] == 0
    (folder,) = (street / "to_label").iterdir()
    rows = list(csv.DictReader((folder / "labels.csv").open()))
    assert len(rows) == 30 and read_cycle(street)["results"]["drift"]
    with (folder / "labels.csv").open("w", newline="") as file:
        names = [(row["path"], "red" if is_red(folder / row["path"]) else "blue") for row in rows]
        csv.writer(file).writerows([("path", "label"), *names])
    (street / "labeled").mkdir()
    folder.rename(street / "labeled" / folder.name)
    kill_in_training(street)
    assert read_cycle(street)["steps"]["train"]["status"] == "running"
    code, errors = call(street, "-m", "cityzoo", "update", "plan.yaml")
    assert code == 0, errors
    found = read_cycle(street)
    assert "--resume" in found["steps"]["train"]["command"] and found["results"]["labeled"] == 30
    assert read_traffic(street / "models" / "street").canary == Share(2, 10)
    (run,) = (street / "cycles").glob("*/street-*")
    report = json.loads((run / "report.json").read_text())
    assert report["lineage"]["runs"] == ["street", run.name]
    assert found["results"]["after"] == report["lineage"]["rows"][run.name]["this"]


def is_red(file):
    """Return whether the vehicle in an image is red."""
    from PIL import Image

    red, _, blue = Image.open(file).convert("RGB").resize((1, 1)).getpixel((0, 0))
    return red > blue


@pytest.mark.slow
def test_a_model_that_forgot_is_refused(tmp_path):
    """Texts with swapped labels, nothing retained: exit code 1, the run in service stays, and nothing is exported."""
    write_data(tmp_path)
    (tmp_path / "incoming").mkdir()
    code, errors = call(tmp_path, str(ROOT / "train.py"), *train("runs/texts", *EPOCHS)[1])
    assert code == 0, errors
    swapped = dict(zip(WORDS, [*list(WORDS)[1:], next(iter(WORDS))], strict=True))
    rows = [(text, swapped[name]) for text, name in sentences(60, 9)]
    write_table(tmp_path / "incoming" / "june.csv", rows)
    settings = {"retain": "none", "phases": "block01:6", "learning_rate": 0.01, "batch_size": 8}
    settings["may_lose"] = "accuracy:0.05"
    plan = {"run": "runs/texts", "data": "incoming", "settle_seconds": 0, "train": settings, "export": None}
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan))
    code, errors = call(tmp_path, "-m", "cityzoo", "update", "plan.yaml")
    assert code == 1, errors
    found = read_cycle(tmp_path)
    assert found["outcome"] == "refused" and found["results"]["reasons"][0].startswith("accuracy lost")
    assert found["results"]["new"] == found["results"]["examples"] == 60
    assert not (tmp_path / "cycles" / "current").exists() and "export" not in found["steps"]
