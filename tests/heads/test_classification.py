"""The classification loss against Keras' own and against formulas; the head's shapes, names and pixels."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from heads.classification import LOGITS, ClassificationHead, ClassificationLoss

RNG = np.random.default_rng(4)
LOGITS_5 = RNG.normal(0, 2, (12, 5)).astype("float32")
ONE_OF_5 = np.eye(5, dtype="float32")[RNG.integers(0, 5, 12)]
SHARED = RNG.dirichlet(np.ones(5), 12).astype("float32")  # mixed images
ANY_OF_5 = RNG.integers(0, 2, (12, 5)).astype("float32")


def sigmoid(x):
    """1 / (1 + e^-x)."""
    return 1 / (1 + np.exp(-np.asarray(x, float)))


def softmax(x):
    """e^x, each row by its sum."""
    raised = np.exp(np.asarray(x, float))
    return raised / raised.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("truth", [ONE_OF_5, SHARED], ids=["one", "mixed"])
def test_one_class_is_keras_categorical_crossentropy(truth, smoothing):
    theirs = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing, reduction=None)
    ours = ClassificationLoss(label_smoothing=smoothing, reduction=None)
    np.testing.assert_allclose(ours(truth, LOGITS_5), theirs(truth, LOGITS_5), rtol=1e-5)
    mean = ClassificationLoss(label_smoothing=smoothing)(truth, LOGITS_5)
    assert float(mean) == pytest.approx(float(np.mean(theirs(truth, LOGITS_5))), rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_several_classes_are_keras_binary_crossentropy(smoothing):
    theirs = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=smoothing, reduction=None)
    ours = ClassificationLoss(several=True, label_smoothing=smoothing, reduction=None)
    np.testing.assert_allclose(ours(ANY_OF_5, LOGITS_5), theirs(ANY_OF_5, LOGITS_5), rtol=1e-5)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("truth", [ONE_OF_5, SHARED], ids=["one", "mixed"])
def test_focal_of_one_class_is_keras(truth, gamma):
    theirs = keras.losses.CategoricalFocalCrossentropy(1.0, gamma, from_logits=True, reduction=None)
    ours = ClassificationLoss(focal=gamma, reduction=None)
    np.testing.assert_allclose(ours(truth, LOGITS_5), theirs(truth, LOGITS_5), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
def test_focal_of_several_classes_is_keras(gamma):
    theirs = keras.losses.BinaryFocalCrossentropy(gamma=gamma, from_logits=True, reduction=None)
    ours = ClassificationLoss(several=True, focal=gamma, reduction=None)
    np.testing.assert_allclose(ours(ANY_OF_5, LOGITS_5), theirs(ANY_OF_5, LOGITS_5), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_one_logit_for_two_classes_is_the_binary_loss(gamma, smoothing):
    """The logit is column 1's: -y log p - (1 - y) log(1 - p), each by (1 - p of it)^gamma."""
    logit, second = LOGITS_5[:, :1], ANY_OF_5[:, :1]
    truth = np.concatenate([1 - second, second], axis=1)
    ours = ClassificationLoss(focal=gamma, label_smoothing=smoothing, reduction=None)(truth, logit)
    p, y = sigmoid(logit), second * (1 - smoothing) + smoothing / 2
    by_hand = -(y * (1 - p) ** gamma * np.log(p) + (1 - y) * p**gamma * np.log(1 - p))[:, 0]
    np.testing.assert_allclose(ours, by_hand, rtol=1e-4)
    if not gamma:
        theirs = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=smoothing, reduction=None)
        np.testing.assert_allclose(ours, theirs(second, logit), rtol=1e-5)
    two = ClassificationLoss(focal=gamma, label_smoothing=smoothing, reduction=None)
    np.testing.assert_allclose(ours, two(truth, np.concatenate([np.zeros_like(logit), logit], 1)), rtol=1e-6)


def test_one_logit_of_several_is_no_pair_of_classes():
    """A single class that may hold or not: its own sigmoid."""
    ours = ClassificationLoss(several=True, reduction=None)(ANY_OF_5[:, :1], LOGITS_5[:, :1])
    theirs = keras.losses.BinaryCrossentropy(from_logits=True, reduction=None)
    np.testing.assert_allclose(ours, theirs(ANY_OF_5[:, :1], LOGITS_5[:, :1]), rtol=1e-5)


