"""The trial of batch sizes on a model like the run's, and the size that a run then has."""

from dataclasses import replace

import keras
import pytest
import tensorflow as tf

from cityzoo.errors import InputError
from cityzoo.fit import devices
from cityzoo.fit.memory_trial import memory_trial
from cityzoo.outputs.detection import Detection
from cityzoo.spec import TrainSpec

SPEC = TrainSpec(backbone="mobilenet_025", image_size=(64, 64), batch_size="auto", weights="random")
KIND = Detection(("car",))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Forty small drawn scenes as a checked data set."""
    from cityzoo import demo, tasks
    from cityzoo.data import image
    from cityzoo.demo.scenes.traffic_scene import draw_scene

    drawn = replace(tasks.find("vehicle_detect").demo(), draw=lambda seed: draw_scene(seed, (64, 64)))
    counts, folder = {"train": 40, "val": 2}, tmp_path_factory.mktemp("drawn")
    folder = demo.write_demo(drawn, counts, folder=folder / "demo")
    return image.load(str(folder))


@pytest.fixture
def eagerly():
    """Run compiled functions step by step: tracing takes longer than these few steps."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def test_a_real_step_of_the_runs_own_kind_is_tried(images, eagerly):
    before = keras.config.dtype_policy()
    try_batch = memory_trial(Detection(images.train.class_names), images)(SPEC)
    try_batch(2)
    assert keras.config.dtype_policy() == before


@pytest.mark.parametrize(("room", "size"), [(1000, 8), (5, 4)])
def test_on_gpus_what_fits_is_taken(images, monkeypatch, room, size):
    monkeypatch.setattr(devices, "gpus", lambda: ["GPU:0"])
    tried = []

    def trial(spec):
        assert spec.image_size == (64, 64)

        def try_batch(size):
            tried.append(size)
            if size > room:
                raise MemoryError

        return try_batch

    resolved = devices.resolve(SPEC, images, KIND, trial)
    assert resolved.batch_size == size and tried[-1] == size
    assert resolved.phases[0].epochs == min(100, devices.STEPS_PER_PHASE * size // 40)


def test_on_cpus_memory_is_not_asked_and_one_that_holds_nothing_is_said(images, monkeypatch):
    def trial(spec):
        raise AssertionError("tried")

    monkeypatch.setattr(devices, "gpus", list)
    assert devices.resolve(SPEC, images, KIND, trial).batch_size == 8

    def full(size):
        raise MemoryError

    monkeypatch.setattr(devices, "gpus", lambda: ["GPU:0"])
    with pytest.raises(InputError, match="not even a batch of 1 fits"):
        devices.resolve(SPEC, images, KIND, lambda spec: full)
