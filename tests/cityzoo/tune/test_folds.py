"""Grouped cross-validation: folds by hand, and the real command on painted images of eight cameras."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from cityzoo.errors import InputError
from cityzoo.fit import fold_data
from cityzoo.sample import ExampleSet, ImageExample, ImageSet
from cityzoo.spec import TrainSpec
from cityzoo.tasks import find
from cityzoo.tune import folds
from cityzoo.tune.folds import summarize_folds

IMAGES = find("vehicle_classify").modality
COLORS = {"car": (200, 40, 40), "bus": (40, 40, 200)}


def test_estimate_and_interval_by_hand():
    rows = {f"fold {n}/3": {"AP50": value, "AP": None} for n, value in enumerate((0.5, 0.6, 0.55), 1)}
    found = summarize_folds(rows, {"AP50": 0.7, "AP": 0.4}, ["AP50", "AP"])
    assert found["estimate"] == {"AP50": pytest.approx(0.55)}
    low, high = found["interval"]["AP50"]  # 4.303 * .05 / sqrt(3) = .1242
    assert (low, high) == (pytest.approx(0.4258, abs=1e-4), pytest.approx(0.6742, abs=1e-4))
    lost = summarize_folds({"1": {"loss": 0.5}, "2": {"loss": 0.7}}, {"loss": 0.4}, ["loss"], ["loss"])
    assert lost["table"]["loss"]["gap"] == pytest.approx(0.2)
    assert found["table"]["AP50"]["gap"] == pytest.approx(0.15) and "AP" not in found["table"]


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """Sixty-four images of eight cameras, half of them cars, half buses, in class folders with a val split."""
    folder, rng = tmp_path_factory.mktemp("town") / "city", np.random.default_rng(0)
    for split, cameras in (("train", range(8)), ("val", range(8))):
        for name, color in COLORS.items():
            (folder / split / name).mkdir(parents=True)
            for camera in cameras:
                for number in range(4 if split == "train" else 1):
                    pixels = rng.integers(0, 60, (64, 64, 3)) + np.array(color) * 0.7 + 3 * camera
                    path = folder / split / name / f"cam{camera}_2024-05-01_{split}{number}.png"
                    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
    return folder


def labeled(names, scenes=None):
    """An image set of names alone, with a class each in turn."""
    scenes = scenes or [""] * len(names)
    images = [
        ImageExample(name, (8, 8), target=np.eye(2)[row % 2], scene=scene)
        for row, (name, scene) in enumerate(zip(names, scenes, strict=True))
    ]
    return ImageSet("train", ("a", "b"), tuple(images))


def test_a_file_of_groups_names_every_example(tmp_path):
    images = labeled(["x.jpg", "y.jpg", "z.jpg"])
    fold_data.write_groups(tmp_path / "groups.csv", images, np.array([4, 7, 4]))
    assert fold_data.group_training(str(tmp_path / "groups.csv"), IMAGES, images).tolist() == [0, 1, 0]
    with pytest.raises(InputError, match=r"1 training examples, e\.g\. 'w\.jpg'"):
        fold_data.group_training(str(tmp_path / "groups.csv"), IMAGES, labeled(["x.jpg", "w.jpg"]))


def test_crops_of_one_image_stay_together():
    images = labeled(["x.jpg", "x.jpg", "y.jpg"])
    assert fold_data.group_training("example", IMAGES, images).tolist() == [0, 0, 1]


def test_boxes_are_counted_where_images_have_no_class():
    images = [ImageExample("a.jpg", (8, 8), [[0, 0, 2, 2]] * 3, [1, 1, 0]), ImageExample("b.jpg", (8, 8))]
    assert fold_data.class_counts(ExampleSet("train", ("a", "b"), tuple(images))).tolist() == [
        [1, 2],
        [0, 0],
    ]


def test_the_fold_is_held_out_and_val_stays():
    from types import SimpleNamespace

    images = labeled([f"{n}.jpg" for n in range(12)], [f"cam{n // 2}" for n in range(12)])
    data = SimpleNamespace(train=images, val=labeled(["v.jpg"]), findings=None)
    seen = []
    for part in (1, 2, 3):
        spec = find("vehicle_classify").make_spec({"task": "vehicle_classify", "fold": f"{part}/3"})
        assert isinstance(spec, TrainSpec)
        found = fold_data.hold_out_fold(spec.replace(group_by="scene"), IMAGES, data)
        names = {each.path for each in found.held_out.examples}
        assert (
            not names & {each.path for each in found.train.examples} and len(names) + len(found.train) == 12
        )
        assert not {e.scene for e in found.held_out.examples} & {e.scene for e in found.train.examples}
        assert found.val is data.val and found.held_out.split == f"fold {part}/3"
        seen += names
    assert sorted(seen) == sorted(each.path for each in images.examples)


class Training:
    """Stands for `train.train`: fold 2 lacks a class, fold 3 is interrupted."""

    def __init__(self, interrupts):
        self.interrupts, self.folds = interrupts, []

    def __call__(self, spec, resumed):
        self.folds.append((spec.run.fold, spec.run.folds))
        if spec.run.fold == "2/4":
            raise InputError("no image of bus to train on")
        if spec.run.fold == "3/4" and self.interrupts:
            try:
                raise KeyboardInterrupt
            except KeyboardInterrupt:
                raise InputError("interrupted") from None
        return {"n_images": 5, "balanced_accuracy": 0.5 + 0.1 * int(spec.run.fold[0])}


def test_a_fold_without_a_class_is_left_out_and_an_interrupt_is_not_swallowed(monkeypatch, tmp_path):
    monkeypatch.setattr(folds.keras.utils, "clear_session", lambda: None)
    monkeypatch.setattr(folds, "_make_groups", lambda *args: (tmp_path / "groups.csv", {"groups": 9}, []))
    spec = find("vehicle_classify").make_spec({"task": "vehicle_classify", "folds": 4})
    training = Training(interrupts=False)
    found = folds.estimate_new_sources(spec, spec, tmp_path, {"balanced_accuracy": 0.9}, training)
    assert found["estimate"] == {"balanced_accuracy": pytest.approx((0.6 + 0.8 + 0.9) / 3)}
    assert training.folds == [(f"{part}/4", 0) for part in (1, 2, 3, 4)]
    assert found["groups"] == 9 and "no image of bus" in found["warnings"][0]
    with pytest.raises(InputError, match="interrupted"):
        folds.estimate_new_sources(spec, spec, tmp_path, {}, Training(interrupts=True))
    assert folds.estimate_new_sources(spec.replace(folds=0), spec, tmp_path, {}, training) is None


@pytest.fixture(scope="module")
def made(city, as_scripts):
    """Answers of the commands, and the folder that they ran in."""
    folder = city.parent
    words = ["--task", "vehicle_classify", "--data", "city", "--backbone", "tiny", "--weights", "random"]
    words += ["--image-size", "64", "--freeze", "backbone", "--views", "1", "--augment", "none"]
    rows = [
        ("name", "group"),
        *((f"train/{n}/{p.name}", p.name[:4]) for n in COLORS for p in (city / "train" / n).iterdir()),
    ]
    with (folder / "cameras.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    answers = as_scripts(
        folder,
        {
            "folds": ("train.py", [*words, "--folds", "2", "--group-by", "cluster", "--out", "run"]),
            "fold": ("train.py", [*words, "--fold", "1/4", "--group-by", "cameras.csv", "--out", "one"]),
            "one group": ("train.py", [*words, "--fold", "1/9", "--group-by", "cameras.csv", "--out", "two"]),
            "no file": ("train.py", [*words, "--folds", "2", "--group-by", "nothing.csv"]),
        },
    )
    return folder, answers


@pytest.mark.slow
def test_folds_stand_in_the_report_next_to_val(made):
    folder, answers = made
    assert answers["folds"][0] == 0, answers["folds"][2][-2000:]
    report = json.loads((folder / "run" / "report.json").read_text())
    found = report["new_sources"]
    reports = [json.loads((folder / "run" / f"fold-{n}" / "report.json").read_text()) for n in (1, 2)]
    assert sum(each["n_images"] for each in reports) == 64 and [each["split"] for each in reports] == [
        "fold 1/2",
        "fold 2/2",
    ]
    values = [each["balanced_accuracy"] for each in reports]
    assert found["estimate"]["balanced_accuracy"] == pytest.approx(np.mean(values))
    assert found["table"]["balanced_accuracy"]["val"] == report["balanced_accuracy"]
    assert found["distance"]["ratio"] == pytest.approx(found["distance"]["val"] / found["distance"]["folds"])
    assert found["groups"] == 8 and (folder / "run" / "groups.csv").read_text().startswith(
        "name,group\n".replace("\n", "")
    )
    page = (folder / "run" / "report.html").read_text()
    assert "Estimate for new sources" in page and "groups.csv" in page


@pytest.mark.slow
def test_a_frozen_regression_stands_in_every_report(made):
    folder, _ = made
    for run in ("run", "run/fold-1", "one"):
        rows = json.loads((folder / run / "report.json").read_text())["baselines"]
        assert set(rows) == {"logistic regression on frozen features", "this model"}
    assert "logistic regression on frozen features" in (folder / "run" / "report.html").read_text()


@pytest.mark.slow
def test_one_fold_by_a_table_of_cameras_holds_out_two_cameras(made):
    folder, answers = made
    assert answers["fold"][0] == 0, answers["fold"][2][-2000:]
    report = json.loads((folder / "one" / "report.json").read_text())
    assert (report["n_images"], report["split"], report["new_sources"]) == (16, "fold 1/4", None)


@pytest.mark.slow
def test_what_cannot_be_is_one_line(made):
    _, answers = made
    for name, word in (("one group", "8 groups"), ("no file", "nothing.csv")):
        code, _, errors = answers[name]
        assert code == 2 and word in errors and "Traceback" not in errors, errors[-500:]
