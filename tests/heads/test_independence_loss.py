"""HSIC next to its definition and to values by hand, and the loss that is made of it."""

import keras
import numpy as np
import pytest

from heads.independence_loss import IndependenceLoss, hsic

VALUES = np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]])
ONE = np.ones((4, 1))


def by_definition(k, m):
    """Return tr(K H L H) / (n - 1)^2."""
    n = len(k)
    h = np.eye(n) - 1 / n
    return np.trace(k @ h @ m @ h) / (n - 1) ** 2


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_hsic_is_its_definition(kernel):
    """On random rows; the Gaussian kernel is as wide as the mean squared distance."""
    rng = np.random.default_rng(0)
    z, a = rng.normal(size=(12, 3)), np.eye(3)[rng.integers(0, 3, 12)]
    k = z @ z.T
    if kernel == "rbf":
        distances = ((z[:, None] - z[None]) ** 2).sum(axis=-1)
        k = np.exp(-distances / (2 * distances.mean()))
    found = float(hsic(z, a, np.ones((12, 1)), kernel))
    assert found == pytest.approx(by_definition(k, a @ a.T), rel=1e-4)


def test_the_mean_over_strata():
    """Two classes: each as if alone."""
    rng = np.random.default_rng(1)
    z, a = rng.normal(size=(10, 2)), np.eye(2)[rng.integers(0, 2, 10)]
    classes = np.eye(2)[[0] * 6 + [1] * 4]
    parts = [by_definition((z @ z.T)[s, s], (a @ a.T)[s, s]) for s in (slice(0, 6), slice(6, 10))]
    assert float(hsic(z, a, classes, "linear")) == pytest.approx(np.mean(parts), rel=1e-4)


def test_rbf_by_hand():
    """Two pairs at distance 2: squared distances 0 and 4 on average 2, so that K is 1 and exp(-1)."""
    z = np.array([[1.0], [1.0], [-1.0], [-1.0]])
    assert float(hsic(z, VALUES, ONE)) == pytest.approx(4 * (1 - np.exp(-1)) / 9, rel=1e-5)
    assert float(hsic(z, VALUES, ONE, normalize=True)) == pytest.approx(1.0, rel=1e-5)
    assert float(hsic(z[[0, 2, 1, 3]], VALUES, ONE, normalize=True)) == pytest.approx(0.0, abs=1e-6)


def test_the_loss_adds_it():
    """Four groups of two values: the columns after the targets say which; 3 times 1 on top."""
    plain = keras.losses.CategoricalCrossentropy(from_logits=True)
    loss = IndependenceLoss(plain, [[1, 0], [0, 1], [1, 0], [0, 1]], weight=3.0)
    groups = np.eye(4)[[0, 0, 1, 1]]
    logits = np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    targets = np.tile([1.0, 0], (4, 1))
    found = np.asarray(loss.call(np.concatenate([targets, groups], axis=1), logits))
    assert found == pytest.approx(np.asarray(plain.call(targets, logits)) + 3, rel=1e-5)
    again = IndependenceLoss.from_config(loss.get_config())
    assert np.asarray(again.call(np.concatenate([targets, groups], axis=1), logits)) == pytest.approx(found)


def test_it_can_be_trained_away():
    """A linear head on a feature of the class and one of the value: the second one's weight shrinks."""
    rng = np.random.default_rng(0)
    label, value = rng.integers(0, 2, 256), rng.integers(0, 2, 256)
    value = np.where(rng.random(256) < 0.9, label, value)
    x = np.stack([label * 2 - 1, (value * 2 - 1) * 2], axis=1) + rng.normal(0, 0.7, (256, 2))
    columns = np.concatenate([np.eye(2)[label], np.eye(4)[2 * label + value]], axis=1)
    slopes = {}
    for weight in (0.0, 3.0):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.layers.Dense(2)])
        plain = keras.losses.CategoricalCrossentropy(from_logits=True)
        loss = IndependenceLoss(plain, [[1, 0], [0, 1], [1, 0], [0, 1]], weight)
        model.compile(keras.optimizers.Adam(0.1), loss, jit_compile=False)
        model.fit(x, columns, batch_size=128, epochs=12, verbose=0)
        kernel = model.layers[0].get_weights()[0]
        slopes[weight] = np.divide(*np.abs(kernel[:, 1] - kernel[:, 0])[::-1])
    assert slopes[0.0] > 0.4 and slopes[3.0] < 0.2