def test_class_weights_by_hand():
    """Classes 0, 1, 2 count 1, 2 and 5 times; of two on one logit the second one counts three times."""
    logits = np.array([[0.2, -1.0, 0.5]] * 3, "float32")
    log_p = np.log(softmax(logits)[0])
    found = ClassificationLoss(class_weights=(1, 2, 5), reduction=None)(np.eye(3, dtype="float32"), logits)
    np.testing.assert_allclose(found, -log_p * [1, 2, 5], rtol=1e-5)
    pair = ClassificationLoss(class_weights=(1, 3), reduction=None)
    found = pair(np.eye(2, dtype="float32"), np.full((2, 1), 0.4, "float32"))
    np.testing.assert_allclose(found, [-np.log(1 - sigmoid(0.4)), -3 * np.log(sigmoid(0.4))], rtol=1e-5)


def test_class_weights_of_several_weigh_what_is_there():
    """Presence of a rare class counts more, its absence as all: (5 * -log p0 - log(1 - p1)) / 2."""
    loss = ClassificationLoss(several=True, class_weights=(5, 2))
    found = float(loss(np.array([[1.0, 0]]), np.array([[0.3, -0.7]])))
    assert found == pytest.approx(-(5 * np.log(sigmoid(0.3)) + np.log(1 - sigmoid(-0.7))) / 2, rel=1e-5)


@pytest.mark.parametrize("logit", [-100.0, -20.0, 0.0, 20.0, 100.0])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("kind", ["one", "pair", "several"])
def test_loss_and_gradient_are_finite_where_numbers_end(kind, gamma, logit):
    """Sure and right, sure and wrong, in both directions."""
    width = 1 if kind == "pair" else 2
    logits = tf.constant(np.array([[logit] * width, [-logit] * width, [logit, -logit][:width]], "float32"))
    loss = ClassificationLoss(several=kind == "several", focal=gamma)
    for column in (0, 1):
        truth = np.eye(2, dtype="float32")[[column] * 3]
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = loss(truth, logits)
        assert np.isfinite(float(value)) and float(value) >= 0
        assert np.isfinite(tape.gradient(value, logits).numpy()).all()


def test_a_sure_mistake_is_not_capped():
    """-log p at a logit of -100 is 100, not what is left of a clipped probability."""
    assert float(ClassificationLoss()(np.array([[0.0, 1]]), np.array([[-100.0]]))) == pytest.approx(100)
    several = ClassificationLoss(several=True)
    assert float(several(np.array([[1.0]]), np.array([[-100.0]]))) == pytest.approx(100)


@pytest.mark.parametrize("several", [False, True])
def test_comes_back_from_its_config(several):
    """Through JSON, as a saved model does it: same settings, same value."""
    loss = ClassificationLoss(several, 1.5, (1, 2, 3, 4, 5.5), 0.1, name="mine")
    again = keras.losses.deserialize(json.loads(json.dumps(keras.losses.serialize(loss))))
    assert isinstance(again, ClassificationLoss) and again.get_config() == loss.get_config()
    assert (again.several, again.focal, again.class_weights) == (several, 1.5, (1, 2, 3, 4, 5.5))
    assert (again.label_smoothing, again.name) == (0.1, "mine")
    assert float(again(ANY_OF_5, LOGITS_5)) == float(loss(ANY_OF_5, LOGITS_5))


def model_of(head, **sides):
    """The head on square levels of 4 channels, and random features for it."""
    inputs = {name: keras.Input((side, side, 4), name=name) for name, side in sides.items()}
    given = {name: RNG.normal(size=(3, side, side, 4)).astype("float32") for name, side in sides.items()}
    return keras.Model(inputs, head(inputs)), given


def names(model):
    """Layers of the head."""
    return {layer.name for layer in model.layers if layer.name.startswith("head_")}


def logits_by_hand(model, rows):
    """Rows through the last layer, in NumPy."""
    kernel, bias = model.get_layer(LOGITS).get_weights()
    return rows @ kernel + bias


