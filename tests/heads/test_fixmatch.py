"""Agreement on images without labels: numbers by hand, where gradients go, another backend."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from heads.classification import ROWS, ClassificationLoss, FixMatchLoss


def log(*shares):
    """Logits that softmax turns into these probabilities."""
    return np.log(np.array(shares, "float32"))


# Two groups of (labelled, weak, strong). The first's weak row is sure of class 1, the second's is not.
LOGITS = np.stack([log(0.5, 0.25, 0.25), log(0.01, 0.98, 0.01), log(0.6, 0.1, 0.3)] * 2)
LOGITS[4] = log(0.03, 0.94, 0.03)
TRUTH = np.eye(3, dtype="float32")[[0, 2, 2, 1, 0, 0]]  # those of unlabelled rows say nothing


def gradient(loss, truth, logits):
    """Of the loss by the logits."""
    here = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(here)
        value = loss(truth, here)
    return tape.gradient(value, here).numpy()


def test_a_sure_weak_row_labels_the_strong_one():
    """-log .5 and, of class 1, -log .1; the second group -log .25 alone: .94 is below .95."""
    each = FixMatchLoss(ClassificationLoss()).call(TRUTH, LOGITS).numpy()
    assert each == pytest.approx([np.log(2) + np.log(10), np.log(4)], rel=1e-5)
    mean = float(FixMatchLoss(ClassificationLoss())(TRUTH, LOGITS))
    assert mean == pytest.approx((np.log(2) + np.log(10) + np.log(4)) / 2, rel=1e-5)


def test_threshold_and_weight():
    """From .9 on the second group counts as well; half as much of both."""
    each = FixMatchLoss(ClassificationLoss(), threshold=0.9, weight=0.5).call(TRUTH, LOGITS).numpy()
    assert each == pytest.approx([np.log(2) + np.log(10) / 2, np.log(4) + np.log(10) / 2], rel=1e-5)
    none = FixMatchLoss(ClassificationLoss(), threshold=0.99).call(TRUTH, LOGITS).numpy()
    assert none == pytest.approx([np.log(2), np.log(4)], rel=1e-5)


def test_labels_of_unlabelled_rows_do_not_count():
    """Whatever stands there."""
    other = TRUTH.copy()
    other[[1, 2, 4, 5]] = 7
    loss = FixMatchLoss(ClassificationLoss())
    np.testing.assert_array_equal(loss.call(other, LOGITS), loss.call(TRUTH, LOGITS))


def test_gradients_reach_the_labelled_and_the_strong_row_alone():
    """Softmax less label, over the number of groups; none by the weak row, nor where it was unsure."""
    found = gradient(FixMatchLoss(ClassificationLoss()), TRUTH, LOGITS)
    expected = np.zeros((6, 3))
    expected[0] = [0.5 - 1, 0.25, 0.25]
    expected[2] = [0.6, 0.1 - 1, 0.3]
    expected[3] = [0.5, 0.25 - 1, 0.25]
    assert found == pytest.approx(expected / 2, abs=1e-6)
    assert (found[[1, 4, 5]] == 0).all()


def test_one_logit_is_the_second_classs():
    """Of two classes with log-odds 4 the second has .982; with -4 the first; with 2 it is .881: unsure."""
    logits = np.array([[0.0], [4.0], [1.0], [1.0], [-4.0], [2.0], [0.0], [2.0], [5.0]], "float32")
    truth = np.eye(2, dtype="float32")[[1, 0, 0, 0, 0, 0, 1, 0, 0]]
    each = FixMatchLoss(ClassificationLoss()).call(truth, logits).numpy()
    soft = np.log1p(np.exp([-1.0, 1.0, 2.0]))
    assert each == pytest.approx([np.log(2) + soft[0], soft[1] + soft[2], np.log(2)], rel=1e-5)
    both = np.concatenate([np.zeros_like(logits), logits], axis=1)
    of_two = FixMatchLoss(ClassificationLoss()).call(truth, both).numpy()
    assert of_two == pytest.approx(each, rel=1e-5)
    found = gradient(FixMatchLoss(ClassificationLoss()), truth, logits)
    assert (found[[1, 4, 7, 8]] == 0).all() and (found[[0, 2, 3, 5, 6]] != 0).all()


def test_rows_that_are_no_groups_are_refused():
    """Seven rows are no groups of three."""
    assert ROWS == 3
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
        FixMatchLoss(ClassificationLoss())(np.zeros((7, 3), "float32"), np.zeros((7, 3), "float32"))


def test_the_loss_comes_back_from_its_config():
    """With the labelled loss inside and all that was set; the same numbers."""
    loss = FixMatchLoss(ClassificationLoss(focal=2.0, label_smoothing=0.1), threshold=0.9, weight=0.25)
    config = keras.saving.serialize_keras_object(loss)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is FixMatchLoss and type(again.labelled) is ClassificationLoss
    assert (again.threshold, again.weight, again.reduction) == (0.9, 0.25, "sum_over_batch_size")
    assert (again.labelled.focal, again.labelled.label_smoothing) == (2.0, 0.1)
    np.testing.assert_array_equal(again(TRUTH, LOGITS), loss(TRUTH, LOGITS))
    assert float(again(TRUTH, LOGITS)) != pytest.approx(
        float(FixMatchLoss(ClassificationLoss())(TRUTH, LOGITS))
    )


SCRIPT = """
import sys
import jax, keras, numpy as np
from heads.classification import ClassificationLoss
from heads.classification import FixMatchLoss

arrays, found = np.load(sys.argv[1]), {}
for name in ("three", "one"):
    loss = FixMatchLoss(ClassificationLoss(focal=1.0), threshold=0.8)
    value_of = lambda y: loss(arrays[f"{name} truth"], y)
    given = arrays[f"{name} logits"]
    found[f"{name} value"], found[f"{name} gradient"] = jax.jit(jax.value_and_grad(value_of))(given)
np.savez(sys.argv[2], backend=keras.backend.backend(), **found)
"""


def test_jax_gives_the_same_losses_and_gradients(on_jax, tmp_path):
    """Of three classes and of one logit, against this process' backend."""
    rng = np.random.default_rng(0)
    arrays = {}
    for name, classes, logits in (("three", 3, 3), ("one", 2, 1)):
        arrays[f"{name} truth"] = np.eye(classes, dtype="float32")[rng.integers(0, classes, 30)]
        arrays[f"{name} logits"] = rng.normal(0, 3, (30, logits)).astype("float32")
    np.savez(tmp_path / "given.npz", **arrays)
    on_jax(SCRIPT, tmp_path / "given.npz", tmp_path / "found.npz", folder=tmp_path)
    found = np.load(tmp_path / "found.npz")
    assert str(found["backend"]) == "jax"
    loss = FixMatchLoss(ClassificationLoss(focal=1.0), threshold=0.8)
    for name in ("three", "one"):
        truth, logits = arrays[f"{name} truth"], arrays[f"{name} logits"]
        assert found[f"{name} value"] == pytest.approx(float(loss(truth, logits)), rel=1e-4)
        here = gradient(loss, truth, logits)
        assert found[f"{name} gradient"] == pytest.approx(here, rel=1e-3, abs=1e-6)
        assert (here[1::3] == 0).all() and 0 < (here[2::3] != 0).any(axis=1).sum() < 10  # some sure, some not
