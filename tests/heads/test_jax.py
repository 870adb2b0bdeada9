"""Heads that classify, count and measure distances, and their losses, on JAX."""

from pathlib import Path

import keras
import numpy as np
import pytest

from heads.classification import ClassificationHead, ClassificationLoss
from heads.counting import CountRegressionHead, DensityLoss, DensityMapHead
from heads.memory_bank import PatchMemoryBank

HERE = Path(__file__).resolve().parent
SCRIPT = """
import sys
import jax, keras, numpy as np
sys.path.append(sys.argv[3])
from test_jax import LOSSES, heads_here

arrays, found = dict(np.load(sys.argv[1])), {}
for name, (loss, truth, outputs) in LOSSES.items():
    value_of = lambda y: loss(arrays[truth], y)
    found[f"{name} value"], found[f"{name} gradient"] = jax.jit(jax.value_and_grad(value_of))(arrays[outputs])
found |= heads_here(arrays)
np.savez(sys.argv[2], backend=keras.backend.backend(), **found)
"""
LOSSES = {
    "one": (ClassificationLoss(), "one_of", "logits"),
    "focal": (ClassificationLoss(False, 2.0, (1, 2, 3), 0.1), "one_of", "logits"),
    "pair": (ClassificationLoss(focal=2.0, class_weights=(1, 3)), "two", "logit"),
    "several": (ClassificationLoss(True, 2.0, (1, 2, 3), 0.1), "any_of", "logits"),
    "density": (DensityLoss(), "map", "said"),
}
HEADS = {
    "logits": ClassificationHead(3, 0.1, peaks=True),
    "cosines": ClassificationHead(3, normalized=True),
    "density": DensityMapHead(8),
    "count": CountRegressionHead(8),
    "distance": PatchMemoryBank(20),
}


def heads_here(arrays):
    """Outputs of the heads on this process' backend, their weights drawn from one seed."""
    given, found = {name: arrays[name] for name in ("P3", "P4", "P5")}, {}
    for name, head in HEADS.items():
        inputs = {level: keras.Input(array.shape[1:], name=level) for level, array in given.items()}
        model, rng = keras.Model(inputs, head(inputs)), np.random.default_rng(0)
        model.set_weights([rng.uniform(0.1, 0.5, weight.shape) for weight in model.get_weights()])
        found[f"{name} head"] = model.predict_on_batch(given)
    return found


def test_jax_classifies_counts_and_measures_the_same(on_jax, tmp_path):
    """Losses, gradients and outputs of the other heads, against this process' backend."""
    rng = np.random.default_rng(1)
    arrays = {f"P{3 + i}": rng.normal(size=(2, 4 >> i, 8 >> i, 8)) for i in range(3)}
    arrays |= {"logits": rng.normal(0, 3, (6, 3)), "logit": rng.normal(0, 3, (6, 1))}
    arrays |= {"one_of": np.eye(3)[[0, 1, 2, 2, 1, 0]], "two": np.eye(2)[[0, 1, 1, 0, 0, 1]]}
    arrays |= {"any_of": rng.integers(0, 2, (6, 3))}
    arrays |= {"map": rng.uniform(0, 0.1, (2, 4, 8, 1)), "said": rng.uniform(0, 0.1, (2, 4, 8, 1))}
    arrays = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
    np.savez(tmp_path / "given.npz", **arrays)
    on_jax(SCRIPT, tmp_path / "given.npz", tmp_path / "found.npz", HERE, folder=tmp_path)
    import tensorflow as tf

    found = np.load(tmp_path / "found.npz")
    assert str(found["backend"]) == "jax"
    for name, (loss, truth, outputs) in LOSSES.items():
        here = tf.constant(arrays[outputs])
        with tf.GradientTape() as tape:
            tape.watch(here)
            value = loss(arrays[truth], here)
        assert found[f"{name} value"] == pytest.approx(float(value), rel=1e-4), name
        gradient = tape.gradient(value, here).numpy()
        assert found[f"{name} gradient"] == pytest.approx(gradient, rel=1e-3, abs=1e-5), name
    for name, array in heads_here(arrays).items():
        assert np.abs(array).max() > 1e-3 and found[name] == pytest.approx(array, rel=1e-3, abs=1e-4), name
