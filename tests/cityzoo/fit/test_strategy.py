"""Several devices give what one gives: in a process of its own, since devices are set up before TensorFlow starts."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
SCRIPT = """
import runpy, sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf

tf.config.run_functions_eagerly(True)
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

import keras
import zoo
from cityzoo import tasks
from cityzoo.data import Dataset, Findings
from cityzoo.fit import hardware, phases, run, run_folder
from cityzoo.spec import Phase

here, folder = Path(sys.argv[1]), Path(sys.argv[2])
zoo.build = runpy.run_path(str(here.parent / "conftest.py"))["small_backbone"]
known = runpy.run_path(str(here / "conftest.py"))
hardware.policies = lambda spec: ("float32", "float32")
run.calibrate = lambda *args: None
phases.Pictures = lambda *args: keras.callbacks.Callback()
task = replace(tasks.find("vehicle_detect"), kind=known["SmallDetection"])
data = Dataset(*(known["write_pictures"](folder, split, 8, 0) for split in ("train", "val")), Findings("", ""))


def go(strategy, name):
    spec = replace(known["short_spec"](folder / name), phases=(Phase("C4", 1, 0.01),), augment="none", views=1)
    run.seed_everything(0)
    with strategy.scope():
        kind = task.kind(known["NAMES"])
        assembled = run.build_model(spec, kind, data)
        with run_folder.opened(spec, None) as opened:
            progress = run.fine_tune(spec, task, kind, data, assembled, opened)
    losses = [row["loss"] for row in progress.history]
    weights = [keras.ops.convert_to_numpy(w) for w in assembled.model.weights]
    np.savez(folder / f"{name}.npz", *weights, losses=losses, names=[w.path for w in assembled.model.weights])


go(tf.distribute.get_strategy(), "one")
both = hardware.strategy()
print("replicas", both.num_replicas_in_sync)
go(both, "two")
"""


def test_two_devices_give_the_weights_of_one(tmp_path):
    """Equal batches over both, BatchNorm statistics over both: the same losses and the same weights."""
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    words = [sys.executable, "-c", SCRIPT, str(HERE), str(tmp_path)]
    ran = subprocess.run(words, capture_output=True, text=True, env=surroundings, timeout=200, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert "replicas 2" in ran.stdout
    one, two = (np.load(tmp_path / f"{name}.npz") for name in ("one", "two"))
    assert two["losses"] == pytest.approx(one["losses"], rel=1e-3)
    for position, name in enumerate(one["names"]):
        key = f"arr_{position}"
        assert two[key] == pytest.approx(one[key], rel=1e-2, abs=1e-3), name
