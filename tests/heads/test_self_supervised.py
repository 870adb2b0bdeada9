"""Losses of pairs and of masked patches, worked out by hand in NumPy."""

import numpy as np
import pytest
from scipy.special import logsumexp

from heads.self_supervised import BYOLLoss, MaskedLoss, NTXentLoss, SupConLoss

RNG = np.random.default_rng(0)


def cosines(rows):
    """Return the cosine of each row with each."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit @ unit.T


def test_nt_xent_of_two_pairs():
    """Equation 1 of the paper, row by row: the partner against the three other rows."""
    rows, temperature = RNG.normal(size=(4, 3)), 0.5
    logits = cosines(rows) / temperature
    wanted = [
        logsumexp([logits[i, j] for j in range(4) if j != i]) - logits[i, partner]
        for i, partner in enumerate((1, 0, 3, 2))
    ]
    found = NTXentLoss(temperature).call(np.array([[0.0], [0.0], [9.0], [9.0]]), rows)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_a_neighbouring_frame_is_no_negative():
    """Pairs at 0 and 2 on the time line with a reach of 2: only the pair at 99 is left as a negative."""
    rows = RNG.normal(size=(6, 3))
    logits, places = cosines(rows), np.array([[0.0], [1.0], [2.0], [2.0], [99.0], [99.0]])
    found = NTXentLoss(1.0, neighbours=2).call(places, rows)
    assert float(found[0]) == pytest.approx(logsumexp(logits[0, [1, 4, 5]]) - logits[0, 1], rel=1e-5)
    assert float(found[4]) == pytest.approx(logsumexp(logits[4, [0, 1, 2, 3, 5]]) - logits[4, 5], rel=1e-5)


def test_sup_con_averages_over_its_positives():
    """Equation 2 of the paper, with classes a a, b b, a a."""
    rows = RNG.normal(size=(6, 4))
    logits, classes = cosines(rows) / 0.1, np.eye(2)[[0, 0, 1, 1, 0, 0]]
    log_p = logits[0] - logsumexp(logits[0, 1:])
    found = SupConLoss(0.1).call(classes, rows)
    assert float(found[0]) == pytest.approx(-log_p[[1, 4, 5]].mean(), rel=1e-4)
    log_p = logits[2] - logsumexp(np.delete(logits[2], 2))
    assert float(found[2]) == pytest.approx(-log_p[3], rel=1e-4)  # the only other b


def test_byol_compares_with_the_target_of_the_other_view_and_sends_no_gradient_into_it():
    """2 - 2 cos, row by row."""
    tf = pytest.importorskip("tensorflow")
    rows = tf.Variable(RNG.normal(size=(4, 6)).astype(np.float32))
    with tf.GradientTape() as tape:
        found = BYOLLoss().call(np.zeros((4, 1)), rows)
        total = tf.reduce_sum(found)
    prediction, target = rows.numpy()[:, :3], rows.numpy()[:, 3:]
    both = cosines(np.concatenate([prediction, target]))
    np.testing.assert_allclose(found, [2 - 2 * both[i, 4 + j] for i, j in enumerate((1, 0, 3, 2))], rtol=1e-4)
    gradient = tape.gradient(total, rows).numpy()
    assert np.abs(gradient[:, :3]).min() > 0 and not gradient[:, 3:].any()


def test_only_masked_patches_are_in_the_loss():
    """One of four patches is masked; what is predicted elsewhere does not matter."""
    truth = np.zeros((1, 2, 2, 4), np.float32)
    truth[0, 1, 0] = [0.1, 0.2, 0.3, 1.0]
    outputs = RNG.normal(size=(1, 2, 2, 3)).astype(np.float32)
    outputs[0, 1, 0] = [0.2, 0.2, 0.5]
    assert float(MaskedLoss()(truth, outputs)) == pytest.approx(0.1, rel=1e-5)
