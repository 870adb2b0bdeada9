"""Curves that keep their shape and area with few points; top-k and the report that scikit-learn gives."""

import json

import numpy as np
import pytest
from sklearn import metrics

from cityzoo.metrics.classification_curves import POINTS, classification_report, curves, thin_curve, top_k
from cityzoo.sample import ImageExample, ImageSet

NAMES = ("bus", "car", "truck", "van")


def truth_of(targets, names=NAMES):
    """Images with targets."""
    made = (ImageExample(f"{i}.jpg", (8, 8), target=row) for i, row in enumerate(targets))
    return ImageSet("val", tuple(names), tuple(made))


def random_answers(images, classes=4, steps=None):
    """Labels and probabilities that know a little of them; `steps` makes ties."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, images)
    logits = rng.normal(size=(images, classes)) + 1.5 * np.eye(classes)[labels]
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return labels, np.round(shares * steps) / steps if steps else shares


def off(x, y, kept):
    """How far the farthest point of a curve is from the line through the kept ones."""
    ends = np.stack([x[kept], y[kept]], axis=1)
    points, start, along = np.stack([x, y], axis=1), ends[:-1], np.diff(ends, axis=0)
    away = points[:, None] - start
    place = (away * along).sum(axis=2) / np.maximum(np.square(along).sum(axis=1), 1e-12)
    return np.linalg.norm(away - np.clip(place, 0, 1)[..., None] * along, axis=2).min(axis=1).max()


def test_short_curves_are_sklearns():
    labels, shares = random_answers(80)
    found = json.loads(json.dumps(curves(truth_of(np.eye(4)[labels]), list(shares)), allow_nan=False))
    for number, name in enumerate(NAMES):
        true, p = labels == number, shares[:, number]
        roc, line = found["roc"][name], found["precision_recall"][name]
        x, y, _ = metrics.roc_curve(true, p)
        np.testing.assert_array_equal([roc["false_positive_rate"], roc["true_positive_rate"]], [x, y])
        precision, recall, _ = metrics.precision_recall_curve(true, p, drop_intermediate=True)
        np.testing.assert_array_equal([line["precision"], line["recall"]], [precision[::-1], recall[::-1]])


@pytest.mark.parametrize("images", [400, 3000])
def test_long_curves_keep_area_and_shape(images):
    labels, shares = random_answers(images)
    found = curves(truth_of(np.eye(4)[labels]), list(shares))
    for number, name in enumerate(NAMES):
        true, p = labels == number, shares[:, number]
        roc, line = found["roc"][name], found["precision_recall"][name]
        assert max(len(roc["true_positive_rate"]), len(line["recall"])) <= POINTS
        area = metrics.auc(roc["false_positive_rate"], roc["true_positive_rate"])
        assert area == pytest.approx(metrics.roc_auc_score(true, p), abs=0.002)
        precision, recall, _ = metrics.precision_recall_curve(true, p)
        area = metrics.auc(line["recall"], line["precision"])
        assert area == pytest.approx(metrics.auc(recall, precision), abs=0.002)


ROUND_THE_CIRCLE = np.linspace(np.pi, np.pi / 2, 4000)
STAIRS = np.concatenate([[0], np.repeat(np.arange(1, 101), 2)]) / 100
HARD = {
    "a quarter of a circle": (1 + np.cos(ROUND_THE_CIRCLE), np.sin(ROUND_THE_CIRCLE)),
    "stairs, all corners on one side": (STAIRS, np.append(STAIRS[1:], 1)),
    "a wall and a ceiling": (
        np.r_[np.zeros(500), np.linspace(0, 1, 500)],
        np.r_[np.linspace(0, 1, 500), np.ones(500)],
    ),
    "a wall that falls": (np.r_[0, np.linspace(0, 1, 900)], np.r_[1, np.zeros(1), np.linspace(0, 0.3, 899)]),
}


@pytest.mark.parametrize(("x", "y"), HARD.values(), ids=HARD)
def test_thinning_hard_shapes(x, y):
    kept = thin_curve(x, y)
    assert len(kept) <= POINTS and (np.diff(kept) > 0).all() and kept[0] == 0 and kept[-1] == len(x) - 1
    assert metrics.auc(x[kept], y[kept]) == pytest.approx(metrics.auc(x, y), abs=0.002)
    assert off(x, y, kept) < 0.02


def test_classes_without_a_curve():
    """The car on all images has no ROC, the truck on none has nothing, one image is enough for precision."""
    truth = truth_of([[1, 1, 0, 0], [0, 1, 0, 1]])
    found = curves(truth, [np.array([0.9, 0.5, 0.5, 0.1]), np.array([0.2, 0.4, 0.5, 0.3])])
    assert list(found["roc"]) == ["bus", "van"]
    assert list(found["precision_recall"]) == ["bus", "car", "van"]
    assert found["roc"]["van"] == {"false_positive_rate": [0, 0, 1], "true_positive_rate": [0, 1, 1]}
    alone = curves(truth_of([[1, 0, 0, 0]]), [np.full(4, 0.25)])
    assert alone["roc"] == {} and alone["precision_recall"] == {
        "bus": {"recall": [0, 1], "precision": [1, 1]}
    }


@pytest.mark.parametrize("steps", [None, 4], ids=["apart", "ties"])
def test_top_k_is_sklearns(steps):
    labels, shares = random_answers(150, classes=7, steps=steps)
    found = top_k(truth_of(np.eye(7)[labels], map(str, range(7))), list(shares))
    assert list(found) == ["2", "3", "5"]
    for k, value in found.items():
        assert value == metrics.top_k_accuracy_score(labels, shares, k=int(k), labels=range(7))
    apart = (np.argsort(-shares, axis=1)[:, :3] == labels[:, None]).any(axis=1).mean()
    assert steps or found["3"] == pytest.approx(apart)


def test_top_k_of_few_classes_and_of_one_image(recwarn):
    """As many guesses as classes are always right, and not said."""
    assert top_k(truth_of([[0, 1]], "ab"), [np.array([0.9, 0.1])]) == {}
    assert top_k(truth_of([[0, 1, 0]], "abc"), [np.array([0.5, 0.4, 0.1])]) == {"2": 1.0}
    assert not list(recwarn)


def test_the_report_that_people_know():
    """All classes are in it, of which no image is there and none is said, too."""
    labels, shares = random_answers(100, classes=3)
    shares = np.concatenate([shares, np.zeros((100, 1))], axis=1)
    truth = truth_of(np.eye(4)[labels])
    words = {"labels": range(4), "target_names": NAMES, "zero_division": 0}
    found = classification_report(truth, list(shares))
    expected = metrics.classification_report(labels, shares.argmax(axis=1), output_dict=True, **words)
    assert json.loads(json.dumps(found, allow_nan=False)) == expected
    assert type(found["bus"]["support"]) is float and found["van"]["support"] == 0


def test_the_report_of_several_classes():
    rng = np.random.default_rng(0)
    targets, shares = rng.integers(0, 2, (60, 4)), rng.uniform(size=(60, 4))
    found = classification_report(truth_of(targets), list(shares), multilabel=True)
    expected = metrics.classification_report(
        targets, shares >= 0.5, target_names=NAMES, output_dict=True, zero_division=0
    )
    assert found == expected and list(found)[:4] == list(NAMES)


def test_the_report_of_fire_alone_is_that_of_fire():
    """Three frames of it, two found, one false alarm: not the figures of frames without."""
    targets, p = np.array([1, 1, 1, 0, 0, 0]), [0.9, 0.5, 0.1, 0.8, 0.2, 0.3]
    found = classification_report(
        truth_of(targets[:, None], ("fire",)), [np.array([each]) for each in p], multilabel=True
    )
    assert found["fire"] == pytest.approx(
        {"precision": 2 / 3, "recall": 2 / 3, "f1-score": 2 / 3, "support": 3}
    )