def test_means_of_the_two_coarsest_levels_lie_side_by_side():
    """The finer one first, whatever order they come in; what is finer still does not matter."""
    model, given = model_of(ClassificationHead(7), P5=2, P3=8, P4=4)
    assert names(model) == {"head_P4_mean", "head_P5_mean", "head_embedding", LOGITS}
    rows = np.concatenate([given[f"P{n}"].mean(axis=(1, 2)) for n in (4, 5)], axis=1)
    assert model.output_shape == (None, 7)
    np.testing.assert_allclose(model(given), logits_by_hand(model, rows), atol=1e-5)


def test_one_level_needs_no_concatenation():
    model, given = model_of(ClassificationHead(1), P5=2)
    assert names(model) == {"head_P5_mean", LOGITS}
    np.testing.assert_allclose(model(given), logits_by_hand(model, given["P5"].mean(axis=(1, 2))), atol=1e-5)


def test_peaks_stand_beside_their_means():
    model, given = model_of(ClassificationHead(3, peaks=True), P4=4, P5=2)
    parts = [pool for n in (4, 5) for pool in (given[f"P{n}"].mean((1, 2)), given[f"P{n}"].max((1, 2)))]
    assert model.get_layer(LOGITS).input.shape == (None, 16)
    np.testing.assert_allclose(model(given), logits_by_hand(model, np.concatenate(parts, 1)), atol=1e-5)


def test_normalized_logits_are_cosines():
    """With prototypes of length 1 for a kernel; ten times the features change nothing."""
    model, given = model_of(ClassificationHead(2, normalized=True), P4=4, P5=2)
    prototypes = np.eye(8, 2, dtype="float32")
    model.get_layer(LOGITS).set_weights([prototypes, np.zeros(2, "float32")])
    rows = np.concatenate([given[f"P{n}"].mean(axis=(1, 2)) for n in (4, 5)], axis=1)
    cosines = rows[:, :2] / np.linalg.norm(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(model(given), cosines, atol=1e-5)
    np.testing.assert_allclose(model({n: 10 * x for n, x in given.items()}), cosines, atol=1e-5)
    nothing = model({n: np.zeros_like(x) for n, x in given.items()})
    assert np.isfinite(np.asarray(nothing)).all()


def test_dropout_drops_in_training_alone():
    """Half of 8 ones: what is left counts double, so that each sum is even; in use all count."""
    model, given = model_of(ClassificationHead(1, dropout=0.5), P4=4, P5=2)
    ones = {n: np.ones((200, *x.shape[1:]), "float32") for n, x in given.items()}
    model.get_layer(LOGITS).set_weights([np.ones((8, 1)), np.zeros(1)])
    assert np.unique(model(ones)).tolist() == [8.0]
    drawn = np.asarray(model(ones, training=True))
    assert set(np.unique(drawn)) <= set(range(0, 17, 2)) and len(np.unique(drawn)) > 3
    assert drawn.mean() == pytest.approx(8, abs=1)


@pytest.mark.parametrize("head", [{"num_logits": 0}, {"num_logits": 2, "dropout": 1.0}, {"num_logits": -1}])
def test_a_head_that_says_nothing_is_refused(head):
    with pytest.raises(ValueError, match="give at least 1 logit, and a dropout"):
        ClassificationHead(**head)


@pytest.mark.parametrize("head", [ClassificationHead(4, 0.1), ClassificationHead(4, 0.1, True, True)])
def test_plain_keras_loads_it_with_the_same_outputs(head, tmp_path):
    """Layers of Keras alone, no code of ours needed; float32 out of a bfloat16 backbone."""
    model, given = model_of(head, P4=4, P5=2)
    model.save(tmp_path / "head.keras")
    again = keras.saving.load_model(tmp_path / "head.keras", custom_objects={}, compile=False)
    assert {type(layer).__module__.split(".")[0] for layer in again.layers} == {"keras"}
    np.testing.assert_array_equal(again(given), model(given))
    half = keras.Input((4, 4, 4), dtype="bfloat16")
    assert keras.Model(half, ClassificationHead(2)({"P4": half})).output.dtype == "float32"
