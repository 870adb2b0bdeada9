"""Tiny data sets, and a function that trains as train.py does."""

from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import zoo
from cityzoo import tasks
from cityzoo.data.image import Dataset, Findings
from cityzoo.outputs.detection import Detection
from cityzoo.sample import ImageExample, ImageSet
from cityzoo.spec import Phase
from cityzoo.spec_file import Config, make_spec
from heads.detection import DetectionHead

NAMES = ("red", "blue")


def write_images(folder, split, count, seed):
    """Noisy dark images with a red or a blue rectangle each."""
    rng = np.random.default_rng(seed)
    images = []
    for i in range(count):
        pixels = rng.integers(0, 60, (64, 64, 3), dtype=np.uint8)
        (x, y), (w, h) = rng.integers(2, 30, 2), rng.integers(14, 30, 2)
        pixels[y : y + h, x : x + w, 2 * (i % 2)] = 250
        path = folder / f"{split}{i}.png"
        Image.fromarray(pixels).save(path)
        images.append(ImageExample(str(path), (64, 64), [[x, y, x + w, y + h]], [i % 2]))
    return ImageSet(split, NAMES, tuple(images))


@pytest.fixture(scope="session")
def street(tmp_path_factory):
    """Eight training and four held-out images of 64 x 64 pixels."""
    folder = tmp_path_factory.mktemp("street")
    sides = (write_images(folder, "train", 8, 0), write_images(folder, "val", 4, 1))
    return Dataset(*sides, Findings("street", "painted"))


def resolved_spec(folder, *plan, **flags):
    """The resolved spec of a short run with a small backbone on images of 64 x 64 pixels."""
    common = {"backbone": "slim", "weights": "random", "image_size": (64, 64), "precision": "float32"}
    common |= {"ema": 0.0, "backbone_rate": 1.0, "layer_decay": 1.0}  # four steps are too few for an average
    return make_spec(
        Config({**common, "batch_size": 4, "augment": "light", "out": str(folder), **flags}, plan)
    )


def short_spec(folder):
    """Two phases, three epochs of two steps, augmented views: the head alone, then with what is behind C4."""
    return resolved_spec(folder, Phase("backbone", 1, 0.005), Phase("C4", 2, 0.002), views=4)


@pytest.fixture
def spec(tmp_path):
    """The spec of a short run."""
    return short_spec(tmp_path / "run")


@pytest.fixture(scope="session")
def make_resolved():
    """Return a function that makes a resolved spec: (folder, *plan, **flags)."""
    return resolved_spec


def write_sorts(folder, split, count, seed):
    """The same images, each with a class as a whole; two of a scene follow each other."""
    drawn = write_images(folder, split, count, seed).examples
    images = (
        ImageExample(each.path, (64, 64), target=np.eye(2)[each.labels[0]], scene=f"{split}{i // 2}")
        for i, each in enumerate(drawn)
    )
    return ImageSet(split, NAMES, tuple(images))


@pytest.fixture(scope="session")
def sorts(tmp_path_factory):
    """Sixteen training images of eight scenes and eight held-out ones, half of them red, half blue."""
    folder = tmp_path_factory.mktemp("sorts")
    sides = (write_sorts(folder, "train", 16, 0), write_sorts(folder, "val", 8, 1))
    return Dataset(*sides, Findings("sorts", "painted"))


class SmallDetection(Detection):
    """Detection with a head that is built quickly."""

    @property
    def head(self):
        """Narrow and shallow."""
        return DetectionHead(len(self.class_names), channels=8, depth=1)


@pytest.fixture(scope="session")
def small_detect():
    """The vehicle_detect task with a small head."""
    return replace(tasks.find("vehicle_detect"), output=SmallDetection)


@pytest.fixture(scope="module")
def go(small_build, small_detect, street, tmp_path_factory):
    """Return a function that trains as train.py does, and returns what it made."""
    from cityzoo.fit import fine_tune, phases, run_folder
    from cityzoo.modalities.image import build
    from cityzoo.visualize import augmented

    def train(spec, resume=None, data=street):
        task = small_detect if spec.run.task == "vehicle_detect" else tasks.find(spec.run.task)
        output = task.output_for(data.train.class_names, spec.output).with_train_statistics(data.train)
        fine_tune.seed_everything(spec.run.seed)
        assembled = task.modality.build(spec, output, data)
        start = weights_by_layer(assembled.model)
        with run_folder.open_or_create(spec, resume and str(resume)) as folder:
            state = fine_tune.fine_tune(spec, task, output, data, assembled, folder, resume=bool(resume))
        return SimpleNamespace(assembled=assembled, state=state, folder=folder, output=output, start=start)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CITYZOO_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setattr(zoo, "build", small_build)
        patch.setattr(build, "dtype_policies", lambda spec: ("float32", "float32"))
        patch.setattr(build, "calibrate", lambda *args: None)
        patch.setattr(phases, "ImageSummaryCallback", lambda *args: keras.callbacks.Callback())
        patch.setattr(augmented, "to_tensorboard", lambda *args: None)
        tf.config.run_functions_eagerly(True)  # tracing a graph takes longer than these few steps
        yield train
        tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def whole(go, tmp_path_factory):
    """The short run, uninterrupted, with the weights before and after each phase; features cached in float32."""
    from cityzoo.fit import features, fine_tune

    seen, fit_phase = [], fine_tune.fit_phase

    def recorded(context, *rest):
        before = weights_by_layer(context.assembled.model)
        fit_phase(context, *rest)
        seen.append((before, weights_by_layer(context.assembled.model)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "STORED", np.float32)
        patch.setattr(fine_tune, "fit_phase", recorded)
        made = go(short_spec(tmp_path_factory.mktemp("whole") / "run"))
    made.phases = seen
    return made


def weights_by_layer(model):
    """Return the weights of each layer by its name."""
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


@pytest.fixture
def in_float32(monkeypatch):
    """Keep features in float32, so that runs can be compared to the last digits."""
    from cityzoo.fit import features

    monkeypatch.setattr(features, "STORED", np.float32)


@pytest.fixture
def stop_after(monkeypatch):
    """Return a function that lets the next run be interrupted right after an epoch was saved."""
    from cityzoo.fit import checkpoint

    save = checkpoint.save_checkpoint

    def at(epoch):
        def saved(path, arrays, state):
            save(path, arrays, state)
            if state["epoch"] == epoch:
                raise KeyboardInterrupt

        monkeypatch.setattr(checkpoint, "save_checkpoint", saved)

    return at
