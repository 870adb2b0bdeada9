"""Batch sizes are tried on a model like the run's, and the run gets the largest that fits."""

from dataclasses import replace

import keras
import pytest
import tensorflow as tf

from cityzoo import backend, tasks
from cityzoo.errors import InputError
from cityzoo.fit import auto_settings
from cityzoo.fit.memory_trial import memory_trial
from cityzoo.modalities.image import build

DETECT = tasks.find("vehicle_detect")
FLAGS = {"backbone": "mobilenet_025", "image_size": (64, 64), "weights": "random"}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Forty small drawn scenes as a checked data set."""
    from cityzoo import demo
    from cityzoo.data import image
    from cityzoo.demo.scenes.traffic_scene import draw_scene

    drawn = replace(DETECT.demo(), draw=lambda seed: draw_scene(seed, (64, 64)))
    counts, folder = {"train": 40, "val": 2}, tmp_path_factory.mktemp("drawn")
    folder = demo.write_demo(drawn, counts, folder=folder / "demo")
    return image.load(str(folder))


@pytest.fixture
def eagerly():
    """Run compiled functions step by step: tracing takes longer than these few steps."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def test_a_real_step_of_the_runs_own_task_is_tried(images, eagerly, make_resolved, small_zoo, monkeypatch):
    before = keras.config.dtype_policy()
    monkeypatch.setattr(build, "dtype_policies", lambda spec: ("float32", "float32"))
    spec = make_resolved("run", batch_size=1, augment="standard")
    try_batch = memory_trial(DETECT, DETECT.output_for(images.train.class_names), images)(spec)
    try_batch(2)
    assert keras.config.dtype_policy() == before


def resolve(images, trial):
    """Resolve --batch-size auto."""
    spec = DETECT.make_spec({**FLAGS, "batch_size": "auto"})
    return auto_settings.resolve(spec, DETECT, images, DETECT.output_for(images.train.class_names), trial)


@pytest.mark.parametrize(("room", "size"), [(1000, 8), (5, 4)])
def test_on_gpus_what_fits_is_taken(images, monkeypatch, room, size):
    monkeypatch.setattr(backend, "gpus", lambda: ["GPU:0"])
    tried = []

    def trial(spec):
        assert spec.modality.image_size == (64, 64)

        def try_batch(size):
            tried.append(size)
            if size > room:
                raise MemoryError

        return try_batch

    resolved = resolve(images, trial)
    assert resolved.fit.batch_size == size and tried[-1] == size
    steps = tasks.find("vehicle_detect").modality.steps_of_only_phase
    assert resolved.plan[0].epochs == min(100, steps * size // 40)


def test_on_cpus_memory_is_not_asked_and_one_that_holds_nothing_is_said(images, monkeypatch):
    def trial(spec):
        raise AssertionError("tried")

    monkeypatch.setattr(backend, "gpus", list)
    assert resolve(images, trial).fit.batch_size == 8

    def full(size):
        raise MemoryError

    monkeypatch.setattr(backend, "gpus", lambda: ["GPU:0"])
    with pytest.raises(InputError, match="not even a batch of 1 fits"):
        resolve(images, lambda spec: full)
