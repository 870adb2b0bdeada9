"""Groups of examples for --robust-groups: where they come from, what is refused, and the run that uses them."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cityzoo import tasks
from cityzoo.errors import InputError
from cityzoo.fit import robust_groups
from cityzoo.fit.checkpoint import load_checkpoint
from cityzoo.fit.robust_groups import add_groups, find_values
from cityzoo.metrics.groups import WORST, find_right, weighted_group_accuracy
from cityzoo.sample import ImageSet
from cityzoo.spec import CLOSED_FORM, Phase
from cityzoo.tune.group_comparison import BEFORE, THIS, compare_groups

ROOT = Path(__file__).resolve().parents[3]
WITHOUT = "without --robust-groups"
VEHICLES = tasks.find("vehicle_classify")


@pytest.fixture(scope="module")
def parity(sorts, tmp_path_factory):
    """A table: image numbers 0, 1, 2 of four are "odd", so that three groups have images of both classes."""
    table = tmp_path_factory.mktemp("table") / "light.csv"
    rows = [
        f"{split}{n}.png,{'odd' if n % 4 == 3 else 'even'}" for split in ("train", "val") for n in range(16)
    ]
    table.write_text("\n".join(rows))
    return str(table)


@pytest.fixture
def add(sorts, make_resolved, tmp_path):
    """Return a function that adds the groups of a flag's value: (by, data, **flags) -> (task, output)."""

    def make(by, data=sorts, **flags):
        spec = make_resolved(tmp_path / "run", Phase(CLOSED_FORM, 1, 0.1), task="vehicle_classify", **flags)
        output = VEHICLES.output_for(data.train.class_names, {**spec.output, "robust_groups": by})
        return add_groups(spec, VEHICLES, data, output)

    return make


def test_groups_are_values_by_class(add, parity, sorts):
    """Red images are even; of the blue ones every second is odd. The worst group chooses the best epoch."""
    task, output = add(parity)
    assert dict(zip(output.groups.names, output.groups.counts, strict=True)) == {
        "even, blue": 4,
        "even, red": 8,
        "odd, blue": 4,
    }
    assert task.monitor == WORST
    labels = output.label_columns(sorts.train.examples[:4])["labels"]
    assert labels == [[1, 0, 0, 1, 0], [0, 1, 1, 0, 0], [1, 0, 0, 1, 0], [0, 1, 0, 0, 1]]
    right = [np.eye(2)[each.target.argmax()] for each in sorts.val.examples]
    assert output.group_metrics(sorts.val, right) == {WORST: 1.0}
    right[3] = right[3][::-1]  # one of the two odd ones
    assert output.group_metrics(sorts.val, right) == {WORST: 0.5}


def test_without_the_flag_nothing_changes(add):
    """The task and the output are those that came."""
    task, output = add(None)
    assert task is VEHICLES and output.groups is None


def of_scene(examples, *scenes):
    """The same examples with scenes in turn."""
    each = [replace(one, scene=scenes[n % len(scenes)]) for n, one in enumerate(examples.examples)]
    return ImageSet(examples.split, examples.class_names, tuple(each))


def test_camera_light_and_pattern(sorts):
    """Cameras are scenes without their date; light is measured; a pattern names the rest "other"."""
    examples = of_scene(sorts.train, "cam1_2024-05-01", "cam1_2024-05-02", "cam2_2024-05-01", "")
    assert find_values("camera", VEHICLES.modality, examples)[:4] == ["cam1", "cam1", "cam2", "other"]
    assert set(find_values("light", VEHICLES.modality, sorts.train)) <= {"night", "dusk", "day"}
    assert find_values(r"(train1)\d", VEHICLES.modality, sorts.train)[9:11] == ["other", "train1"]


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ("(train|val)", "single group, 'train'|no training example"),
        ("(nowhere)", "--robust-groups .* matches none"),
        ("(train", "not a valid regular expression"),
        ("missing.csv", "cannot be read"),
    ],
)
def test_values_that_cannot_be_used(add, by, message):
    """One line each, with the flag's own name."""
    with pytest.raises(InputError, match=message) as raised:
        add(by)
    assert "--slice-by" not in str(raised.value) and "\n" not in str(raised.value)


