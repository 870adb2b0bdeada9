"""The same head and the same loss on another backend of Keras."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from heads.detection import DetectionHead, DetectionLoss

BIAS = [0.1, 0.5, 1.0, 2.0]
SCRIPT = """
import json, sys
import jax, keras, numpy as np
from heads.detection import DetectionHead, DetectionLoss

arrays = np.load(sys.argv[1])
loss = DetectionLoss((32, 64))
value, gradient = jax.jit(jax.value_and_grad(lambda outputs: loss(arrays["truth"], outputs)))(arrays["outputs"])
levels = {name: keras.Input(arrays[name].shape[1:], name=name) for name in ("P3", "P4", "P5")}
model = keras.Model(levels, DetectionHead(2, channels=8, depth=1)(levels))
model.get_layer("head_distances").set_weights([np.zeros((1, 1, 8, 4)), np.array(arrays["bias"])])
boxes = np.asarray(model({name: arrays[name] for name in levels}))[0, :, :4]
np.savez(sys.argv[1], value=value, gradient=gradient, boxes=boxes)
print(json.dumps(keras.backend.backend()))
"""


def test_jax_gives_the_same_boxes_losses_and_gradients(on_jax, tmp_path):
    """Against this process' backend."""
    rng, file = np.random.default_rng(0), tmp_path / "arrays.npz"
    corners = rng.uniform(0, 30, (2, 32 + 8 + 2, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(4, 30, corners.shape)], axis=-1)
    outputs = np.concatenate([boxes, rng.normal(size=corners.shape)], axis=-1).astype("float32")
    truth = np.array([[[2, 3, 20, 25, 0], [30, 5, 60, 30, 1]], [[-1] * 5, [-1] * 5]], "float32")
    levels = {f"P{3 + i}": rng.normal(size=(2, 4 >> i, 8 >> i, 8)).astype("float32") for i in range(3)}
    np.savez(file, truth=truth, outputs=outputs, bias=BIAS, **levels)

    assert json.loads(on_jax(SCRIPT, file, folder=tmp_path)) == "jax"

    found, here = np.load(file), tf.constant(outputs)
    with tf.GradientTape() as tape:
        tape.watch(here)
        loss = DetectionLoss((32, 64))(truth, here)
    assert found["value"] == pytest.approx(float(loss), rel=1e-4)
    assert found["gradient"] == pytest.approx(tape.gradient(loss, here).numpy(), rel=1e-3, abs=1e-6)
    assert found["boxes"] == pytest.approx(boxes_here(levels), rel=1e-4)


def boxes_here(levels):
    """The boxes of the same head on this backend."""
    inputs = {name: keras.Input(array.shape[1:], name=name) for name, array in levels.items()}
    model = keras.Model(inputs, DetectionHead(2, channels=8, depth=1)(inputs))
    model.get_layer("head_distances").set_weights([np.zeros((1, 1, 8, 4)), np.array(BIAS)])
    return np.asarray(model(levels))[0, :, :4]
