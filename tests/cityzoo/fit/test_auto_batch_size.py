"""Sizes for machines that are made up, and a real step that leaves no trace."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cityzoo.errors import InputError, is_out_of_memory
from cityzoo.fit.auto_batch_size import auto_batch_size, training_step


def machine(room, error):
    """Return what tries a size where `room` images fit, and the sizes that were tried."""
    tried = []

    def try_batch(size):
        tried.append(size)
        if size > room:
            raise error

    return try_batch, tried


EXHAUSTED = tf.errors.ResourceExhaustedError(
    None, None, "OOM when allocating tensor with shape[64,640,640,64]"
)
OUT_OF_MEMORY = {
    "TensorFlow": EXHAUSTED,
    "TensorFlow's allocator": tf.errors.InternalError(None, None, "CUDA_ERROR_OUT_OF_MEMORY: out of memory"),
    "Keras, which wraps it": RuntimeError(
        "Exception encountered ... OOM when allocating tensor with shape[64]"
    ),
    "JAX": RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes."),
    "Python": MemoryError(),
}


@pytest.mark.parametrize("error", OUT_OF_MEMORY.values(), ids=OUT_OF_MEMORY)
def test_it_is_halved_until_it_fits(error):
    """From 128; 50 fit."""
    try_batch, tried = machine(50, error)
    assert auto_batch_size(10_000, try_batch) == 32
    assert tried == [128, 64, 32]


@pytest.mark.parametrize(
    ("images", "devices", "size"),
    [
        (10_000, 1, 128),
        (1000, 1, 32),
        (100, 1, 8),
        (5, 1, 4),
        (1, 1, 1),
        (10_000, 3, 96),
        (10_000, 8, 128),
        (2, 4, 4),
    ],
)
def test_data_and_devices_bound_it(images, devices, size):
    """1000 / 16 steps = 62, so 32; never less than an image a device; a power of two on each."""
    try_batch, tried = machine(10_000, EXHAUSTED)
    assert auto_batch_size(images, try_batch, devices) == size
    assert tried == [size]


@pytest.mark.parametrize(("images", "size"), [(10_000, 16), (200, 8), (100, 8), (7, 4), (1, 1)])
def test_without_a_gpu_it_is_a_usual_one(images, size):
    """Nothing is tried."""
    assert auto_batch_size(images) == size


def test_where_not_one_image_fits_it_says_what_to_do():
    """One line."""
    try_batch, tried = machine(1, EXHAUSTED)
    with pytest.raises(InputError, match="smaller --image-size"):
        auto_batch_size(10_000, try_batch, devices=2)
    assert tried == [128, 64, 32, 16, 8, 4, 2]


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes differ"), tf.errors.InvalidArgumentError(None, None, "rank")]
)
def test_other_errors_are_not_taken_for_full_memory(error):
    """They come through at once."""
    try_batch, tried = machine(0, error)
    with pytest.raises(type(error)):
        auto_batch_size(10_000, try_batch)
    assert tried == [128]
    assert not is_out_of_memory(error)


def test_a_real_step_takes_the_size_and_leaves_no_trace():
    """Two inputs by name, as a model behind a cut has them; BatchNorm and weights are what they were."""
    inputs = {name: keras.Input((4,), name=name) for name in ("P3", "P4")}
    x = keras.layers.BatchNormalization()(keras.layers.Concatenate()(list(inputs.values())))
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    before, seen = model.get_weights(), []

    def loss(y_true, y_pred):
        seen.append(y_true.shape)
        return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)

    row = ({name: np.ones(4, "float32") for name in inputs}, np.zeros(2, "float32"))
    tf.config.run_functions_eagerly(True)
    training_step(model, loss, lambda: keras.optimizers.SGD(1.0), row)(6)
    tf.config.run_functions_eagerly(False)
    assert [shape for shape in seen if shape[0] == 6] == [(6, 2), (6, 2)]
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
