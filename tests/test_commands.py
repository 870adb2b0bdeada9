"""The two commands as people type them: a run that is interrupted and resumed, evaluated, used, and misused."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
SMALL = ["--backbone", "tiny", "--weights", "random", "--image-size", "64", "--batch-size", "4"]
FLAGS = [*SMALL, "--augment", "light", "--views", "1", "--phases", "backbone:1,C5:1", "--neck-width", "16"]
FIGURES = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large")
RECALLS = ("AR1", "AR10", "AR100", "AR_small", "AR_medium", "AR_large")


def write_csv(folder, names, sizes_hw, train):
    """Dark images with a bright rectangle, the first `train` of them for training; names go round."""
    folder.mkdir(parents=True)
    rng, rows = np.random.default_rng(len(sizes_hw)), []
    for i, (height, width) in enumerate(sizes_hw):
        pixels = rng.integers(0, 60, (height, width, 3), dtype=np.uint8)
        (x, y), (w, h) = rng.integers(2, 20, 2), rng.integers(16, 40, 2)
        pixels[y : y + h, x : x + w, 2 * (i % 2)] = 250
        Image.fromarray(pixels).save(folder / f"{i}.png")
        box = x, y, min(x + w, width), min(y + h, height)
        rows.append(f"{i}.png,{','.join(map(str, box))},{names[i % len(names)]}\n")
    (folder / "train.csv").write_text("".join(rows[:train]))
    (folder / "val.csv").write_text("".join(rows[train:]))
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with data sets, good and bad ones."""
    folder = tmp_path_factory.mktemp("place")
    write_csv(folder / "street", ("car", "bus"), [(64, 64)] * 12, 8)
    write_csv(folder / "other", ("bus",), [(96, 64), (64, 128), (80, 80)], 1)
    write_csv(folder / "zebras", ("zebra", "car"), [(64, 64)] * 4, 2)
    corrupt = write_csv(folder / "corrupt", ("car",), [(64, 64)] * 6, 4)
    (corrupt / "1.png").write_bytes((corrupt / "1.png").read_bytes()[:200])
    (folder / "frames" / "night").mkdir(parents=True)
    for i, name in enumerate(("a.png", "b.png", "night/c.jpg")):
        Image.new("RGB", (100 + 20 * i, 60), (9 * i, 40, 80)).save(folder / "frames" / name)
    shutil.copytree(folder / "frames" / "night", folder / "bare")
    for name in ("car", "bus"):
        (folder / "sorted" / name).mkdir(parents=True)
        Image.new("RGB", (60, 60), (9, 40, 80)).save(folder / "sorted" / name / f"{name}.png")
    (folder / "nothing").mkdir()
    (folder / "weights.h5").write_bytes(b"no weights")
    return folder


@pytest.fixture(scope="module")
def interrupted(place, as_scripts):
    """A training that got Ctrl-C as soon as its first epoch was saved: exit code and what it said."""
    words = [*FLAGS, "--data", "street", "--out", "run"]
    cases = {"train": ("train.py", words, "run/checkpoint.npz")}
    code, _, said = as_scripts(place, cases)["train"]
    return code, said, sorted(file.name for file in (place / "run").iterdir())


def test_ctrl_c_keeps_finished_epochs_and_says_how_to_go_on(interrupted):
    """Exit code 2, one line at the end, no traceback; model and checkpoint of the first epoch are there."""
    code, said, files = interrupted
    assert code == 2, said
    assert said.splitlines()[-1] == (
        "train.py: error: interrupted. Finished epochs are saved; resume with: python train.py --resume run"
    )
    assert "Traceback" not in said
    assert {"checkpoint.npz", "model.keras", "history.csv", "spec.json"} <= set(files)
    assert not any(name.endswith((".part", ".partial")) or name.startswith(".") for name in files)


