"""The command as people type it: fuse runs in every way, use the results as runs, misuse it."""

import json

import numpy as np
import pytest

from cityzoo.model import load
from cityzoo.spec_file import read_spec
from tests.cityzoo.compress.street import COMMAND, write_street

pytestmark = pytest.mark.slow
SMALL = [
    "--weights",
    "random",
    "--image-size",
    "64",
    "--batch-size",
    "4",
    "--augment",
    "light",
    "--views",
    "1",
]
METHODS = ("ensemble", "fit", "soup", "one", "stack", "features", "distil")


def _train(task, backbone, seed, *more):
    return (
        "train.py",
        ["--task", task, "--data", "street", "--backbone", backbone, "--seed", str(seed), *SMALL, *more],
    )


def make_cases():
    """Return the commands: two classifications of crops, then two detectors, what is made of them, and misuse."""
    kinds, plan = "vehicle_classify", ["--phases", "backbone:1,C4:2"]
    boxes = ["--phases", "backbone:1", "--neck-width", "16"]
    return {
        "a": _train(kinds, "tiny", 0, *plan, "--keep-epochs", "2", "--out", "a"),
        "b": _train(kinds, "tiny", 1, *plan, "--ema", "0.5", "--out", "b"),
        "c": _train(kinds, "tiny_wide", 2, *plan, "--out", "c"),
        "box a": _train("vehicle_detect", "tiny", 0, *boxes, "--out", "box_a"),
        "box c": _train("vehicle_detect", "tiny_wide", 1, *boxes, "--out", "box_c"),
        "ensemble": (COMMAND, ["fuse", "a", "b", "c", "--by", "ensemble"]),
        "fit": (
            COMMAND,
            ["fuse", "a", "c", "--by", "ensemble", "--weights", "fit", "--compare", "b", "--out", "fit"],
        ),
        "soup": (COMMAND, ["fuse", "a", "b", "--by", "soup", "--out", "soup"]),
        "one": (COMMAND, ["fuse", "a", "--by", "soup", "--soup", "uniform", "--out", "one"]),
        "stack": (COMMAND, ["fuse", "a", "c", "--by", "stack", "--out", "stack"]),
        "features": (COMMAND, ["fuse", "a", "c", "--by", "features", "--out", "features"]),
        "distil": (COMMAND, ["fuse", "a", "c", "--by", "distil", "--epochs", "1", "--out", "distil"]),
        "wbf": (COMMAND, ["fuse", "box_a", "box_c", "--by", "ensemble", "--iou", "0.6", "--out", "wbf"]),
        "mean": (COMMAND, ["fuse", "box_a", "box_c", "--by", "ensemble", "--boxes", "mean", "--out", "mean"]),
        "mirror": (COMMAND, ["fuse", "box_a", "--by", "mirror", "--out", "mirror"]),
        "export mirror": (COMMAND, ["export", "mirror", "--format", "onnx", "--out", "mirror_onnx"]),
        "mirrored class": (COMMAND, ["fuse", "a", "--by", "mirror", "--out", "no"]),
        "two mirrors": (COMMAND, ["fuse", "a", "b", "--by", "mirror", "--out", "no"]),
        "evaluate": ("evaluate.py", ["a-ensemble", "c", "--out", "compared"]),
        "evaluate wbf": ("evaluate.py", ["wbf", "--out", "wbf_again"]),
        "predict": ("evaluate.py", ["wbf", "--predict", "street/1.png", "--out", "predicted"]),
        "export": (
            COMMAND,
            ["export", "a-ensemble", "--format", "onnx", "--allow-loss", "1", "--out", "onnx"],
        ),
        "export wbf": (COMMAND, ["export", "wbf", "--format", "onnx", "--out", "wbf_onnx"]),
        "resumed": ("train.py", ["--resume", "a-ensemble", "--epochs", "1"]),
        "other task": (COMMAND, ["fuse", "a", "box_a", "--by", "ensemble", "--out", "no"]),
        "architecture": (COMMAND, ["fuse", "a", "c", "--by", "soup", "--out", "no"]),
        "twice": (COMMAND, ["fuse", "a", "./a", "--by", "ensemble", "--out", "no"]),
        "one backbone": (COMMAND, ["fuse", "a", "b", "--by", "features", "--out", "no"]),
        "boxes": (COMMAND, ["fuse", "a", "b", "--by", "ensemble", "--boxes", "wbf", "--out", "no"]),
        "stacked boxes": (COMMAND, ["fuse", "box_a", "box_c", "--by", "stack", "--out", "no"]),
        "taken": (COMMAND, ["fuse", "a", "b", "--by", "ensemble", "--out", "c"]),
        "no run": (COMMAND, ["fuse", "a", "street", "--by", "ensemble", "--out", "no"]),
    }


@pytest.fixture(scope="module")
def place(as_scripts, tmp_path_factory):
    """A folder with runs and fused ones, and what each command said: {name: (code, out, err)}."""
    folder = tmp_path_factory.mktemp("place")
    write_street(folder / "street")
    return folder, as_scripts(folder, make_cases())


