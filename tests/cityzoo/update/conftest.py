"""A folder with a plan, a run in service and a served model; its cycles run stand-ins of the slow commands."""

import json
import sys
from pathlib import Path

import pytest
import yaml

from cityzoo import tasks
from cityzoo.commands import models
from cityzoo.update import work
from cityzoo.update.plan import read_plan
from cityzoo.update.updating import update

PROGRAMS = Path(__file__).with_name("programs.py")
PLAN = {
    "run": "runs/road",
    "data": "incoming",
    "min_examples": 3,
    "settle_seconds": 0,
    "drift": {"when": "drift"},
    "select": {"most": 4},
    "train": {"retain": "replay:0.3", "may_lose": "accuracy:0.05", "epochs": 2, "flips": False},
    "promote": {"models": "models", "name": "cars", "canary": 20},
}


class Town:
    """The folder of a plan."""

    def __init__(self, root):
        self.root, self.file = root, root / "plan.yaml"
        self.write_plan()

    def write_plan(self, **changes):
        """Write the plan; None leaves a section out."""
        content = {name: value for name, value in {**PLAN, **changes}.items() if value is not None}
        self.file.write_text(yaml.safe_dump(content))

    def behave(self, **programs):
        """Set what the stand-ins do."""
        (self.root / "behavior.json").write_text(json.dumps(programs))

    def add(self, *names):
        """Let new data arrive; the content is the name."""
        for name in names:
            (self.root / "incoming" / name).parent.mkdir(exist_ok=True)
            (self.root / "incoming" / name).write_bytes(b"\x89PNG\r\n" + name.encode())

    def label(self):
        """Move the folder with labels, as people do."""
        (folder,) = (self.root / "to_label").iterdir()
        (self.root / "labeled").mkdir(exist_ok=True)
        folder.rename(self.root / "labeled" / folder.name)

    def update(self, abandon=False):
        """Start an update."""
        return update(read_plan(self.file), abandon)

    def cycle(self, number=-1):
        """Return cycle.json of one cycle."""
        files = sorted((self.root / "cycles").glob("*/cycle.json"))
        return json.loads(files[number].read_text())

    def starts(self):
        """Return how the trainings of the last cycle were started."""
        (file,) = sorted((self.root / "cycles").glob("*/road-*/starts.txt"))[-1:]
        return file.read_text().splitlines()


@pytest.fixture
def town(tmp_path, monkeypatch):
    """A plan whose commands are stand-ins, a run, and version 1 of its model."""
    monkeypatch.setattr(work, "PYTHON", (sys.executable, str(PROGRAMS)))
    for name in ("incoming", "runs/road", "export"):
        (tmp_path / name).mkdir(parents=True)
    tasks.find("vehicle_classify").make_spec({"task": "vehicle_classify"}).write(
        tmp_path / "runs" / "road" / "spec.json"
    )
    (tmp_path / "export" / "preprocessing.json").write_text('{"task": "vehicle_classify"}')
    (tmp_path / "export" / "parity.json").write_text('{"passed": true}')
    models.main([str(tmp_path / "models"), "add", str(tmp_path / "export"), "--name", "cars"])
    return Town(tmp_path)