def test_a_run_leaves_what_is_promised(trained):
    """Two models, figures, curves, images, COCO files; nothing half-written and no features."""
    folder, said = trained
    files = {file.name for file in folder.iterdir()}
    promised = (
        "spec.json model.keras last.keras history.csv report.json report.html logs detections.json truth.json"
    )
    assert set(promised.split()) <= files
    assert files & {"best.png", "worst.png", "missed.png"}
    assert "features" not in files
    assert not any(name.endswith((".part", ".partial")) or name.startswith(".") for name in files)
    history = (folder / "history.csv").read_text().splitlines()
    assert history[0].startswith("epoch,phase,") and len(history) == 3
    assert any((folder / "logs").rglob("*tfevents*"))
    assert "<html" in (folder / "report.html").read_text()
    assert "RANDOM" in said and "report: " in said
    assert said.count("data: street (") == 1  # findings are logged once


def test_exported_files_name_images_within_the_data_and_no_local_path(trained, place):
    """They are passed on to others."""
    folder, _ = trained
    images = json.loads((folder / "truth.json").read_text())["images"]
    assert [image["file_name"] for image in images] == [f"{number}.png" for number in range(8, 12)]
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert [file.name for file in files if str(place).encode() in file.read_bytes()] == []


def test_the_report_says_where_its_numbers_come_from(trained):
    """Figures, data, weights, parameters, device, versions and spec."""
    report = json.loads((trained[0] / "report.json").read_text())
    assert set(FIGURES) | set(RECALLS) <= report.keys()
    assert (report["split"], report["n_images"], report["n_boxes"], report["seed"]) == ("val", 4, 4, 0)
    assert report["per_class"].keys() == {"car", "bus"}
    assert report["before"]["AP"] is not None
    assert report["weights"]["kind"] == "random"
    assert report["parameters"]["trainable"] + report["parameters"]["frozen"] == report["parameters"]["total"]
    assert report["epochs"] == 2
    assert report["seconds"]["total"] > 0
    assert report["images_per_second"] > 0 and report["latency_ms"]["batch_1_median"] > 0
    assert report["device"] and {"tensorflow", "keras", "python"} <= report["versions"].keys()
    assert report["spec"]["modality"]["image_size"] == [64, 64]
    assert [phase["freeze"] for phase in report["spec"]["plan"]] == ["backbone", "C5"]
    assert report["findings"]["splits"]["train"]["images"] == 8