def test_refused_groups(add, sorts, tmp_path):
    """A single group; the class itself; a group that only held-out images have."""
    for name, value, message in (
        ("one", lambda split, n: "same", "single group, 'same'"),
        ("class", lambda split, n: f"c{n % 2}", "the classes themselves"),
        (
            "new",
            lambda split, n: "night" if split == "val" and n < 3 else f"day{n % 3}",
            "'night' has 3 held-out",
        ),
    ):
        table = tmp_path / f"{name}.csv"
        rows = (f"{split}{n}.png,{value(split, n)}" for split in ("train", "val") for n in range(16))
        table.write_text("\n".join(rows))
        with pytest.raises(InputError, match=message):
            add(str(table))
    with pytest.raises(InputError, match="no camera"):
        blank = of_scene(sorts.train, "")
        add("camera", replace(sorts, train=blank, val=of_scene(sorts.val, "")))


@pytest.mark.parametrize(
    ("flags", "name"), [({"teacher": "runs/x"}, "--teacher"), ({"continue_": "r"}, "--continue")]
)
def test_flags_that_do_not_go_with_it(add, parity, flags, name):
    """Both are named."""
    with pytest.raises(InputError, match=f"--robust-groups and {name}"):
        add(parity, **flags)


@pytest.fixture(scope="module")
def grouped(go, sorts, parity, make_resolved, tmp_path_factory):
    """Return a function that trains with groups: (name, *plan) -> what `go` returns."""
    from cityzoo.tasks import Task

    where = tmp_path_factory.mktemp("grouped")

    def train(name, *plan, resume=None, **more):
        spec = make_resolved(
            where / name, *plan, task="vehicle_classify", robust_groups=parity, views=1, augment="none"
        )
        with pytest.MonkeyPatch.context() as patch:
            task, output = add_groups(
                spec, VEHICLES, sorts, VEHICLES.output_for(sorts.train.class_names, spec.output)
            )
            patch.setattr(tasks, "find", lambda name: task)
            patch.setattr(Task, "output_for", lambda self, *args: output)
            return go(spec, resume, sorts, **more)

    return train


def test_both_kinds_of_phases_use_the_groups(grouped):
    """The head in closed form, then two epochs by gradients: weights of groups sum to 1, the monitor is recorded."""
    found = grouped("both", Phase(CLOSED_FORM, 1, 0.01), Phase("C4", 2, 0.001))
    weights = [row["weight"] for row in found.state.solved["group_weights"].values()]
    assert len(weights) == 3 and sum(weights) == pytest.approx(1, abs=1e-5)
    assert all(f"val_{WORST}" in row for row in found.state.history)
    assert found.state.best == max(row[f"val_{WORST}"] for row in found.state.history)
    (kept,) = load_checkpoint(found.folder.checkpoint)[0]["groups"]
    assert kept.tolist() == pytest.approx(weights)
    assert not np.allclose(kept, 1 / 3, atol=1e-6)


def test_a_resumed_run_goes_on_with_its_weights(grouped, monkeypatch):
    """Stopped after the first of two epochs, it ends with the same weights of groups."""
    whole = grouped("whole", Phase("backbone", 2, 0.01))
    plain = robust_groups.GroupWeightsCallback.on_epoch_end

    def stop(self, epoch, logs=None):
        plain(self, epoch, logs)
        if epoch == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(robust_groups.GroupWeightsCallback, "on_epoch_end", stop)
    with pytest.raises(InputError, match="interrupted"):
        grouped("stopped", Phase("backbone", 2, 0.01))
    monkeypatch.undo()
    folder = whole.folder.path.parent / "stopped"
    again = grouped("stopped", Phase("backbone", 2, 0.01), resume=folder)
    assert again.state.solved["group_weights"] == whole.state.solved["group_weights"]


def test_accuracy_by_group_by_hand():
    """Two groups of 10 and one of 2, which is too small to be the worst; an example in no group counts for all."""
    places = np.repeat([0, 1, 2, -1], [10, 10, 2, 1])
    right = np.repeat([True, False, True, False, False, True], [9, 1, 6, 4, 2, 1])
    found = weighted_group_accuracy(right, places, ("a", "b", "c"))(np.ones((1, 23)))
    assert [found[name][0] for name in ("a", "b", "c", WORST)] == pytest.approx([0.9, 0.6, 0.0, 0.6])
    assert found["accuracy"][0] == pytest.approx(16 / 23) and found["gap"][0] == pytest.approx(16 / 23 - 0.6)
    shares = np.array([[0.9, 0.6], [0.4, 0.1]])
    assert find_right(np.array([[1, 1], [1, 0]]), shares, several=True).tolist() == [True, False]
    assert find_right(np.array([[0, 1], [1, 0]]), shares, several=False).tolist() == [False, True]


