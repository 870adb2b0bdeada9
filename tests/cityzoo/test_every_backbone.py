"""Every backbone that has levels becomes a detector, takes a training step, and survives saving."""

import gc

import keras
import numpy as np
import pytest

import zoo
from cityzoo.model import assemble, class_names, load, save
from cityzoo.outputs.detection import Detection

WITH_LEVELS = [name for name in zoo.names() if zoo.get(name).has_levels]
EVERYDAY = ("mobilenet_025",)


def smallest_size(name):
    return -(-zoo.get(name).min_size // 32) * 32


def one_step(name, tmp_path, jit_compile):
    side = smallest_size(name)
    output = Detection(("car", "bus"))
    assembled = assemble(name, output, (side, side), "random")
    model = assembled.model
    model.compile(keras.optimizers.SGD(1e-3), output.loss((side, side)), jit_compile=jit_compile)
    images = np.random.default_rng(0).uniform(0, 255, (2, side, side, 3)).astype("float32")
    truth = np.array([[[4, 4, 24, 20, 0]], [[-1, -1, -1, -1, -1]]], "float32")
    before = [keras.ops.convert_to_numpy(weight).copy() for weight in model.trainable_weights]
    loss = model.train_on_batch(images, truth)
    assert np.isfinite(loss)
    # A step reaches the backbone's first layer and the head's last one.
    moved = [
        not np.array_equal(b, keras.ops.convert_to_numpy(w))
        for b, w in zip(before, model.trainable_weights, strict=True)
    ]
    assert moved[0] and moved[-1]
    save(model, tmp_path / "model.keras")
    again = load(tmp_path / "model.keras")
    assert class_names(again) == ("car", "bus")
    expected = model(images, training=False)
    np.testing.assert_allclose(again(images, training=False), expected, rtol=1e-4, atol=1e-3)
    (tmp_path / "model.keras").unlink()
    keras.backend.clear_session()
    gc.collect()


@pytest.mark.parametrize("name", EVERYDAY)
def test_some_backbones_train_a_step(name, tmp_path):
    one_step(name, tmp_path, jit_compile=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in WITH_LEVELS if name not in EVERYDAY])
def test_all_backbones_train_a_step(name, tmp_path):
    one_step(name, tmp_path, jit_compile="auto")
