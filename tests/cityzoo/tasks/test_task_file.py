"""A user's own task in a file elsewhere: its flag in --help, a trained run, errors with the file's own line."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from cityzoo import tasks
from cityzoo.errors import InputError
from cityzoo.spec import RunFlags
from cityzoo.spec_file import read_spec

MINE = '''"""Tell dry roads from wet ones; a wet one that is missed costs more."""

from dataclasses import dataclass

import keras

from cityzoo.cli import flag
from cityzoo.cli.values import parse_number
from cityzoo.data.image import read_image_labels
from cityzoo.modalities.image import IMAGE
from cityzoo.outputs.classification import Classification
from cityzoo.tasks import Task


@keras.saving.register_keras_serializable(package="mine")
class Costly(keras.losses.Loss):
    """Binary cross-entropy; a wet road counts `cost` times."""

    def __init__(self, cost=3.0, **about):
        super().__init__(**about)
        self.cost = cost

    def call(self, y_true, y_pred):
        wet = y_true[:, 1]
        loss = keras.ops.binary_crossentropy(wet, y_pred[:, 0], from_logits=True)
        return loss * (1.0 + (self.cost - 1.0) * wet)

    def get_config(self):
        return {**super().get_config(), "cost": self.cost}


@dataclass(frozen=True)
class WetRoad(Classification):
    """Evaluated by what mistakes cost."""

    cost: float = flag(3.0, "what a missed wet road costs", parse_number, "FACTOR")
    primary_metrics = ("cost_per_100", *Classification.primary_metrics)
    lower_is_better = ("cost_per_100", *Classification.lower_is_better)

    def loss(self, size_hw):
        return Costly(self.cost)

    def metrics(self, truth, results):
        missed = sum(p.target[1] == 1 and r[1] < 0.5 for p, r in zip(truth.examples, results))
        alarms = sum(p.target[1] == 0 and r[1] >= 0.5 for p, r in zip(truth.examples, results))
        figures = super().metrics(truth, results)
        figures["cost_per_100"] = float(100 * (self.cost * missed + alarms) / len(truth))
        return {**figures, "missed": int(missed), "alarms": int(alarms)}


TASK = Task(
    summary="wet or dry road",
    modality=IMAGE,
    output=WetRoad,
    demo=None,
    monitor="cost_per_100",
    defaults={"image_size": (64, 64), "augment": "light", "cost": 4.0},
    reader=read_image_labels,
)
'''
SMALL = ["--backbone", "tiny", "--weights", "random", "--batch-size", "4", "--views", "1"]
SMALL += ["--phases", "backbone:1,C5:1"]
BROKEN = {
    "gone": (None, "task file '{path}' does not exist: give the name of a task or the path of its file"),
    "syntax": (
        "x = 1\nTASK = Task(summary='a' kind=None)\n",
        "{path}:2: SyntaxError: invalid syntax. Perhaps you forgot a comma",
    ),
    "raises": (
        "import math\n\n\ndef root(x):\n    return math.sqrt(x)\n\n\nTASK = root(-1)\n",
        "{path}:5: ValueError: math domain error: return math.sqrt(x)",
    ),
    "imports": (
        "from cityzoo.tasks import Task\nimport no_such_package\n",
        "{path}:2: ModuleNotFoundError: No module named 'no_such_package': import no_such_package",
    ),
    "default": (
        MINE.replace('"cost": 4.0', '"costs": 4.0'),
        "ValueError: task defaults name no flag 'costs': allowed are ",
    ),
    "twice": (
        MINE.replace("    cost: float = flag(3.0", "    seed: int = flag(3").replace(
            '"cost": 4.0', '"seed": 4'
        ),
        "ValueError: two sections of this task declare the flag 'seed': rename one of them",
    ),
    "modality": (
        MINE.replace("    modality=IMAGE,\n", ""),
        "TypeError: Task.__init__() missing 1 required positional argument: 'modality'",
    ),
    "nothing": ("x = 1\n", "task file '{path}' holds no TASK = Task(...): see 'Your own task' in the README"),
    "class": (
        "from cityzoo.tasks import Task\n\nTASK = Task\n",
        "task file '{path}' holds no TASK = Task(...)",
    ),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the task, others that are broken, and roads: wet ones are blue."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "plans").mkdir()
    (folder / "plans" / "wet_road.py").write_text(MINE)
    for name, (text, _) in BROKEN.items():
        if text is not None:
            (folder / "plans" / f"{name}.py").write_text(text)
    rng = np.random.default_rng(0)
    for split, count in (("train", 6), ("val", 3)):
        for label, name in enumerate(("dry", "wet")):
            (folder / "roads" / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 120, (64, 64, 3), dtype=np.uint8)
                pixels[..., 2] += 120 * label
                Image.fromarray(pixels).save(folder / "roads" / split / name / f"{number}.png")
    (folder / "work").mkdir()
    return folder


@pytest.fixture(scope="module")
def answers(place, as_scripts):
    """Exit code, output and errors of each command: a training called from another folder than the task's, its
    evaluation from a third one, --help, each broken file, and misuse of a whole one."""
    words = ["--task", "../plans/wet_road.py", "--data", "../roads", "--cost", "5", "--out", "../run", *SMALL]
    cases = {"train": ("train.py", words, None, "work")}
    cases |= {name: ("train.py", ["--task", f"plans/{name}.py"]) for name in BROKEN}
    cases["help"] = ("train.py", ["--task", "plans/wet_road.py", "--help"])
    cases["evaluate"] = (
        "evaluate.py",
        ["run", "--data", "roads", "--split", "val", "--out", "again", "--json"],
    )
    mine = ["--task", "plans/wet_road.py", "--data", "roads", "--out", "new", *SMALL]
    cases["no demo"] = ("train.py", ["--task", "plans/wet_road.py", "--out", "new", *SMALL])
    cases["bad value"] = ("train.py", [*mine, "--cost", "dear"])
    cases["near miss"] = ("train.py", [*mine, "--csot", "3"])
    cases["of a detector"] = ("train.py", [*mine, "--neck-width", "3"])
    return as_scripts(place, cases)


@pytest.fixture(scope="module")
def trained(place, answers):
    """The report of the short training."""
    code, _, errors = answers["train"]
    assert code == 0, errors[-3000:]
    return json.loads((place / "run" / "report.json").read_text()), errors


def test_it_is_trained_and_judged_by_its_own_loss_and_metric(trained, place):
    """The cost by hand from the report's own counts, at 5 a miss; it is what chooses the best epoch."""
    report, said = trained
    assert report["cost_per_100"] == pytest.approx(100 * (5 * report["missed"] + report["alarms"]) / 6)
    assert report["n_images"] == 6 and f"cost_per_100 {report['cost_per_100']:.3f}" in said
    header = (place / "run" / "history.csv").read_text().splitlines()[0].split(",")
    assert "val_cost_per_100" in header and "val_balanced_accuracy" in header
    spec = read_spec(place / "run" / "spec.json")
    assert spec.output["cost"] == 5.0 and spec.modality.image_size == (64, 64)
    assert spec.run.task == str(place / "plans" / "wet_road.py")
    page = (place / "run" / "report.html").read_text()
    assert "cost per 100" in page and not re.search(r"https?:|<script|<link", page)


