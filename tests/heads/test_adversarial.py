"""Attacks on a linear model, whose worst case is known, and the loss of TRADES by hand."""

import keras
import numpy as np
import pytest

from heads.adversarial import AdversarialModel
from heads.classification import ClassificationLoss

WEIGHTS = np.array([0.02, -0.01, 0.03])


def linear(**settings):
    """One pixel with three channels; the logit of the second class is 2 r - g + 3 b, in hundredths."""
    pixel = keras.Input((1, 1, 3))
    layer = keras.layers.Dense(1, use_bias=False)
    model = keras.Model(pixel, layer(keras.layers.Flatten()(pixel)))
    layer.set_weights([WEIGHTS[:, None].astype("float32")])
    given = {"eps": 4.0, "steps": 7, **settings}
    return AdversarialModel(model, ClassificationLoss(several=False), **given)


def images(*pixels):
    """Each one pixel."""
    return np.array(pixels, "float32").reshape(-1, 1, 1, 3)


BOTH = np.array([[0.0, 1.0], [1.0, 0.0]], "float32")


@pytest.mark.parametrize("steps", [1, 7])
def test_the_worst_case_of_a_linear_model(steps):
    """It is eps times the signs of the weights away, and the logit falls by eps times the sum of their sizes."""
    clean = images([100, 100, 100], [2, 254, 100])
    model = linear(steps=steps)
    found = np.asarray(model.attack(clean, BOTH, 4.0, steps))
    assert found[0].ravel() == pytest.approx([96, 104, 96], abs=1e-4)
    assert found[1].ravel() == pytest.approx([6, 250, 104], abs=1e-4)
    fall = np.asarray(model(clean) - model(found))[:, 0]
    assert fall == pytest.approx([4 * 0.06, -4 * 0.06], abs=1e-5)


def test_images_stay_images():
    """Near black and white the bounds are those of pixels."""
    found = np.asarray(linear().attack(images([1, 254, 100], [255, 0, 255]), BOTH, 4.0, 7))
    assert found.ravel() == pytest.approx([0, 255, 96, 255, 0, 255], abs=1e-4)


def test_random_starts_differ_and_stay_within_eps():
    """A tenth of a step from the start: nearly where it began."""
    clean = images(*[[100, 100, 100]] * 50)
    targets = np.repeat(BOTH[:1], 50, axis=0)
    first, second = (np.asarray(linear().attack(clean, targets, 4.0, 100, n)) for n in (0, 1))
    assert np.abs(first - clean).max() <= 4 + 1e-4
    starts = [np.asarray(linear().attack(clean, targets, 4.0, 2, n, beta=6.0)) for n in (0, 0, 1)]
    assert (starts[0] == starts[1]).all() and np.abs(second - clean).max() <= 4 + 1e-4


def test_trades_by_hand():
    """Cross-entropy of the clean image, and beta times the divergence of the answers at 1 and at 0."""
    model = linear(beta=6.0)
    model.compile(keras.optimizers.SGD(0.0), ClassificationLoss(several=False))
    p, q = 1 / (1 + np.exp(-1.0)), 0.5
    divergence = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    targets = np.repeat(BOTH[:1], 2, axis=0)
    found = model.compute_loss(None, targets, np.array([[1.0], [0.0]], "float32"))
    assert float(found) == pytest.approx(-np.log(p) + 6 * divergence, rel=1e-5)


def test_trades_moves_the_answer_as_far_as_it_goes():
    """The divergence of a linear model is highest at a corner: all channels along the weights, or all against them."""
    moved = np.asarray(linear(beta=6.0).attack(images([100, 100, 100]), BOTH[:1], 4.0, 20, beta=6.0)) - 100
    signs = np.sign(WEIGHTS) * 4
    assert min(np.abs(moved.ravel() - signs).max(), np.abs(moved.ravel() + signs).max()) < 1e-3


@pytest.mark.parametrize(("steps", "beta"), [(1, 0.0), (5, 0.0), (5, 3.0)])
def test_a_step_learns_attacked_images(steps, beta):
    """One step of SGD changes the weights as the gradient at the worst case says; with TRADES both halves count."""
    model = linear(steps=steps, beta=beta)
    model.compile(keras.optimizers.SGD(1e-4), ClassificationLoss(several=False), run_eagerly=True)
    clean = images([100, 100, 100])
    model.fit(clean, BOTH[:1], verbose=0)
    changed = (model.trainable_variables[0].numpy()[:, 0] - WEIGHTS) / 1e-4
    worst = np.array([96, 104, 96])
    if not beta:
        assert changed == pytest.approx(worst / (1 + np.exp(worst @ WEIGHTS)), rel=1e-3)
    else:
        assert (changed > 0).all() and np.isfinite(changed).all()
