"""The same steps, averages and rates on another backend of Keras."""

import sys

import numpy as np
import pytest

SCRIPT = """
import sys
import keras
import numpy as np
import tensorflow as tf
from cityzoo.fit import ema, lr_finder, optimizers, schedules

start = np.load(sys.argv[1])
found, batches = {}, tf.data.Dataset.from_tensor_slices((start["x"], start["y"])).batch(4)
for name in ("adamw", "lion", "muon", "lookahead:sgd"):
    inputs = keras.Input((6, 6, 2))
    x = keras.layers.Conv2D(3, 3, use_bias=False, name="conv")(inputs)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.5, name="norm")(x))
    x = keras.layers.Dropout(0.0)(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, keras.layers.Dense(1, name="logits")(x))
    model.set_weights([start[f"w{i}"] for i in range(len(model.get_weights()))])
    model.compile(
        optimizers.optimizer(
            name, schedules.schedule("onecycle", 0.05, 6), clip_norm=1.0, rates={"conv/kernel": 0.5}
        ),
        "mse",
        run_eagerly=keras.backend.backend() == "tensorflow",  # tracing takes longer than these few steps
    )
    average = ema.WeightEMA(model, 0.9)
    model.fit(batches, shuffle=False, verbose=0, callbacks=[average])
    kept = [*model.get_weights(), *average.state()]
    with average.applied():
        kept += model.get_weights()
    found.update({f"{name} {i}": array for i, array in enumerate(kept)})

before = model.get_weights()
rate, found_rates = lr_finder.find_lr(
    model, "mse", batches.repeat(), keras.optimizers.SGD, lowest=1e-4, highest=1e3, steps=30, verbose=0
)
same = all(np.array_equal(one, other) for one, other in zip(before, model.get_weights()))
np.savez(sys.argv[2], backend=keras.backend.backend(), same=same, rate=rate, losses=found_rates.losses[:15], **found)
"""


def test_jax_takes_the_steps_of_tensorflow(on_jax, tmp_path, monkeypatch):
    """Optimizers with rates, clipping, schedule and average, through `fit`; and the range test."""
    rng = np.random.default_rng(0)
    shapes = [(3, 3, 2, 3), (3,), (3,), (3,), (3,), (3, 1), (1,)]
    start = {f"w{i}": rng.uniform(0.5, 1, shape).astype("float32") for i, shape in enumerate(shapes)}
    pairs = {"x": rng.normal(size=(24, 6, 6, 2)), "y": rng.normal(size=(24, 1))}
    np.savez(
        tmp_path / "start.npz", **start, **{name: array.astype("float32") for name, array in pairs.items()}
    )
    files = {name: str(tmp_path / f"{name}.npz") for name in ("start", "tensorflow", "jax")}
    on_jax(SCRIPT, files["start"], files["jax"], folder=tmp_path)
    monkeypatch.setattr(sys, "argv", ["script", files["start"], files["tensorflow"]])
    exec(compile(SCRIPT, "script", "exec"), {"__name__": "__main__"})  # here, where TensorFlow is imported
    one, other = (dict(np.load(files[backend])) for backend in ("tensorflow", "jax"))
    assert (str(one.pop("backend")), str(other.pop("backend"))) == ("tensorflow", "jax")
    assert one.pop("same") and other.pop("same")
    assert len(one) == 4 * (7 + 1 + 7 + 7) + 2
    for name, array in one.items():
        assert other[name] == pytest.approx(array, rel=2e-3, abs=2e-4), name