def test_a_missed_wet_road_costs_more_in_training(place):
    """Log 2 at no knowledge, five times that where it is wet."""
    output = tasks.find(str(place / "plans" / "wet_road.py")).output_for(("dry", "wet"), {"cost": 5.0})
    each = output.loss((64, 64)).call(np.eye(2, dtype="float32"), np.zeros((2, 1), "float32"))
    assert np.asarray(each) == pytest.approx([np.log(2), 5 * np.log(2)], rel=1e-5)
    usual = tasks.find(str(place / "plans" / "wet_road.py")).output_for(("dry", "wet"))
    assert usual.cost == 4.0


def test_a_run_is_named_after_the_file(place):
    """Not after its folder."""
    assert RunFlags(task="../plans/wet_road.py").task_name == "wet_road"
    assert tasks.find(str(place / "plans" / "wet_road.py")) is tasks.find(
        str(place / "plans" / "wet_road.py")
    )


def test_its_flag_and_defaults_are_in_help(answers):
    """As those of cityzoo's own tasks; no line besides."""
    code, out, said = answers["help"]
    assert (code, said) == (0, "")
    page = " ".join(out.split())
    assert "Task wet_road: wet or dry road." in page and "output of wet_road:" in page
    assert "--cost FACTOR what a missed wet road costs (default: 4.0)" in page
    assert "--pooling" in page and "(default: 64x64)" in page


def test_evaluate_gives_the_same_figures(answers, trained):
    """It finds the task again, though it is called from another folder, and the loss is not needed for it."""
    code, out, said = answers["evaluate"]
    assert code == 0, said[-3000:]
    again = json.loads(out.splitlines()[-1])
    for name in ("cost_per_100", "missed", "alarms", "balanced_accuracy", "loss", "confusion"):
        assert again[name] == trained[0][name], name


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_one_line_with_its_own_line(answers, place, name):
    """Number and text of the line in the file; exit code 2, no traceback."""
    code, out, said = answers[name]
    assert (code, out) == (2, ""), said[-2000:]
    assert said.count("\n") == 1 and said.startswith("train.py: error: "), said
    assert "Traceback" not in said
    expected = BROKEN[name][1]
    paths = (f"plans/{name}.py", str(place / "plans" / f"{name}.py"))
    assert any(expected.format(path=path) in said for path in paths), said


def test_the_line_of_a_syntax_error_is_shown(answers):
    """As it stands in the file."""
    assert answers["syntax"][2].rstrip().endswith("TASK = Task(summary='a' kind=None)")
    assert re.search(r"default\.py:\d+: ValueError", answers["default"][2])
    number = int(re.search(r"default\.py:(\d+):", answers["default"][2])[1])
    lines = BROKEN["default"][0].splitlines()
    first = lines.index("TASK = Task(") + 1
    assert first <= number <= len(lines)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("no demo", "has no demo data: give --data"),
        ("bad value", "argument --cost: 'dear' is not a value: give a number of 0 or more"),
        ("near miss", "unknown flag '--csot': did you mean '--cost'?"),
        (
            "of a detector",
            "--neck-width does not apply to task 'wet_road'; tasks that have it: vehicle_count",
        ),
    ],
)
def test_misuse_of_a_whole_one_is_one_line(answers, place, name, expected):
    """As with other tasks; nothing is left behind."""
    code, _, said = answers[name]
    assert code == 2 and "Traceback" not in said
    assert expected in said.splitlines()[-1], said
    assert not (place / "new").exists()


def test_a_second_file_of_the_same_name_is_another_task(place, tmp_path):
    """In another folder; a failed one is not remembered."""
    other = tmp_path / "wet_road.py"
    other.write_text(MINE.replace("wet or dry road", "another"))
    assert tasks.find(str(other)).summary == "another"
    assert tasks.find(str(place / "plans" / "wet_road.py")).summary == "wet or dry road"
    broken = tmp_path / "mended.py"
    broken.write_text("1 / 0\n")
    with pytest.raises(InputError, match="mended.py:1: ZeroDivisionError: division by zero: 1 / 0"):
        tasks.find(str(broken))
    broken.write_text(MINE)
    assert tasks.find(str(broken)).monitor == "cost_per_100"
