"""The symmetric contrastive loss by hand, and what the projections give."""

import math

import keras
import numpy as np
import pytest

from heads.contrastive import SCALE, ContrastiveLoss, LearnedScale, project_pair


def loss_of(logits, content):
    """The loss of three pairs whose logits are given: images are the rows of the identity."""
    vectors = np.stack([np.eye(3), np.array(logits, float).T], axis=1)
    return ContrastiveLoss(reduction=None)(np.array(content, float)[:, None], vectors).numpy()


def test_loss_by_hand():
    """Of pair 0: -log softmax of its row and of its column, halved."""
    logits = [[2.0, 1.0, 0.0], [0.0, 3.0, 0.0], [1.0, 0.0, 1.0]]
    row = math.log(math.e**2 + math.e + 1) - 2
    column = math.log(math.e**2 + 1 + math.e) - 2
    assert loss_of(logits, [0, 1, 2])[0] == pytest.approx((row + column) / 2, abs=1e-5)
    row, column = math.log(2 * math.e + 1) - 1, math.log(math.e + 2) - 1
    assert loss_of(logits, [0, 1, 2])[2] == pytest.approx((row + column) / 2, abs=1e-5)


def test_equal_contents_share():
    """Pairs 0 and 1 have the same text: both are correct, each with one half."""
    logits = [[2.0, 1.0, 0.0], [0.0, 3.0, 0.0], [1.0, 0.0, 1.0]]
    row = math.log(math.e**2 + math.e + 1) - (2 + 1) / 2
    column = math.log(math.e**2 + 1 + math.e) - (2 + 0) / 2
    assert loss_of(logits, [4, 4, 2])[0] == pytest.approx((row + column) / 2, abs=1e-5)


def test_scale_is_limited():
    layer = LearnedScale()
    assert float(layer(np.ones((1, 1), "float32"))[0, 0]) == pytest.approx(1 / 0.07, rel=1e-5)
    layer.log_scale.assign(9.0)
    assert float(layer(np.ones((1, 1), "float32"))[0, 0]) == pytest.approx(100, rel=1e-4)


def test_projections_have_their_lengths():
    image, text = keras.Input((8,)), keras.Input((3,))
    # With few hidden units, all of them may be at zero for one text, whose projection then has no length.
    model = keras.Model([image, text], project_pair(image, text, 4, 6, 64, 0.0))
    rng = np.random.default_rng(0)
    found = model.predict([rng.normal(size=(7, 8)), rng.normal(size=(7, 3))], verbose=0)
    scale = float(np.exp(model.get_layer(SCALE).get_weights()[0]))
    lengths = np.linalg.norm(found, axis=2)
    assert found.shape == (7, 2, 6)
    assert np.allclose(lengths[:, 0], scale, rtol=1e-4) and np.allclose(lengths[:, 1], 1, rtol=1e-4)
