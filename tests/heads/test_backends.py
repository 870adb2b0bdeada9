"""The same head and the same loss on another backend of Keras."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from heads.detection import DetectionHead, DetectionLoss

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import json, sys
import keras, numpy as np
from heads.detection import DetectionHead, DetectionLoss

arrays = np.load(sys.argv[1])
value = float(DetectionLoss((32, 64))(arrays["truth"], arrays["outputs"]))
levels = {name: keras.Input(arrays[name].shape[1:], name=name) for name in ("P3", "P4", "P5")}
model = keras.Model(levels, DetectionHead(2, channels=8, depth=1)(levels))
model.get_layer("head_distances").set_weights([np.zeros((1, 1, 8, 4)), np.array([0.1, 0.5, 1, 2])])
given = {name: arrays[name] for name in levels}
boxes = np.asarray(model.predict(given, verbose=0))[0, :, :4]
model.compile(keras.optimizers.Adam(0.01), DetectionLoss((32, 64)))
losses = model.fit(given, arrays["truth"], epochs=12, verbose=0).history["loss"]
print(json.dumps({"backend": keras.backend.backend(), "value": value, "boxes": boxes.tolist(), "losses": losses}))
"""


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_jax_gives_the_same_boxes_and_the_same_loss_and_learns(tmp_path):
    """Geometry and loss against this process' backend; a few steps of `fit` bring the loss down."""
    rng = np.random.default_rng(0)
    count = (32 * 64) // 64 + (32 * 64) // 256 + 2
    corners = rng.uniform(0, 30, (2, count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(4, 30, (2, count, 2))], axis=-1)
    outputs = np.concatenate([boxes, rng.normal(size=(2, count, 2))], axis=-1).astype("float32")
    truth = np.array([[[2, 3, 20, 25, 0], [30, 5, 60, 30, 1]], [[-1] * 5, [-1] * 5]], "float32")
    levels = {f"P{3 + i}": rng.normal(size=(2, 4 >> i, 8 >> i, 8)).astype("float32") for i in range(3)}
    np.savez(tmp_path / "arrays.npz", truth=truth, outputs=outputs, **levels)

    words = [sys.executable, "-c", SCRIPT, str(tmp_path / "arrays.npz")]
    surroundings = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(words, capture_output=True, text=True, env=surroundings, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = json.loads(ran.stdout.splitlines()[-1])

    assert found["backend"] == "jax"
    assert found["value"] == pytest.approx(float(DetectionLoss((32, 64))(truth, outputs)), rel=1e-4)
    assert np.array(found["boxes"]) == pytest.approx(here(levels), rel=1e-4)
    assert found["losses"][-1] < found["losses"][0]


def here(levels):
    """The boxes of the same head on this backend."""
    import keras

    inputs = {name: keras.Input(array.shape[1:], name=name) for name, array in levels.items()}
    model = keras.Model(inputs, DetectionHead(2, channels=8, depth=1)(inputs))
    model.get_layer("head_distances").set_weights([np.zeros((1, 1, 8, 4)), np.array([0.1, 0.5, 1, 2])])
    return model.predict(levels, verbose=0)[0, :, :4]