def assert_pycocotools_agrees(folder):
    """Judge a folder's exported files by COCO's own code."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    report = json.loads((folder / "report.json").read_text())
    truth = COCO(str(folder / "truth.json"))
    judged = COCOeval(truth, truth.loadRes(str(folder / "detections.json")), "bbox")
    judged.evaluate()
    judged.accumulate()
    judged.summarize()
    for name, value in zip((*FIGURES, *RECALLS), judged.stats, strict=True):
        assert (-1 if report[name] is None else report[name]) == pytest.approx(value, abs=1e-6), name


def test_the_exported_files_give_cocos_own_numbers(trained):
    """To 1e-6, all twelve."""
    assert_pycocotools_agrees(trained[0])


NEW = [*FLAGS, "--out", "new"]
WRONG = {
    "unknown flag": ("train.py", ["--bakbone", "vgg16"], "did you mean '--backbone'"),
    "unknown backbone": ("train.py", ["--backbone", "mobilnet_025"], "did you mean 'mobilenet_025'"),
    "unknown task": ("train.py", ["--task", "vehicle_detec"], "did you mean 'vehicle_detect'"),
    "bad size": ("train.py", ["--image-size", "65"], "multiples of 32, e.g. 64x64"),
    "existing out": ("train.py", ["--data", "street", "--out", "street"], "'street' exists"),
    "no data": ("train.py", [*NEW, "--data", "gone"], "'gone' does not exist"),
    "empty data": ("train.py", [*NEW, "--data", "nothing"], "nothing"),
    "no val": ("train.py", [*NEW, "--data", "street", "--val", "gone"], "'gone' does not exist"),
    "unknown class": ("train.py", [*NEW, "--data", "street", "--classes", "car,lorry"], "lorry"),
    "corrupt image": ("train.py", [*NEW, "--data", "corrupt"], "1.png"),
    "broken weights": ("train.py", [*NEW, "--data", "street", "--weights", "weights.h5"], "weights.h5"),
    "weights of another": (
        "train.py",
        [*NEW, "--data", "street", "--weights", "small.weights.h5"],
        "not of tiny",
    ),
    "model of another": (
        "train.py",
        [*NEW, "--data", "street", "--backbone", "tiny_wide", "--weights", "run/model.keras"],
        "of the same --backbone",
    ),
    "no such stage": ("train.py", [*NEW, "--data", "street", "--phases", "backbone:1,C9:1"], "'C9'"),
    "freeze nonsense": (
        "train.py",
        ["--out", "new", "--data", "street", "--freeze", "everything"],
        "'everything'",
    ),
    "two plans": (
        "train.py",
        [*NEW, "--data", "street", "--freeze", "C3"],
        "--phases cannot be combined",
    ),
    "resume what is none": ("train.py", ["--resume", "street"], "'street' is not a run folder"),
    "resume otherwise": ("train.py", ["--resume", "run", "--seed", "3"], "--seed cannot be changed"),
    "no run": ("evaluate.py", ["street"], "'street' is not a run folder"),
    "no folder": ("evaluate.py", ["gone"], "'gone' does not exist"),
    "evaluate no data": ("evaluate.py", ["run", "--data", "gone"], "'gone' does not exist"),
    "evaluate zebras": ("evaluate.py", ["run", "--data", "zebras"], "zebra=ignore"),
    "evaluate into old": ("evaluate.py", ["run", "--data", "other", "--out", "street"], "'street' exists"),
    "evaluate the unfinished": ("evaluate.py", ["unfinished"], "--resume unfinished"),
    "evaluate a damaged model": ("evaluate.py", ["damaged"], "is not a model that Keras loads"),
    "evaluate a damaged spec": ("evaluate.py", ["torn"], "spec.json' is damaged"),
    "evaluate a damaged report": ("evaluate.py", ["scrawled"], "report.json' is damaged"),
    "compare with what is none": ("evaluate.py", ["run", "street"], "'street' is not a run folder"),
    "compare with another task": ("evaluate.py", ["run", "counting"], "only runs of one task"),
    "evaluate labels of images": ("evaluate.py", ["run", "--data", "sorted"], "labels of whole images"),
    "require nonsense": ("evaluate.py", ["run", "--require", "AP50=0.6"], "'AP50=0.6'"),
    "require without labels": (
        "evaluate.py",
        ["run", "--data", "bare", "--require", "AP50>=0"],
        "'bare' has no labels",
    ),
    "slices by a broken pattern": ("evaluate.py", ["run", "--slice-by", "cam("], "cam("),
    "wish of another task": (
        "evaluate.py",
        ["counting", "--wanted-precision", "0.9"],
        "--wanted-precision does not apply to runs of 'vehicle_count'",
    ),
    "explain an image that is not there": ("evaluate.py", ["run", "--explain", "gone.png"], "gone.png"),
    "predict nothing": ("evaluate.py", ["run", "--predict", "nothing"], "contains no images"),
    "predict gone": ("evaluate.py", ["run", "--predict", "gone"], "'gone' does not exist"),
}
RIGHT = {
    "own": ("evaluate.py", ["run", "--json", "--require", "AP50>=0", "--require", "per_class/car/AP50<=1"]),
    "other": ("evaluate.py", ["run", "--data", "other", "--split", "all", "--out", "elsewhere"]),
    "predict": ("evaluate.py", ["run", "--predict", "frames", "--score", "0.001"]),
    "unlabelled": ("evaluate.py", ["run", "--data", "bare"]),
    "two runs": (
        "evaluate.py",
        ["run", "twin", "--out", "compared", "--json", "--require", "AP50>=0", "--require", "AP50>1"],
    ),
}


ROAD = "places:\n- points: [[0, 0.4], [1, 0.4], [1, 1], [0, 1]]\n"
THOROUGH = ["--data", "other", "--out", "thorough", "--rules", "road.yaml", "--interventions", "3"]
THOROUGH += ["--robustness", "2", "--explain", "1"]


# Copies of the run: a whole one, and others in which something is missing, damaged or of another task; weights of
# another backbone; and the run's report and all paths as they were before anything was evaluated.
COPIES = """
import json, shutil
from pathlib import Path

import zoo

run = Path("run")
for name in ("twin", "unfinished", "damaged", "torn", "scrawled", "counting"):
    shutil.copytree(run, name)