@pytest.mark.parametrize("name", METHODS)
def test_a_fused_run_is_a_run(place, name):
    """Its report compares it with every run it was made of, and says what it costs."""
    folder, said = place
    assert said[name][0] == 0, said[name][2]
    run = folder / ("a-ensemble" if name == "ensemble" else name)
    report = json.loads((run / "report.json").read_text())
    fusion, page = report["fusion"], (run / "report.html").read_text()
    assert {"spec.json", "data.json", "model.keras", "report.html"} <= {file.name for file in run.iterdir()}
    assert fusion["metric"] == "balanced_accuracy" and 'id="fusion"' in page
    members = {n for n, row in fusion["runs"].items() if row["role"] == "member"}
    assert members == {"ensemble": {"a", "b", "c"}, "soup": {"a", "b"}, "one": {"a"}}.get(name, {"a", "c"})
    best = fusion["runs"][fusion["best"]["run"]]
    assert best["value"] == max(fusion["runs"][member]["value"] for member in members)
    assert best["difference"] == pytest.approx(report["balanced_accuracy"] - best["value"])
    assert all(row["milliseconds"] > 0 for row in fusion["runs"].values())
    assert ("best_ema" in fusion) == (name in ("ensemble", "fit", "soup"))


def test_what_chose_is_not_evaluated(place):
    """Four held-out images: two choose, two are evaluated; the report warns of evaluating all."""
    folder, _ = place
    for name, evaluated in (("a-ensemble", 4), ("fit", 2), ("soup", 2), ("one", 4), ("stack", 2)):
        report = json.loads((folder / name / "report.json").read_text())
        assert report["n_images"] == report["fusion"]["n_evaluated"] == evaluated, name
        assert bool(report["warnings"]) == (evaluated == 2)
    stacked = json.loads((folder / "stack" / "report.json").read_text())["fusion"]["cross_fitted"]
    assert stacked["n"] == 4 and set(stacked["runs"]) == {"a", "c"}


def test_soups_have_the_mean_weights(place):
    """As large as a member; along one run, of its last epochs."""
    folder, _ = place
    epochs = sorted((folder / "a" / "epochs").iterdir())
    assert [file.name for file in epochs] == ["epoch-0002.keras", "epoch-0003.keras"]
    soup, member = load(folder / "one" / "model.keras"), load(folder / "a" / "model.keras")
    assert soup.count_params() == member.count_params()
    report = json.loads((folder / "one" / "report.json").read_text())
    names = report["fusion"]["ingredients"]
    assert len(names) >= 2 and sum(names.values()) == pytest.approx(1)
    kernels = [
        load(folder / name / "model.keras" if name == "a" else folder / name).get_layer("head_logits")
        for name in names
    ]
    wanted = np.mean([np.asarray(layer.kernel) for layer in kernels], axis=0)
    np.testing.assert_allclose(soup.get_layer("head_logits").kernel, wanted, rtol=1e-5, atol=1e-7)


def test_trained_fusions_are_trained_by_the_ordinary_code(place):
    """Their specs say all: joined backbones, and the teacher of a student."""
    folder, said = place
    features, student = (read_spec(folder / name / "spec.json") for name in ("features", "distil"))
    assert features.run.backbone == "tiny+tiny_wide" and features.plan[0].freeze == "closed_form"
    assert student.run.backbone == "tiny" and (folder / "distil" / "teacher" / "model.keras").is_file()
    assert "/distil/teacher@sha256:" in student.fit.teacher
    assert {layer.name for layer in load(folder / "features" / "model.keras").layers} >= {
        "joined_P3",
        "joined_P5",
    }
    assert "--config distil/spec.json" in said["distil"][2] + said["distil"][1]


def test_detectors_are_fused(place):
    """By weighted boxes fusion or point by point; evaluated and used for predictions as any run."""
    folder, said = place
    for name in ("wbf", "mean", "evaluate wbf", "predict", "mirror", "export mirror"):
        assert said[name][0] == 0, said[name][2]
    choices = [
        json.loads((folder / n / "report.json").read_text())["fusion"]["choice"] for n in ("wbf", "mean")
    ]
    assert choices[0]["combined"] == "wbf" and choices[0]["iou"] == 0.6 and choices[1]["combined"] == "mean"
    first, again = (json.loads((folder / n / "report.json").read_text()) for n in ("wbf", "wbf_again"))
    assert first["AP"] == again["AP"]


def test_an_ensemble_is_one_file(place):
    """In ONNX Runtime it computes as in Keras; weighted boxes fusion says what to do instead."""
    folder, said = place
    assert said["evaluate"][0] == 0 and said["export"][0] == 0, said["export"][2]
    proof = json.loads((folder / "onnx" / "parity.json").read_text())
    assert max(proof["largest_difference"].values()) < 1e-3
    code, _, err = said["export wbf"]
    assert code == 2 and "--boxes mean" in err and not (folder / "wbf_onnx").exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("other task", "differ in task"),
        ("architecture", "different architecture"),
        ("twice", "given twice"),
        ("one backbone", "different backbones"),
        ("boxes", "for detectors"),
        ("stacked boxes", "logits of classes"),
        ("mirrored class", "for detectors"),
        ("two mirrors", "takes one run"),
        ("taken", "exists"),
        ("no run", "spec.json"),
        ("resumed", "checkpoint.npz"),
    ],
)
def test_misuse(place, name, words):
    """One line with the next step, and nothing is left behind."""
    folder, said = place
    code, _, err = said[name]
    assert code == 2 and words in err and "Traceback" not in err and not (folder / "no").exists()
