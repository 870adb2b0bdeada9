"""Image tasks other than detection as commands: demo data, training, evaluation, prediction, and bad input."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cityzoo import demo, tasks

COUNTS = {"train": 8, "val": 6}
SMALL = ["--backbone", "tiny", "--weights", "random", "--image-size", "64", "--batch-size", "4"]
SMALL += ["--views", "1", "--limit", "8"]
TASKS = {  # what is given besides, and the figures that must be there
    "vehicle_classify": (
        ["--phases", "closed_form,C5:1", "--least-px", "24"],
        ("balanced_accuracy", "accuracy"),
    ),
    "incident_classify": (["--freeze", "C5", "--epochs", "2"], ("mean_auroc", "mean_ap")),
    "traffic_state": (
        ["--states", "two", "--jam-count", "8", "--jam-cover", "0.01", "--phases", "closed_form"],
        ("balanced_accuracy", "loss"),
    ),
    "vehicle_count": (["--phases", "backbone:1,C5:2", "--neck-width", "8"], ("mae", "rmse", "bias")),
    "scene_anomaly": (["--memory", "16"], ("image_auroc", "pixel_auroc", "image_ap")),
}
STOPPED = ("incident_classify", "vehicle_count")
# Every day a head that is computed; those that are trained, interrupted and resumed, in the slow suite.
DAILY = ("vehicle_classify",)
EACH_TASK = [pytest.param(name, marks=[pytest.mark.slow] * (name not in DAILY)) for name in TASKS]
EACH_STOPPED = [each for each in EACH_TASK if each.values[0] in STOPPED]


def paint(folder, count, seed):
    """Noise of its own in each image."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for number in range(count):
        pixels = rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with each task's own demo data, and data sets that cannot be used."""
    folder = tmp_path_factory.mktemp("city")
    for name in TASKS:
        demo.write_demo(tasks.find(name).demo(), COUNTS, folder=folder / name)
    for number, (data, classes) in enumerate(
        {
            "hollow": {"train/bus": 3, "train/car": 3, "train/tram": 0, "val/bus": 2, "val/car": 2},
            "alone": {"train/bus": 4, "val/bus": 2},
            "both": {"train/fire+normal": 2, "train/fire": 2, "train/normal": 2, "val/fire": 2},
            "shots": {"train/bus": 2, "train/car": 4, "val/bus": 2, "val/car": 2},
            "strange": {"train/person": 3, "train/animal": 3, "val/normal": 2, "val/person": 2},
        }.items()
    ):
        for more, (name, count) in enumerate(classes.items()):
            paint(folder / data / name, count, 100 * number + more)
    paint(folder / "copies" / "train" / "bus", 3, 900)
    paint(folder / "copies" / "train" / "car", 3, 900)  # the same bytes
    paint(folder / "copies" / "val" / "car", 2, 901)
    paint(folder / "frames" / "night", 1, 950)
    paint(folder / "few", 2, 951)
    Image.new("RGB", (100, 60), (9, 40, 80)).save(folder / "frames" / "a.png")
    return folder


@pytest.fixture(scope="module")
def answers(place, as_scripts, request):
    """Exit code, output and errors of each command."""
    cases = {}
    own = [item for item in request.session.items if item.path == request.path and hasattr(item, "callspec")]
    wanted = {item.callspec.params.get("name") for item in own}
    for name, (more, _) in TASKS.items():
        if name not in wanted:
            continue
        words = ["--task", name, "--data", name, "--out", f"run_{name}", *SMALL, *more]
        stop = [f"run_{name}/checkpoint.npz"] if name in STOPPED else []
        cases[f"train {name}"] = ("train.py", words, *stop)
        if stop:
            cases[f"resume {name}"] = ("train.py", ["--resume", f"run_{name}"])
        cases[f"evaluate {name}"] = (
            "evaluate.py",
            [f"run_{name}", "--data", name, "--split", "val", "--json"],
        )
        cases[f"predict {name}"] = (
            "evaluate.py",
            [f"run_{name}", "--predict", "frames", "--out", f"seen_{name}"],
        )
    for name, (words, _) in WRONG.items():
        cases[name] = ("train.py", [*words, "--out", "new", *SMALL])
    return as_scripts(place, cases)


WRONG = {
    "a class without images": (
        ["--task", "vehicle_classify", "--data", "hollow"],
        "no image of the class tram in the train split of 'hollow'",
    ),
    "one class": (
        ["--task", "vehicle_classify", "--data", "alone"],
        "(bus)",
    ),
    "fire and normal": (
        ["--task", "incident_classify", "--data", "both"],
        "contradictory labels fire+normal",
    ),
    "copies of two classes": (
        ["--task", "vehicle_classify", "--data", "copies"],
        "images with contradictory labels: ",
    ),
    "too many shots": (
        ["--task", "vehicle_classify", "--data", "shots", "--shots", "3"],
        "'bus' has 2",
    ),
    "no normal frames": (
        ["--task", "scene_anomaly", "--data", "strange"],
        "'strange' has no normal frames to learn from (classes: ",
    ),
    "training a memory": (
        ["--task", "scene_anomaly", "--data", "scene_anomaly", "--phases", "backbone:1"],
        "remove --phases",
    ),
    "class means of incidents": (
        ["--task", "incident_classify", "--data", "incident_classify", "--head", "cosine"],
        "this task needs --head linear",
    ),
    "too few unlabelled": (
        ["--task", "traffic_state", "--data", "shots", "--unlabelled", "few"],
        "--unlabelled 'few' holds 2 images, less than a batch of 4",
    ),
    "unlabelled crowds": (
        ["--task", "vehicle_count", "--data", "vehicle_count", "--unlabelled", "frames"],
        "--unlabelled supports single-label classification and detection only",
    ),
    "a stage that is none": (
        ["--task", "vehicle_classify", "--data", "shots", "--phases", "closed_form,C9:1"],
        "'C9'",
    ),
    "no head to compute": (
        ["--task", "vehicle_count", "--data", "vehicle_count", "--phases", "closed_form"],
        "remove closed_form from --phases",
    ),
    "boxes alone wanted": (
        ["--task", "vehicle_detect", "--data", "shots"],
        "labels of whole images but no boxes",
    ),
}


