"""Several devices give what one gives: in another process, since devices are set up before TensorFlow starts."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent
SCRIPT = """
import runpy, sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
tf.config.run_functions_eagerly(True)  # tracing takes longer than these few steps

import keras
import zoo
from cityzoo import tasks
from cityzoo.data.image import Dataset, Findings
from cityzoo.fit import devices, fine_tune, phases, run_folder
from cityzoo.modalities.image import build
from cityzoo.spec import Phase

here, folder = Path(sys.argv[1]), Path(sys.argv[2])
known = runpy.run_path(str(here / "conftest.py"))
zoo.build = runpy.run_path(str(here.parent / "conftest.py"))["small_backbone"]
build.dtype_policies = lambda spec: ("float32", "float32")
build.calibrate = lambda *args: None
phases.ImageSummaryCallback = lambda *args: keras.callbacks.Callback()
task = tasks.find("vehicle_classify")
data = Dataset(*(known["write_sorts"](folder, split, 8, 0) for split in ("train", "val")), Findings("", ""))


FLAGS = {"task": "vehicle_classify", "dropout": 0.0}  # each device would drop other features


def go(strategy, name):
    spec = known["resolved_spec"](folder / name, Phase("C4", 1, 0.01), augment="none", views=1, **FLAGS)
    fine_tune.seed_everything(0)
    with strategy.scope():
        output = task.output_for(known["NAMES"], spec.output)
        assembled = build.build(spec, output, data)
        with run_folder.open_or_create(spec, None) as opened:
            state = fine_tune.fine_tune(spec, task, output, data, assembled, opened)
    losses = [row["loss"] for row in state.history]
    weights = [keras.ops.convert_to_numpy(w) for w in assembled.model.weights]
    np.savez(folder / f"{name}.npz", *weights, losses=losses, names=[w.path for w in assembled.model.weights])


one = tf.distribute.get_strategy()
go(one, "one")
both = devices.strategy()
print("replicas", both.num_replicas_in_sync, sep="=")
go(both, "two")
"""
STEPS = """
from cityzoo.fit import ema, optimizers

rng = np.random.default_rng(0)
x, y = rng.normal(size=(24, 4)).astype("float32"), rng.normal(size=(24, 3)).astype("float32")
y[::2] *= 50  # half of each batch has far longer gradients, and goes to one device


def step(strategy, make):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        inputs = keras.Input((4,))
        hidden = keras.layers.Dense(5, use_bias=False, name="hidden")(inputs)
        norm = keras.layers.BatchNormalization(synchronized=strategy.num_replicas_in_sync > 1, momentum=0.5)
        model = keras.Model(inputs, keras.layers.Dense(3, name="out")(norm(hidden)))
        model.compile(make(), "mse")
        average = ema.WeightEMA(model, 0.9)
        order = np.arange(24).reshape(6, 2, 2).transpose(0, 2, 1).reshape(-1)  # batches of 4: long, long, short, short
        rows = tf.data.Dataset.from_tensor_slices((x[order], y[order])).batch(4)
        model.fit(rows, epochs=1, shuffle=False, verbose=0, callbacks=[average])
        with average.applied():
            averaged = model.get_weights()
        return [*model.get_weights(), *averaged]


ways = {name: (lambda name=name: optimizers.optimizer(name, 0.05, clip_norm=1.0, rates={"hidden/kernel": 0.5}))
        for name in ("adamw", "muon", "lookahead:sgd")}
ways["keras"] = lambda: keras.optimizers.SGD(0.05, global_clipnorm=1.0)
for name, make in ways.items():
    pairs = list(zip(step(one, make), step(both, make)))
    print(name, max(float(np.abs(a - b).max()) for a, b in pairs), sep="=")
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory, forked):
    """What both scripts printed, in one process with one pair of devices, and the folder that they wrote to."""
    folder = tmp_path_factory.mktemp("devices")
    printed = forked(SCRIPT + STEPS, HERE, folder, folder=folder)
    said = dict(line.split("=") for line in printed.splitlines() if "=" in line)
    return SimpleNamespace(folder=folder, said={name: float(value) for name, value in said.items()})


def test_two_devices_give_the_weights_of_one(ran):
    """Equal batches over both, BatchNorm statistics over both: the same losses and the same weights."""
    assert ran.said["replicas"] == 2
    one, two = (np.load(ran.folder / f"{name}.npz") for name in ("one", "two"))
    assert two["losses"] == pytest.approx(one["losses"], rel=1e-3)
    for position, name in enumerate(one["names"]):
        key = f"arr_{position}"
        assert two[key] == pytest.approx(one[key], rel=1e-2, abs=1e-3), name


def test_two_devices_step_as_one(ran):
    """Clipped after the gradients are summed; Keras' own clips each device's share, and goes elsewhere."""
    apart = {name: value for name, value in ran.said.items() if name != "replicas"}
    assert apart.pop("keras") > 0.01, "Keras clips over all devices now: our own way is no longer needed"
    assert sorted(apart) == ["adamw", "lookahead:sgd", "muon"]
    assert {name: value for name, value in apart.items() if value > 2e-4} == {}
