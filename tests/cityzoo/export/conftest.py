"""A run folder of each kind with an untrained model: export needs no training."""

import importlib
from unittest import mock

import keras
import pytest

from cityzoo import demo, model, tasks
from cityzoo.fit.run_folder import RunFolder
from zoo import registry

COUNTS = {"train": 6, "val": 5}


@pytest.fixture(scope="session")
def image_run(tmp_path_factory):
    """A function from a task's name and settings to the folder of a run on its demo data."""

    def make(name, **settings):
        place, task = tmp_path_factory.mktemp(name), tasks.find(name)
        data = demo.write_demo(task.demo(), COUNTS, folder=place / "data")
        chosen = {"task": name, "backbone": "tiny", "data": str(data), "image_size": (64, 64), **settings}
        spec = task.make_spec(chosen)
        train = task.modality.read(spec, task).train
        output = task.output_for(train.class_names, spec.output).with_train_statistics(train)
        keras.utils.set_random_seed(1)
        with (
            mock.patch.dict(registry.BACKBONES),
            mock.patch.dict(vars(keras.applications)),
        ):  # others list them
            tiny = importlib.import_module("tests.tiny_backbone")
            registry.BACKBONES["tiny"] = registry.Backbone("Tiny", "mobilenet", "tiny", 64, 0.01)
            keras.applications.Tiny = tiny.build_tiny
            built = model.assemble("tiny", output, (64, 64), "random")
        run = RunFolder(place / "run")
        run.path.mkdir()
        model.save(built.model, run.model)
        spec.write(run.spec)
        return run.path

    return make


@pytest.fixture(scope="session")
def detector_run(image_run):
    """The folder of a detector."""
    return image_run("vehicle_detect", neck_width=8)
