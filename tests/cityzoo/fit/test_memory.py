"""The trial of batch sizes on a model like the run's, and the size that a run then has."""

from dataclasses import replace

import keras
import pytest
import tensorflow as tf

from cityzoo.errors import InputError
from cityzoo.fit import hardware
from cityzoo.fit.memory import memory_trial
from cityzoo.kinds.detection import Detection
from cityzoo.spec import TrainSpec

SPEC = TrainSpec(backbone="mobilenet_025", image_size=(64, 64), batch_size="auto", weights="random")
KIND = Detection(("car",))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Forty small drawn scenes as a checked data set."""
    from cityzoo import data, demo, tasks
    from cityzoo.demo.traffic_scene import draw_scene

    drawn = replace(tasks.find("vehicle_detect").demo(), draw=lambda seed: draw_scene(seed, (64, 64)))
    counts, folder = {"train": 40, "val": 2}, tmp_path_factory.mktemp("drawn")
    folder = demo.materialise(drawn, counts, folder=folder / "demo")
    return data.load(str(folder))


@pytest.fixture
def eagerly():
    """Run compiled functions step by step: tracing takes longer than these few steps."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def test_a_real_step_of_the_runs_own_kind_is_tried(pictures, eagerly):
    before = keras.config.dtype_policy()
    try_batch = memory_trial(Detection(pictures.train.class_names), pictures)(SPEC)
    try_batch(2)
    assert keras.config.dtype_policy() == before


@pytest.mark.parametrize(("room", "size"), [(1000, 8), (5, 4)])
def test_on_gpus_what_fits_is_taken(pictures, monkeypatch, room, size):
    monkeypatch.setattr(hardware, "gpus", lambda: ["GPU:0"])
    tried = []

    def trial(spec):
        assert spec.image_size == (64, 64)

        def try_batch(size):
            tried.append(size)
            if size > room:
                raise MemoryError

        return try_batch

    resolved = hardware.resolve(SPEC, pictures, KIND, trial)
    assert resolved.batch_size == size and tried[-1] == size
    assert resolved.phases[0].epochs == min(100, hardware.STEPS_PER_PHASE * size // 40)


def test_on_cpus_memory_is_not_asked_and_one_that_holds_nothing_is_said(pictures, monkeypatch):
    def trial(spec):
        raise AssertionError("tried")

    monkeypatch.setattr(hardware, "gpus", list)
    assert hardware.resolve(SPEC, pictures, KIND, trial).batch_size == 8

    def full(size):
        raise MemoryError

    monkeypatch.setattr(hardware, "gpus", lambda: ["GPU:0"])
    with pytest.raises(InputError, match="not even a batch of 1 fits"):
        hardware.resolve(SPEC, pictures, KIND, lambda spec: full)