@pytest.mark.parametrize("name", EACH_STOPPED)
def test_ctrl_c_keeps_finished_epochs(answers, name):
    """One line that says how to go on; then it does, to the end."""
    code, _, said = answers[f"train {name}"]
    assert code == 2 and "Traceback" not in said
    assert said.splitlines()[-1].endswith(f"python train.py --resume run_{name}"), said[-2000:]
    code, _, said = answers[f"resume {name}"]
    assert code == 0, said[-2000:]


@pytest.mark.parametrize("name", EACH_TASK)
def test_a_run_leaves_its_figures(answers, place, name):
    """Those of the task, as numbers; where they come from; as many rows of history as epochs."""
    code, _, said = answers[f"train {name}"]
    assert code == (2 if name in STOPPED else 0), said[-3000:]
    folder = place / f"run_{name}"
    report = json.loads((folder / "report.json").read_text())
    for key in TASKS[name][1]:
        assert isinstance(report[key], float), key
    assert (report["task"], report["split"], report["data"]) == (name, "val", name)
    epochs = sum(phase["epochs"] for phase in report["spec"]["plan"])
    rows = (folder / "history.csv").read_text().splitlines()
    assert len(rows) == 1 + epochs and report["epochs"] == epochs
    assert {"model.keras", "last.keras", "predictions.csv", "logs"} <= {
        file.name for file in folder.iterdir()
    }
    said_last = answers[f"resume {name}" if name in STOPPED else f"train {name}"][2]
    key = TASKS[name][1][0]
    assert f"{key} {report[key]:.3f}" in said_last


@pytest.mark.parametrize("name", EACH_TASK)
def test_the_page_stands_alone(answers, place, name):
    """Nothing from outside, and the first figure is on it."""
    page = (place / f"run_{name}" / "report.html").read_text()
    report = json.loads((place / f"run_{name}" / "report.json").read_text())
    assert not re.search(r"https?:|//\w|<script|<link|@import|<iframe", re.sub(r"base64,[^\"']*", "", page))
    assert f"{report[TASKS[name][1][0]]:.3f}" in page


@pytest.mark.parametrize("name", EACH_TASK)
def test_judging_again_gives_the_same_figures(answers, place, name):
    """On the same held-out images, named by --data; what the run knew of its training is remembered."""
    code, out, said = answers[f"evaluate {name}"]
    assert code == 0, said[-3000:]
    again = json.loads(out.splitlines()[-1])
    report = json.loads((place / f"run_{name}" / "report.json").read_text())
    assert again["n_images"] == report["n_images"]
    for key in TASKS[name][1]:
        assert again[key] == report[key], key
    for key in ("per_class", "confusion", "alarm", "alarms", "r2"):
        assert again.get(key) == report.get(key), key


@pytest.mark.parametrize("name", EACH_TASK)
def test_looking_at_new_images_writes_them_and_what_was_seen(answers, place, name):
    """An entry and an annotated copy for each, in its folder, with a line of words beside it."""
    code, _, said = answers[f"predict {name}"]
    assert code == 0, said[-3000:]
    folder = place / f"seen_{name}"
    drawn = {str(file.relative_to(folder / "images")) for file in folder.rglob("*.jpg")}
    assert drawn == {"a.png.jpg", "night/0.png.jpg"}
    document = json.loads((folder / "predictions.json").read_text())
    assert {Path(path).name for path in document} == {"a.png", "0.png"}
    for entry in document.values():
        if name == "vehicle_count":
            assert entry >= 0
        elif name == "scene_anomaly":
            assert entry["score"] > 0 and entry["alarm"] in (True, False)
        else:
            shares = [value for value in entry.values() if not isinstance(value, list)]
            assert all(0 <= share <= 1 for share in shares)
            if name != "incident_classify":
                assert sum(shares) == pytest.approx(1, abs=1e-3)
    with Image.open(folder / "images" / "a.png.jpg") as copy:
        assert copy.width >= 100 and copy.height > 60  # a line of words stands below or above


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_line_and_code_2(answers, place, name):
    """It says what was received; no traceback, nothing left behind."""
    code, _, said = answers[name]
    assert code == 2, (code, said[-2000:])
    assert "Traceback" not in said
    last = said.rstrip("\n").splitlines()[-1]
    assert last.startswith("train.py: error: ") and WRONG[name][1] in last, said[-2000:]
    assert not (place / "new").exists()
