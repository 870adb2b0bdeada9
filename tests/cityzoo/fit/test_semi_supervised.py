"""Unlabeled images in training: what a batch holds, and what they bring."""

import importlib.util
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import zoo
from cityzoo.data.image import Dataset, Findings
from cityzoo.errors import InputError
from cityzoo.fit import features, semi_supervised
from cityzoo.modalities.image import build, settings, unlabelled
from cityzoo.modalities.image import data as image_data
from cityzoo.sample import ImageExample, ImageSet
from cityzoo.spec import Phase

NAMES = ("red", "blue")
TRAIN = Path(__file__).resolve().parents[3] / "train.py"


def paint(path, color):
    """An image of one color, 64 x 64; return its path."""
    Image.fromarray(np.full((64, 64, 3), color, np.uint8)).save(path)
    return str(path)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Four labeled images, red ones and blue ones, and eight gray ones without labels, in a folder."""
    folder = tmp_path_factory.mktemp("plain")
    (folder / "gray").mkdir()
    for shade in range(8):
        paint(folder / "gray" / f"{shade}.png", (30 * shade, 30 * shade, 30 * shade))
    colors = [(250, 0, 0), (0, 0, 250), (200, 0, 0), (0, 0, 200)]
    images = tuple(
        ImageExample(paint(folder / f"{i}.png", color), (64, 64), target=np.eye(2)[i % 2])
        for i, color in enumerate(colors)
    )
    sides = (ImageSet("train", NAMES, images), ImageSet("val", NAMES, images))
    return Dataset(*sides, Findings("plain", "painted")), str(folder / "gray")


@pytest.fixture(scope="module")
def spec_of(make_resolved):
    """Return a function that makes a spec of batches of two, images as they are: (folder, unlabelled, *phases)."""
    flags = {"task": "vehicle_classify", "batch_size": 2, "views": 1, "augment": "none"}
    return lambda folder, more, *plan: make_resolved(folder / "run", *plan, unlabelled=more, **flags)


@pytest.fixture
def seen(monkeypatch):
    """The sources of the phases of a run, with what made their features."""
    made, plain_joined = [], semi_supervised.with_unlabelled

    def recorded(context, source):
        made.append((context, plain_joined(context, source)))
        return made[-1][1]

    monkeypatch.setattr(semi_supervised, "with_unlabelled", recorded)
    monkeypatch.setattr(features, "STORED", np.float32)
    return made


def epoch(source, first=0):
    """Inputs (steps, 3 n, ...) and targets of an epoch; of features those of the deepest level alone."""
    pairs = list(source.batches(first, first + 1))
    inputs = [x["P5"] if isinstance(x, dict) else x for x, _ in pairs]
    return np.stack(inputs), np.stack([y for _, y in pairs])


def nearest(rows, candidates):
    """Position of the candidate that each row is, and how far off it is."""
    rows, candidates = (np.reshape(each, (len(each), -1)) for each in (rows, candidates))
    distances = np.abs(rows[:, None] - candidates[None]).max(axis=2)
    return distances.argmin(axis=1), distances.min(axis=1)


def pixels(paths):
    """Images as they lie on the disk."""
    return np.stack([np.asarray(Image.open(path), np.float32) for path in paths])


@pytest.mark.parametrize("freeze", [pytest.param("none", marks=pytest.mark.slow), "backbone"])
def test_a_batch_is_groups_of_three(go, plain, spec_of, tmp_path, seen, monkeypatch, freeze):
    """A labeled image, an unlabelled one, the same again: as pixels, and as features behind the cut.

    An epoch shows every unlabeled image once, and goes over the labelled ones as often as that takes.
    """
    monkeypatch.setattr(unlabelled, "STRONG", "none")  # so that the second and the third can be compared
    data, more = plain
    go(spec_of(tmp_path, more, Phase(freeze, 1, 0.0001)), data=data)
    ((context, source),) = seen
    assert context.steps == 4
    labelled = pixels([each.path for each in data.train.examples])
    gray = pixels([each.path for each in context.unlabelled[0].examples.examples])
    if freeze == "backbone":
        assert source.prefix is not None
        labelled, gray = (np.asarray(source.prefix(each)["P5"]) for each in (labelled, gray))
    inputs, targets = epoch(source)
    inputs, targets = inputs[:4], targets[:4]  # what an epoch of four steps takes
    assert inputs.shape[:2] == (4, 6) and targets.shape == (4, 6, 2)
    inputs, targets = inputs.reshape(24, *inputs.shape[2:]), targets.reshape(24, 2)
    which, off = nearest(inputs[0::3], labelled)
    assert off.max() < 1e-3
    assert sorted(which) == [0, 0, 1, 1, 2, 2, 3, 3]
    np.testing.assert_array_equal(targets[0::3], np.eye(2)[which % 2])
    weak, off = nearest(inputs[1::3], gray)
    assert off.max() < 1e-3
    assert sorted(weak) == list(range(8))
    np.testing.assert_array_equal(inputs[1::3], inputs[2::3])
    assert (np.delete(targets, np.s_[0::3], axis=0) == 0).all()


@pytest.mark.parametrize("freeze", [pytest.param("none", marks=pytest.mark.slow), "backbone"])
def test_the_third_is_the_second_strongly_changed(go, plain, spec_of, tmp_path, seen, freeze):
    """The weak one is the image as it is, here; the strong one looks otherwise, in nearly every group."""
    data, more = plain
    go(spec_of(tmp_path, more, Phase(freeze, 1, 0.0001)), data=data)
    ((context, source),) = seen
    gray = pixels([each.path for each in context.unlabelled[0].examples.examples])
    gray = gray if source.prefix is None else np.asarray(source.prefix(gray)["P5"])
    rows = np.concatenate(epoch(source)[0])
    assert nearest(rows[1::3], gray)[1].max() < 1e-3
    changed = [
        not np.allclose(weak, strong, atol=1e-3) for weak, strong in zip(rows[1::3], rows[2::3], strict=True)
    ]
    assert np.mean(changed) > 0.7


def test_a_resumed_phase_sees_what_comes_next(go, plain, spec_of, tmp_path, seen):
    """From epoch 2 on: the same as the second epoch of a run from the start; the first was another order."""
    data, more = plain
    go(spec_of(tmp_path, more, Phase("backbone", 2, 0.0001)), data=data)
    source = seen[0][1]
    both = [x["P5"].numpy() for x, _ in source.batches(0, 2).take(8)]
    later = [x["P5"].numpy() for x, _ in source.batches(1, 2).take(4)]
    np.testing.assert_array_equal(both[4:], later)
    assert not np.array_equal(both[:4], later)


def test_the_batch_of_a_loss_that_is_no_number_names_its_images(go, plain, spec_of, tmp_path, monkeypatch):
    """In the first step of epoch 2: a row for each of six images, and it names the one in the batch."""
    calls = []

    class Breaking(keras.losses.Loss):
        def call(self, y_true, y_pred):
            calls.append(1)
            return keras.ops.mean(y_pred, axis=1) * (float("nan") if len(calls) == 5 else 1.0)

    monkeypatch.setattr(semi_supervised, "loss", lambda context: Breaking())
    monkeypatch.setattr(unlabelled, "STRONG", "none")
    data, more = plain
    with pytest.raises(InputError, match="loss is nan at epoch 2, step 1"):
        go(spec_of(tmp_path, more, Phase("none", 2, 0.0001)), data=data)
    with np.load(tmp_path / "run" / "bad_batch.npz") as bad:
        rows, images = json.loads(str(bad["rows"])), bad["images"]
    labelled = {each.path for each in data.train.examples}
    of_labelled = [row["example"] for row in rows if row["example"] in labelled]
    np.testing.assert_array_equal(pixels(of_labelled), images[0::3])
    assert len(rows) == len(images) == 6


def mean_color_backbone(name, size_hw, weights="auto"):
    """Build, like `zoo.build`, a backbone that says nothing but the mean color, -1..1."""
    images, levels = keras.Input((*size_hw, 3), name="images"), {}
    x = keras.layers.Rescaling(1 / 127.5, -1, name="stem_scale")(images)
    for n in range(1, 6):
        stem = keras.layers.Conv2D(3, 2, 2, use_bias=False, name=f"stem{n}")
        levels[f"P{n}"] = x = stem(x)
        stem.set_weights([np.tile(np.eye(3) / 4, (2, 2, 1, 1))])
    outputs = {level: levels[level] for level in ("P3", "P4", "P5")}
    return zoo.Built(name, keras.Model(images, outputs, name=name), zoo.Origin("random"))


def tinted(path, label, light):
    """An image of one color: `light`, -1..1, with some more red or more blue."""
    color = np.array([light, light, light]) + 0.3 * np.array([1, 0, -1]) * (1 - 2 * label)
    return ImageExample(paint(path, (color + 1) * 127.5), (64, 64), target=np.eye(2)[label])


@pytest.fixture
def tints(tmp_path):
    """One bright red and one dark blue image with labels; others of any light, held out and in a folder."""
    (tmp_path / "more").mkdir()
    lights = np.linspace(-0.6, 0.6, 16)
    train = tinted(tmp_path / "red.png", 0, 0.3), tinted(tmp_path / "blue.png", 1, -0.3)
    val = [tinted(tmp_path / f"{n}{label}.png", label, lights[n]) for n in range(16) for label in (0, 1)]
    for number, light in enumerate(lights + 0.02):
        for label in (0, 1):
            tinted(tmp_path / "more" / f"{number}{label}.png", label, light)
    sides = ImageSet("train", NAMES, train), ImageSet("val", NAMES, tuple(val))
    return Dataset(*sides, Findings("tints", "painted")), str(tmp_path / "more")


@pytest.fixture
def as_graphs():
    """Functions are traced again, as in a run: here are steps enough for that to pay."""
    tf.config.run_functions_eagerly(False)
    yield
    tf.config.run_functions_eagerly(True)


@pytest.mark.slow
def test_unlabelled_images_raise_the_accuracy(go, tints, spec_of, tmp_path, monkeypatch, as_graphs):
    """Bright red and dark blue: is it the light, or the color? In the strong copies the light changes.

    Two images alone make the light a reason, and bright blue is called red.
    """
    monkeypatch.setattr(zoo, "build", mean_color_backbone)
    monkeypatch.setattr(unlabelled, "STRONG", [{"transform": "brightness", "amount": [-0.4, 0.4]}])
    data, more = tints
    spec = spec_of(tmp_path, more, Phase("backbone", 10, 0.2))
    spec = spec.replace(schedule="constant", patience=99, dropout=0.0)
    informed = go(spec, data=data)
    alone = go(spec.replace(unlabelled=None, out=str(tmp_path / "alone")), data=data)
    (last_informed,), (last_alone,) = (made.state.history[-1:] for made in (informed, alone))
    assert last_alone["val_accuracy"] < 0.75
    assert last_informed["val_accuracy"] > last_alone["val_accuracy"] + 0.2


@pytest.mark.slow
def test_the_report_compares_with_training_without(small_zoo, tints, spec_of, tmp_path, monkeypatch):
    """`train.train` as a whole, on the painted images: a run in the run; gain is with less without."""
    data, more = tints
    specification = importlib.util.spec_from_file_location("train_script", TRAIN)
    train = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(train)
    monkeypatch.setenv("CITYZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(build, "dtype_policies", lambda spec: ("float32", "float32"))
    monkeypatch.setattr(settings, "dtype_policies", lambda spec: ("float32", "float32"))
    monkeypatch.setattr(build, "calibrate", lambda *args: None)
    monkeypatch.setattr(image_data, "read", lambda spec, task: data)
    spec = spec_of(tmp_path, more, Phase("backbone", 2, 0.01))
    report = train.train(spec)
    folder = tmp_path / "run"
    assert json.loads((folder / "report.json").read_text())["unlabelled"] == report["unlabelled"]
    other = json.loads((folder / "labelled_only" / "report.json").read_text())
    assert other["unlabelled"] is None and other["spec"]["modality"]["unlabelled"] is None
    assert set(report["unlabelled"]) == {"balanced_accuracy", "accuracy", "mean_auroc", "loss"}
    for name, row in report["unlabelled"].items():
        assert (row["labelled_only"], row["with_unlabelled"]) == (other[name], report[name]), name
        assert row["gain"] == report[name] - other[name], name
    assert report["unlabelled"]["loss"]["gain"] != 0  # they are two trainings
    assert report["spec"]["modality"]["unlabelled"] == "more"  # the name alone: no local path in a report
    page = (folder / "report.html").read_text()
    assert "unlabelled" in page
