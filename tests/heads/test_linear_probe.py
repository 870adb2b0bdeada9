"""Computed layers against scikit-learn's classifiers, and the choice of the penalty worked out by hand."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import StandardScaler

from heads import penalty_choice
from heads.linear_probe import cosine_prototypes, logistic_regression, nearest_mean, shrunk_discriminant
from heads.penalty_choice import STRENGTHS, USUAL_STRENGTH


def clouds(classes=3, each=40, dims=6, seed=0, apart=1.0):
    """Rows about a middle for each class, targets, and a group for every row."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), each)
    rows = rng.normal(size=(len(labels), dims)) + apart * rng.normal(size=(classes, dims))[labels]
    return rows.astype("float32"), np.eye(classes)[labels], np.arange(len(labels))


def logits(found, rows):
    """Through the layer, in float64."""
    return np.asarray(rows, float) @ found.kernel.astype(float) + found.bias


def softmax(x):
    """e^x, each row by its sum."""
    raised = np.exp(x - x.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def sigmoid(x):
    """1 / (1 + e^-x)."""
    return 1 / (1 + np.exp(-x))


def sklearns(rows, labels, strength, new, **how):
    """Probabilities of new rows by scikit-learn alone, solved to the end."""
    scaler = StandardScaler().fit(np.asarray(rows, float))
    model = LogisticRegression(C=strength, max_iter=5000, tol=1e-8, **how)
    return model.fit(scaler.transform(rows), labels).predict_proba(scaler.transform(new))


@pytest.mark.parametrize("weights", [(), (0.5, 1.0, 2.0)])
def test_logistic_regression_is_sklearns_on_standardised_features(weights):
    """Also for rows that were not seen, and with classes of 60, 30 and 15 rows."""
    rows, targets, _ = clouds(each=60)
    kept = np.r_[0:60, 60:90, 120:135]
    rows, targets = rows[kept], targets[kept]
    found = logistic_regression(rows, targets, np.arange(len(rows)), class_weights=weights)
    (strength,) = found.facts["C"]
    assert strength in STRENGTHS and (found.kernel.dtype, found.bias.dtype) == ("float32", "float32")
    new = np.random.default_rng(9).normal(size=(50, 6))
    weight = dict(enumerate(weights)) or None
    expected = sklearns(rows, targets.argmax(1), strength, new, class_weight=weight)
    answers = logits(found, new) / found.facts["scale"][0]
    np.testing.assert_allclose(softmax(answers), expected, atol=3e-3)


def test_weight_raises_the_rare_class():
    """Ten of one class to 100 of the other, overlapping: the rare one is said more often."""
    rows, targets, _ = clouds(2, 100, apart=0.5)
    rows, targets = rows[:110], targets[:110]
    groups = np.arange(110)
    plain, even = (logistic_regression(rows, targets, groups, class_weights=w) for w in ((), (1.0, 10.0)))
    said = [(logits(found, rows) > 0).sum() for found in (plain, even)]
    assert said[1] > said[0] + 5


def test_two_classes_make_one_column():
    rows, targets, groups = clouds(2)
    found = logistic_regression(rows, targets, groups)
    assert found.kernel.shape == (6, 1) and found.bias.shape == (1,)
    expected = sklearns(rows, targets.argmax(1), found.facts["C"][0], rows)
    answers = sigmoid(logits(found, rows)[:, 0] / found.facts["scale"][0])
    np.testing.assert_allclose(answers, expected[:, 1], atol=3e-3)


def test_several_classes_are_one_regression_each():
    """Two questions on the same rows, each with a penalty of its own."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(160, 5)).astype("float32")
    targets = np.stack([rows[:, 0] > 0, rows[:, 1] + rng.normal(0, 3, 160) > 1], axis=1).astype(float)
    found = logistic_regression(rows, targets, np.arange(160), several=True)
    assert found.kernel.shape == (5, 2) and len(found.facts["C"]) == 2
    for column, (strength, scale) in enumerate(zip(found.facts["C"], found.facts["scale"], strict=True)):
        expected = sklearns(rows, targets[:, column], strength, rows)[:, 1]
        answers = sigmoid(logits(found, rows)[:, column] / scale)
        np.testing.assert_allclose(answers, expected, atol=3e-3)


def test_the_scale_of_features_changes_nothing():
    """Millimetres or kilometres, up to ten times from feature to feature; one that is always 0 gets no weight."""
    rows, targets, groups = clouds()
    scales = 1000.0 * np.array([1, 1, 2, 0.8, 3, 5])
    plain = logistic_regression(rows, targets, groups)
    scaled = logistic_regression(rows * scales + 3 * scales, targets, groups)
    assert scaled.facts == plain.facts
    np.testing.assert_allclose(
        softmax(logits(scaled, rows * scales + 3 * scales)), softmax(logits(plain, rows)), atol=5e-3
    )
    dead = logistic_regression(np.insert(rows, 2, 0, axis=1), targets, groups)
    assert np.abs(dead.kernel[2]).max() == 0
    np.testing.assert_allclose(np.delete(dead.kernel, 2, 0), plain.kernel, atol=1e-4)


def test_a_feature_that_hardly_varies_gets_no_enormous_weight():
    """As noise of a thousandth of the others would by standardisation: at most ten times theirs."""
    rows, targets, groups = clouds()
    noise = 1e-3 * np.random.default_rng(1).normal(size=(len(rows), 1))
    found = logistic_regression(np.hstack([rows, noise]), targets, groups)
    assert np.abs(found.kernel[-1]).max() < 10 * np.abs(found.kernel[:-1]).max()


def test_too_few_images_for_folds_take_the_usual_penalty():
    """Three rows of a class; and many rows of it that are views of three images."""
    rows, targets, _ = clouds(2, 40)
    few = np.r_[0:40, 40:43]
    assert logistic_regression(rows[few], targets[few], np.arange(43)).facts["C"] == [USUAL_STRENGTH]
    groups = np.r_[np.arange(40), 40 + np.arange(40) % 3]
    assert logistic_regression(rows, targets, groups).facts["C"] == [USUAL_STRENGTH]
    enough = logistic_regression(rows, targets, np.arange(80)).facts
    assert enough["C"] == [USUAL_STRENGTH] or enough["scale"] != [1.0]


def test_views_of_an_image_are_never_parted():
    """Twelve images per class, four nearly equal views of each, many features and little to tell by.

    With views on both sides of a division every image is known by heart, and the logits look as sure as they are; by
    whole images nothing is gained by memory, and they are made far less sure.
    """
    rng = np.random.default_rng(0)
    images = np.repeat([0, 1], 12)
    middles = rng.normal(size=(24, 120)) + 0.25 * images[:, None] * (np.arange(120) < 10)
    rows = np.repeat(middles, 4, axis=0) + rng.normal(0, 0.05, (96, 120))
    targets, groups = np.eye(2)[np.repeat(images, 4)], np.repeat(np.arange(24), 4)
    kept, leaked = (logistic_regression(rows, targets, by) for by in (groups, np.arange(96)))
    sure = [np.abs(logits(found, rows)).mean() for found in (kept, leaked)]
    assert sure[0] < sure[1] / 4


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [((6, 7, 9, 9, 8, 9, 5, 5), STRENGTHS[2]), ((7, 7, 8, 8, 8, 8, 5, 5), USUAL_STRENGTH)],
)
def test_the_penalty_is_the_usual_one_unless_another_ranks_left_out_groups_better(
    monkeypatch, pairs, expected
):
    """Rankings made up for each strength: of 10 pairs as many are right as are told."""
    calls = []
    right = dict(zip(STRENGTHS, pairs, strict=True))

    class Ranking:
        def __init__(self, pairs):
            self.pairs = pairs

        def decision_function(self, rows):
            is_first = rows[:, 1] < self.pairs
            return np.where(is_first, rows[:, 0], -rows[:, 0])

    def fit(rows, labels, strength, weights, start=None):
        calls.append(strength)
        return Ranking(right[strength])

    monkeypatch.setattr(penalty_choice, "fit_logistic", fit)
    labels = np.arange(80) % 2
    rows = np.stack([2.0 * labels - 1, np.arange(80) // 8], axis=1)
    strength, factor = penalty_choice.choose_strength(rows, labels, np.arange(80) % 40, None, 0)
    assert len(calls) == 4 * len(STRENGTHS) and strength == expected
    share = right[expected] / 10
    assert abs(factor - np.log(share / (1 - share))) < 0.3  # logits of 1 that are right so often


def test_the_seed_divides_and_any_number_will_do():
    rows, targets, groups = clouds()
    first, again = (logistic_regression(rows, targets, groups, seed=2**40 + 3) for _ in range(2))
    np.testing.assert_array_equal(first.kernel, again.kernel)


@pytest.mark.parametrize("several", [False, True])
def test_a_class_without_rows_still_has_its_column(several):
    """Three classes, none of the last: as many columns as the layer has, and it is never said."""
    rows, targets, groups = clouds(2)
    targets = np.concatenate([targets, np.zeros((80, 1))], axis=1)
    found = logistic_regression(rows, targets, groups, several=several)
    assert found.kernel.shape == (6, 3) and found.bias.shape == (3,)
    assert np.isfinite(found.kernel).all() and np.isfinite(found.bias).all()
    answers = logits(found, rows)
    assert (answers[:, 2] < (0 if several else answers[:, :2].max(axis=1))).all()
    np.testing.assert_array_equal(
        answers[:, :2].argmax(1), logits(logistic_regression(rows, targets[:, :2], groups), rows)[:, 0] > 0
    )


def test_nearest_mean_is_sklearns_nearest_centroid():
    """On features by their standard deviation, which differ by a factor of a million."""
    rows, targets, _ = clouds(4, 50, seed=3)
    rows = rows * 10.0 ** np.array([-3, -2, 0, 1, 2, 3])
    found = nearest_mean(rows, targets)
    new = np.random.default_rng(5).normal(0, 1.5, (300, 6)) * 10.0 ** np.array([-3, -2, 0, 1, 2, 3])
    theirs = NearestCentroid().fit(rows / rows.std(axis=0), targets.argmax(axis=1))
    agree = logits(found, new).argmax(axis=1) == theirs.predict(new / rows.std(axis=0))
    assert agree.mean() > 0.99  # a row on the border may fall to either side
    assert len(np.unique(theirs.predict(new / rows.std(axis=0)))) == 4


def test_differences_of_its_logits_are_differences_of_squared_distances():
    """Means 1 and 8, in standard deviations of 0, 2, 8; one factor for all rows."""
    rows = np.array([[0.0], [2], [8]])
    found = nearest_mean(rows, np.eye(2)[[0, 0, 1]])
    deviation = np.sqrt(np.mean((rows - 10 / 3) ** 2))
    x = np.array([[3.0], [5.5], [-2]])
    apart = ((x - 1) ** 2 - (x - 8) ** 2)[:, 0] / deviation**2
    answers = logits(found, x)
    np.testing.assert_allclose(
        answers[:, 1] - answers[:, 0], found.facts["sharpness"] * apart, rtol=1e-4, atol=1e-4
    )


def test_the_sharpness_makes_the_likeliest_probabilities():
    """No other factor gives the training rows more likelihood."""
    rows, targets, _ = clouds(3, 30, apart=0.7)
    found = nearest_mean(rows, targets)

    def loss(factor):
        return -np.log((softmax(factor * logits(found, rows)) * targets).sum(axis=1)).mean()

    assert all(loss(1.0) <= loss(factor) for factor in (0.2, 0.7, 1.4, 5.0))


@pytest.mark.parametrize("make", [nearest_mean, cosine_prototypes])
def test_a_class_with_one_row_is_that_row(make):
    rows, targets, _ = clouds(2, 10)
    rows = np.concatenate([rows, -5 * np.ones((1, 6))]).astype("float32")
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    targets = np.eye(3)[[*targets.argmax(axis=1), 2]]
    found = make(rows, targets)
    assert np.isfinite(found.kernel).all() and np.isfinite(found.bias).all()
    assert logits(found, rows[-1:]).argmax() == 2


def test_cosine_prototypes_by_hand():
    """Means (.9, .3) and (0, 1): directions (3, 1) / sqrt(10) and (0, 1), one factor, and no bias."""
    rows = np.array([[1.0, 0], [0.8, 0.6], [0, 1]])
    found = cosine_prototypes(rows, np.eye(2)[[0, 0, 1]])
    directions = np.array([[3, 0], [1, np.sqrt(10)]]) / np.sqrt(10)
    np.testing.assert_allclose(found.kernel, found.facts["sharpness"] * directions, rtol=1e-5)
    assert found.bias.tolist() == [0, 0] and found.facts["how"] == "cosine prototypes"


def test_the_discriminant_is_scikit_learns_where_there_are_many_rows_and_exists_where_there_are_few():
    """Shrinkage vanishes with many rows; with fewer rows than features the covariance could not be inverted."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    rng = np.random.default_rng(0)
    mixing, labels = rng.normal(size=(4, 4)), np.repeat([0, 1, 2], 800)
    rows = rng.normal(size=(2400, 4)) @ mixing + np.array([[0, 0, 0, 0], [2, 0, 1, 0], [0, 2, 0, 1]])[labels]
    layer = shrunk_discriminant(rows, np.eye(3)[labels])
    known = LinearDiscriminantAnalysis(solver="lsqr").fit(rows, labels)
    assert ((rows @ layer.kernel + layer.bias).argmax(axis=1) == known.predict(rows)).mean() > 0.99
    few = rng.normal(size=(6, 40)) + 3 * np.repeat([0, 1, 2], 2)[:, None]
    layer = shrunk_discriminant(few, np.eye(3)[np.repeat([0, 1, 2], 2)])
    assert (few @ layer.kernel + layer.bias).argmax(axis=1).tolist() == [0, 0, 1, 1, 2, 2]