def test_comparison_by_hand():
    """The worst group rises from .5 to .75 while all examples fall from .75 to .7."""
    places = np.repeat([0, 1], [20, 20])
    without = np.repeat([True, True, False], [20, 10, 10])
    this = np.repeat([True, False, True, False], [13, 7, 15, 5])
    right = {BEFORE: np.zeros(40, bool), WITHOUT: without, THIS: this}
    found = compare_groups(right, places, ("day", "night"), np.ones((50, 40)))
    assert found["groups"]["night"] == {
        "n": 20,
        "before": 0.0,
        "without": 0.5,
        "this": 0.75,
        "interval": [0.75, 0.75],
        "gain": 0.25,
        "gain_interval": [0.25, 0.25],
    }
    assert (
        found["models"][THIS]["worst_group"] == "day" and found["models"][WITHOUT]["worst_group"] == "night"
    )
    assert found["changes"]["worst group"]["change"] == pytest.approx(0.15)
    assert found["changes"]["all examples"]["change"] == pytest.approx(-0.05)


def draw(folder, split, label, has_mark, count, seed):
    """Gray bars, upright or flat, some under a red strip."""
    rng, place = np.random.default_rng(seed), folder / split / ("flat", "upright")[label]
    place.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = rng.integers(60, 120, (48, 48, 3), dtype=np.uint8)
        y, x = rng.integers(16, 32, 2)
        h, w = ((3, 8), (8, 3))[label]
        pixels[y - h : y + h, x - w : x + w] = 190
        if has_mark:
            pixels[:8] = (230, 40, 40)
        Image.fromarray(pixels).save(place / f"{('plain', 'mark')[has_mark]}_{number}.png")


def run(folder, script, *words):
    """Run a script in a process of its own."""
    command = [sys.executable, str(ROOT / script), *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_command_reports_its_groups(tmp_path):
    """train.py in a process of its own: the report has all groups, both trainings, and fits the schema."""
    import jsonschema

    for label in (0, 1):
        for has_mark in (0, 1):
            seed = 2 * label + has_mark
            draw(tmp_path / "bars", "train", label, has_mark, 38 if label == has_mark else 3, seed)
            draw(tmp_path / "bars", "val", label, has_mark, 8, 10 + seed)
    flags = (
        "--task vehicle_classify --backbone mobilenet_025 --weights random --image-size 64 --freeze backbone"
    )
    (tmp_path / "policy.yaml").write_text("classes: [flat, upright]\nreview_below: 1.0")
    more = "--views 1 --augment none --data bars --robust-groups (mark|plain)_ --policy policy.yaml --out run"
    done = run(tmp_path, "train.py", *flags.split(), *more.split())
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    jsonschema.validate(report, json.loads((ROOT / "cityzoo/report/report.schema.json").read_text()))
    found = report["robust_groups"]
    assert {name: row["train"] for name, row in found["groups"].items()} == {
        "mark, flat": 3,
        "mark, upright": 38,
        "plain, flat": 38,
        "plain, upright": 3,
    }
    assert list(found["models"]) == [BEFORE, WITHOUT, THIS]
    assert report[WORST] == found["models"][THIS]["worst"]
    assert "robust_groups/changes/worst group/change" in (tmp_path / "run" / "report.html").read_text()
    done = run(tmp_path, "evaluate.py", "run", "--predict", "bars/val/flat", "--out", "seen")
    assert done.returncode == 0, done.stderr[-2000:]
    header, *rows = (tmp_path / "seen" / "review.csv").read_text().splitlines()
    scores = [float(row.split(",")[2]) for row in rows]
    assert header == "file,answer,score" and scores == sorted(scores)
    predictions = json.loads((tmp_path / "seen" / "predictions.json").read_text())
    assert 0 < len(rows) <= len(predictions) == 16
    (tmp_path / "run" / "policy.yaml").write_text("valid_until: 2020-01-01")
    done = run(tmp_path, "evaluate.py", "run", "--predict", "bars/val/flat", "--out", "later")
    assert done.returncode == 2 and "until 2020-01-01" in done.stderr and not (tmp_path / "later").exists()