Path("unfinished/model.keras").unlink()
for path in (Path("damaged/model.keras"), Path("torn/spec.json")):
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
Path("scrawled/report.json").write_text("no report")
spec = json.loads((run / "spec.json").read_text())
spec["run"]["task"], spec["output"] = "vehicle_count", {}
Path("counting/spec.json").write_text(json.dumps(spec))
zoo.build("mobilenet_v2_035", 64, "random").model.save_weights("small.weights.h5")
paths = [str(file) for file in Path().rglob("*")]
Path("before.json").write_text(json.dumps([json.loads((run / "report.json").read_text()), paths]))
"""


@pytest.fixture(scope="module")
def commands(place, interrupted, as_scripts):
    """Exit code, output and errors of each command, in one process: the run resumed to its end, then all else."""
    (place / "copies.py").write_text(COPIES)
    cases = {"resume": ("train.py", ["--resume", "run"]), "copies": (place / "copies.py", [])}
    cases |= {name: case[:2] for name, case in WRONG.items()}
    return as_scripts(place, {**cases, **RIGHT})


@pytest.fixture(scope="module")
def trained(place, commands):
    """The interrupted run, resumed to its end: folder, and what was logged."""
    code, _, errors = commands["resume"]
    assert code == 0, errors[-3000:]
    return place / "run", errors


@pytest.fixture(scope="module")
def answers(place, commands, trained):
    """Exit code, output and errors of each case; the run's report as it was, and all paths from before."""
    assert commands["copies"][0] == "no exit", commands["copies"]
    report, paths = json.loads((place / "before.json").read_text())
    return commands, report, {*paths, "before.json"}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_line_and_code_2(answers, name):
    """It says what was received; no traceback."""
    code, _, said = answers[0][name]
    assert code == 2, (code, said[-2000:])
    assert "Traceback" not in said
    last = said.rstrip("\n").splitlines()[-1]
    assert last.startswith(f"{WRONG[name][0]}: error: ") and WRONG[name][2] in last, said[-2000:]


def test_wrong_input_leaves_nothing_behind(answers, place):
    """No run folder, no folder for results; what the right commands made is all that is new."""
    now = {str(file.relative_to(place)) for file in place.rglob("*")}
    new = {path for path in now - answers[2] if Path(path).parts[0] not in ("home", "keras")}
    made = (
        *("elsewhere", "compared", "run/predictions", "run/logs/report", "twin/predictions"),
        *("answers.json", "small.weights.h5"),
    )
    assert [path for path in sorted(new) if not path.startswith(made)] == []


def test_a_run_is_judged_again_on_its_own_images(answers, place):
    """The same figures, in the same report."""
    code, out, said = answers[0]["own"]
    assert code == 0, said[-2000:]
    again = json.loads((place / "run" / "report.json").read_text())
    for name in (*FIGURES, *RECALLS, "n_images", "per_class", "before", "findings", "parameters", "epochs"):
        assert again[name] == answers[1][name], name
    assert json.loads(out.splitlines()[-1])["AP50"] == again["AP50"]


def test_a_run_is_judged_on_other_images(answers, place):
    """Labels of one of its two classes, images of other shapes; COCO's own code agrees here too."""
    code, _, said = answers[0]["other"]
    assert code == 0, said[-2000:]
    report = json.loads((place / "elsewhere" / "report.json").read_text())
    assert (report["n_images"], report["split"], report["data"]) == (3, "all", "other")
    assert report["before"].keys() >= {
        "AP",
        "AP50",
    }  # of the same images, by the model before its first step
    assert report["per_class"]["bus"]["n_boxes"] == 3 and report["per_class"]["car"]["AP"] is None
    assert_pycocotools_agrees(place / "elsewhere")


