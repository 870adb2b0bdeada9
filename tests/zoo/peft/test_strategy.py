"""Training under MirroredStrategy equals training on one device, ranks and all."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
    import contextlib, json, sys
    import tensorflow as tf
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    import keras, numpy as np
    sys.path.insert(0, sys.argv[1])
    from conftest import _tiny
    from zoo.peft.adapt import adapt
    from zoo.peft.rewrite import fingerprint
    from zoo.peft.rank_allocation import rank_allocation

    images = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype("float32")
    mirrored, found = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), []
    for scope in (contextlib.nullcontext(), mirrored.scope()):
        keras.utils.set_random_seed(0)
        with scope:
            base = _tiny()
            adapted = adapt(base, "adalora:2")
            pooled = keras.layers.GlobalAveragePooling2D()(adapted.output["P5"])
            model = keras.Model(adapted.inputs[0], keras.layers.Dense(1)(pooled))
            model.compile(keras.optimizers.AdamW(0.01), "mse", jit_compile=False)
            callbacks = rank_allocation(adapted, steps=8)
            model.fit(images, np.arange(4.0), 2, 4, shuffle=False, verbose=0, callbacks=callbacks)
            assert callbacks[0].done and fingerprint(base) == fingerprint(adapted)
        found.append([weight.numpy() for weight in model.weights])
    print(json.dumps(max(float(np.abs(one - other).max()) for one, other in zip(*found))))
"""


@pytest.mark.slow
def test_two_devices_give_the_weights_of_one():
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(Path(__file__).parent)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(ran.stdout.splitlines()[-1]) < 1e-4
