"""A model as one compiled function gives what its layers give, on either backend of Keras."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from cityzoo import backend

SCRIPT = """
import sys
import keras, numpy as np, tensorflow as tf
from cityzoo import backend

backend.prepare()
x = keras.Input((2,))
model = keras.Model(x, {"twice": keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")(x)})
model.trainable = False
rows, half = np.array([[1, 2], [3, 4]], "float32"), lambda outputs: keras.ops.cast(outputs["twice"], "float16")
before = backend.compiled(model)
strip = keras.Input((1, 2, 1))
weigh = keras.Model(strip, keras.layers.Dense(1, use_bias=False)(keras.layers.Flatten()(strip)))
weigh.set_weights([np.array([[3.0], [1.0]])])
loss = lambda wanted, found: keras.ops.sum((found - wanted) ** 2)
value, slope = backend.gradient(weigh, loss)(np.ones((1, 1, 2, 1), "float32"), np.full((1, 1), 5.0, "float32"))
model.set_weights([np.full((2, 1), 10.0)])
np.savez(
    sys.argv[1],
    on_jax=backend.on_jax(),
    gpus_left=len(tf.config.get_visible_devices("GPU")),
    before=before(rows)["twice"],
    after=backend.compiled(model)(tf.constant(rows))["twice"],
    half=backend.compiled(model, half)(rows),
    value=value,
    slope=slope,
)
"""


def test_jax_runs_the_weights_of_the_moment_it_was_asked(on_jax, tmp_path):
    """Compiled once, asked again after every epoch; TensorFlow's own tensors are taken as they come."""
    on_jax(SCRIPT, tmp_path / "said.npz", folder=tmp_path)
    said = np.load(tmp_path / "said.npz")
    assert (bool(said["on_jax"]), int(said["gpus_left"])) == (True, 0)
    assert said["before"].tolist() == [[3], [7]]
    assert said["after"].tolist() == [[30], [70]]
    assert (said["half"].dtype, said["half"].tolist()) == (np.float16, [[30], [70]])
    # (3 + 1 - 5)^2, whose slope is 2 (3 + 1 - 5) times the weights
    assert (float(said["value"]), said["slope"].ravel().tolist()) == (1.0, [-6, -2])


def test_tensorflow_gives_arrays_in_inference_mode():
    """Dropout does nothing; a dict in, a dict out; what comes after is compiled with the model."""
    inputs = {"a": keras.Input((2,), name="a"), "b": keras.Input((2,), name="b")}
    outputs = {"sum": keras.layers.Dropout(0.9)(keras.layers.Add()([inputs["a"], inputs["b"]]))}
    model, eager = keras.Model(inputs, outputs), []

    def negated(found):
        eager.append(tf.executing_eagerly())
        return -found["sum"]

    rows = {"a": np.ones((1, 2), "float32"), "b": tf.ones((1, 2))}
    assert backend.compiled(model)(rows)["sum"].tolist() == [[2, 2]]
    found = backend.compiled(model, negated)(rows)
    assert isinstance(found, np.ndarray) and found.tolist() == [[-2, -2]]
    assert eager == [False]


@pytest.mark.parametrize(("mirrored", "slope"), [(False, [[-6, -2], [6, 2]]), (True, [[-4, -4], [4, 4]])])
def test_the_gradient_is_that_of_what_is_judged(mirrored, slope):
    """Weights 3 and 1 on two pixels, dropout between; (4 - 5)^2 and (4 - 3)^2. Beside its mirror image both weigh 2."""
    strip = keras.Input((1, 2, 1))
    total = keras.layers.Dense(1, use_bias=False)
    model = keras.Model(strip, total(keras.layers.Dropout(0.9)(keras.layers.Flatten()(strip))))
    model.set_weights([np.array([[3.0], [1.0]])])
    run = backend.gradient(
        model, lambda wanted, found: keras.ops.sum(keras.ops.square(found - wanted)), mirrored
    )
    value, found = run(np.ones((2, 1, 2, 1), "float32"), np.array([[5.0], [3.0]], "float32"))
    assert (value, found[:, 0, :, 0].tolist()) == (2.0, slope)


@pytest.mark.parametrize(
    ("flags", "fast"),
    [("sse avx512f amx_bf16", True), ("avx512_bf16", True), ("sse avx2", False), ("", False)],
)
def test_a_cpu_is_fast_in_bfloat16_by_its_flags(gpu, monkeypatch, flags, fast):
    """A machine that lists no flags is not."""
    gpu(False)
    monkeypatch.setattr(backend, "_cpuinfo", lambda key: flags)
    assert backend.is_fast_in_bfloat16() is fast


@pytest.mark.parametrize(("capability", "fast"), [((8, 0), True), ((9, 0), True), ((7, 5), False)])
def test_a_gpu_is_fast_in_bfloat16_by_its_capability(gpu, monkeypatch, capability, fast):
    """From compute capability 8.0 on."""
    gpu(True)
    details = {"compute_capability": capability, "device_name": "A GPU"}
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda device: details)
    assert backend.is_fast_in_bfloat16() is fast
    assert backend.device_name() == "A GPU"


def test_the_processor_has_a_name_and_cores(gpu):
    """Where there is no GPU."""
    gpu(False)
    name, _, cores = backend.device_name().rpartition(", ")
    assert name and cores.endswith(" cores")


def test_a_model_is_traced_once_whatever_the_batch_and_whoever_asks():
    """Batches of two, one and three, as array and tensor, with weights that changed in between."""
    x, traces = keras.Input((2,)), []
    model = keras.Model(x, keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")(x))

    def counted(outputs):
        traces.append(outputs.shape)
        return outputs

    found = [backend.compiled(model, counted)(np.ones((rows, 2), "float32")).tolist() for rows in (2, 1)]
    model.set_weights([np.full((2, 1), 2.0)])
    found.append(backend.compiled(model, counted)(tf.ones((3, 2))).tolist())
    assert found == [[[2], [2]], [[2]], [[4], [4], [4]]]
    assert traces == [(None, 1)]


def test_a_model_that_nobody_holds_any_more_is_forgotten():
    """Its compiled function would otherwise keep its weights in memory."""
    x = keras.Input((2,))
    model = keras.Model(x, keras.layers.Dense(1)(x))
    backend.compiled(model)(np.ones((1, 2), "float32"))
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