def test_a_run_looks_at_new_images(answers, place):
    """An annotated copy of each, in its folder; detections in the images' own pixels."""
    code, _, said = answers[0]["predict"]
    assert code == 0, said[-2000:]
    folder = place / "run" / "predictions-1"
    drawn = {str(file.relative_to(folder / "images")) for file in folder.rglob("*.jpg")}
    assert drawn == {"a.png.jpg", "b.png.jpg", "night/c.jpg.jpg"}
    document = json.loads((folder / "detections.json").read_text())
    assert [name["name"] for name in document["categories"]] == ["bus", "car"]
    sizes = {Path(image["file_name"]).name: (image["width"], image["height"]) for image in document["images"]}
    assert sizes == {"a.png": (100, 60), "b.png": (120, 60), "c.jpg": (140, 60)}
    by_id = {image["id"]: image for image in document["images"]}
    assert document["annotations"]
    for found in document["annotations"]:
        x, y, w, h = found["bbox"]
        image = by_id[found["image_id"]]
        assert 0 <= x < x + w <= image["width"] + 1e-3 and 0 <= y < y + h <= image["height"] + 1e-3
        assert 0.001 <= found["score"] <= 1


def test_images_without_labels_are_looked_at(answers, place):
    """It says so, and judges nothing."""
    code, _, said = answers[0]["unlabelled"]
    assert code == 0 and "'bare' has no labels: predictions are written" in said, said[-2000:]
    assert (place / "run" / "predictions-2" / "detections.json").exists()


def test_a_city_can_gate_on_figures(answers):
    """Exit code 0 if all that is required is met, 1 if not, with the value next to each bound."""
    code, _, said = answers[0]["own"]
    assert code == 0 and said.count(": met (") == 2, said[-2000:]
    code, _, said = answers[0]["two runs"]
    assert code == 1 and said.count(": met (") == 1 and "required AP50 > 1: NOT MET (" in said, said[-2000:]


def test_two_runs_are_compared_on_the_same_images(answers, place):
    """A run and its twin: no difference anywhere, nothing got worse; one line of JSON and nothing else is printed."""
    code, out, said = answers[0]["two runs"]
    assert code == 1, said[-2000:]  # a bound is missed
    report = json.loads(out)
    assert set(report["compared"]) == {"before fine-tuning", "twin"}
    twin = report["compared"]["twin"]
    assert twin["worse"] == []
    assert all(row["this"] == row["other"] for row in twin["figures"].values())
    assert {row["verdict"] for row in twin["figures"].values()} == {"no clear difference"}
    assert any((place / "compared" / "logs").rglob("*tfevents*"))
    html = (place / "compared" / "report.html").read_text()
    assert "twin" in html and "before fine-tuning" in html


@pytest.mark.slow
def test_fog_attacks_and_explanations_come_when_asked_for(trained, place, as_scripts):
    """In the report, with their images."""
    (place / "road.yaml").write_text(ROAD)
    code, _, said = as_scripts(place, {"all of it": ("evaluate.py", ["run", *THOROUGH])})["all of it"]
    assert code == 0, said[-2000:]
    report = json.loads((place / "thorough" / "report.json").read_text())
    assert {"fog", "rain", "night"} <= report["robustness"]["corruptions"].keys()
    assert report["robustness"]["n"] == 2 and report["explanations"].keys() >= {"images", "sanity"}
    assert report["interventions"]["n"] == 2 and report["interventions"]["tested"] == 0  # too few images
    assert set(report["rules"]["filtered"]) == {"AP", "AP50", "AP75"}
    assert all((place / "thorough" / f"{name}.png").exists() for name in ("robustness", "interventions"))


@pytest.mark.slow
def test_a_real_backbone_in_a_process_of_its_own_is_interrupted_and_resumed(place, tmp_path):
    """`python train.py` itself, with a MobileNet, gets Ctrl-C from outside and goes on to its end."""
    environment = {**os.environ, "CITYZOO_HOME": str(tmp_path / "home"), "PYTHONPATH": ""}
    words = [sys.executable, str(ROOT / "train.py")]
    more = [*FLAGS, "--backbone", "mobilenet_025", "--data", str(place / "street"), "--out", "run"]
    with subprocess.Popen(
        [*words, *more],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        # A shell starts background jobs deaf to Ctrl-C, and so would be all that tests start from there.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        end = time.monotonic() + 200
        file = tmp_path / "run" / "checkpoint.npz"
        while not file.exists() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 2 and "--resume run" in said.splitlines()[-1], said
    subprocess.run([*words, "--resume", "run"], cwd=tmp_path, env=environment, check=True)
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["epochs"] == 2 and report["spec"]["run"]["backbone"] == "mobilenet_025"
