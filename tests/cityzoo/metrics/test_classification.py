"""Figures of classifiers against scikit-learn, thresholds against a search of all, nasty inputs."""

import json

import numpy as np
import pytest
from sklearn import metrics

from cityzoo.metrics.classification import alarm_thresholds, multiclass_metrics, multilabel_metrics
from cityzoo.sample import ImageExample, ImageSet

NAMES = ("bus", "car", "truck", "van")


def truth_of(targets, names=NAMES):
    """Images with targets."""
    made = (ImageExample(f"{i}.jpg", (8, 8), target=row) for i, row in enumerate(targets))
    return ImageSet("val", tuple(names), tuple(made))


def random_answers(images, classes=4, seed=0, steps=None):
    """Labels and probabilities that know a little of them; `steps` makes ties."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, images)
    logits = rng.normal(size=(images, classes)) + 1.5 * np.eye(classes)[labels]
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return labels, np.round(shares * steps) / steps if steps else shares


def plain(figures):
    """Through JSON, where nothing that is not finite passes."""
    return json.loads(json.dumps(figures, allow_nan=False))


@pytest.mark.parametrize("seed", [0, 1])
def test_one_class_figures_are_sklearns(seed):
    labels, shares = random_answers(200, seed=seed)
    found = plain(multiclass_metrics(truth_of(np.eye(4)[labels]), list(shares)))
    answers = shares.argmax(axis=1)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(labels, answers))
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(labels, answers))
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(labels, answers, average="macro"))
    assert found["loss"] == pytest.approx(metrics.log_loss(labels, shares))
    areas = metrics.roc_auc_score(labels, shares, multi_class="ovr", average="macro")
    assert found["mean_auroc"] == pytest.approx(areas)
    matrix = [[found["confusion"][true][said] for said in NAMES] for true in NAMES]
    assert matrix == metrics.confusion_matrix(labels, answers).tolist()
    p, r, f, n = metrics.precision_recall_fscore_support(labels, answers)
    for number, name in enumerate(NAMES):
        row = found["per_class"][name]
        assert [row["precision"], row["recall"], row["f1"]] == pytest.approx(
            [p[number], r[number], f[number]]
        )
        assert row["n"] == n[number]
        ap = metrics.average_precision_score(labels == number, shares[:, number])
        assert row["ap"] == pytest.approx(ap)


def test_ties_are_sklearns_too():
    """Probabilities of five values alone, so that many are equal; the first class wins a tie."""
    labels, shares = random_answers(300, steps=4)
    found = multiclass_metrics(truth_of(np.eye(4)[labels]), list(shares))
    for number, name in enumerate(NAMES):
        area = metrics.roc_auc_score(labels == number, shares[:, number])
        assert found["per_class"][name]["auroc"] == pytest.approx(area)
    first = multiclass_metrics(truth_of(np.eye(4)[[0, 1]]), [np.full(4, 0.25)] * 2)
    assert first["confusion"]["car"]["bus"] == 1 and first["accuracy"] == 0.5


def test_a_class_without_images_is_left_out_of_the_means():
    """No van in truth, though one answer says so: its recall, AUROC and AP are None, not 0."""
    labels, shares = random_answers(120, classes=3)
    shares = np.concatenate([0.9 * shares, np.full((120, 1), 0.1)], axis=1)
    shares[0] = [0.1, 0.1, 0.1, 0.7]
    found = plain(multiclass_metrics(truth_of(np.eye(4)[labels]), list(shares)))
    van = found["per_class"]["van"]
    assert (van["n"], van["recall"], van["auroc"], van["ap"], van["f1"]) == (0, None, None, None, None)
    assert van["precision"] == 0  # said once, wrongly
    rest = [found["per_class"][name] for name in NAMES[:3]]
    assert found["mean_auroc"] == pytest.approx(np.mean([row["auroc"] for row in rest]))
    assert found["balanced_accuracy"] == pytest.approx(np.mean([row["recall"] for row in rest]))
    assert found["macro_f1"] == pytest.approx(np.mean([row["f1"] for row in rest]))


def test_images_of_one_class_alone():
    """There is nothing to rank."""
    found = plain(multiclass_metrics(truth_of(np.eye(4)[[1, 1, 1]]), [np.eye(4)[i] for i in (1, 1, 0)]))
    assert found["mean_auroc"] is None and found["accuracy"] == pytest.approx(2 / 3)
    assert found["per_class"]["car"]["recall"] == pytest.approx(2 / 3)
    assert found["per_class"]["truck"]["precision"] is None  # never said


def test_a_sure_mistake_has_a_finite_loss():
    found = multiclass_metrics(truth_of(np.eye(4)[[0]]), [np.array([0, 1.0, 0, 0])])
    assert found["loss"] == pytest.approx(-np.log(1e-7))
    found = multilabel_metrics(truth_of([[1, 0, 0, 0]]), [np.array([0, 1.0, 0, 0])])
    assert found["loss"] == pytest.approx(-np.log(1e-7) / 2, rel=1e-4)


def test_several_class_figures_are_sklearns():
    rng = np.random.default_rng(2)
    targets = rng.integers(0, 2, (150, 4))
    shares = np.clip(0.5 + 0.2 * (targets - 0.5) + rng.normal(0, 0.2, (150, 4)), 0.001, 0.999)
    found = plain(multilabel_metrics(truth_of(targets), list(shares)))
    assert found["mean_auroc"] == pytest.approx(metrics.roc_auc_score(targets, shares))
    assert found["mean_ap"] == pytest.approx(metrics.average_precision_score(targets, shares))
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(targets, shares >= 0.5, average="macro"))
    assert found["loss"] == pytest.approx(
        np.mean([metrics.log_loss(t, s) for t, s in zip(targets.T, shares.T, strict=True)])
    )


def test_a_class_on_all_images_or_on_none():
    """A bus everywhere, a car nowhere: no AUROC of either; AP of the first is 1, of the second None."""
    targets = np.tile([1, 0, 1, 0], (6, 1))
    targets[:3, 2:] = [0, 1]
    shares = np.random.default_rng(0).uniform(size=(6, 4))
    found = plain(multilabel_metrics(truth_of(targets), list(shares)))
    rows = found["per_class"]
    assert rows["bus"]["auroc"] is rows["car"]["auroc"] is rows["car"]["ap"] is None
    assert rows["bus"]["ap"] == 1
    assert found["mean_auroc"] == pytest.approx(np.mean([rows["truck"]["auroc"], rows["van"]["auroc"]]))
    nothing = plain(multilabel_metrics(truth_of([[0, 0, 0, 0]]), [np.full(4, 0.5)]))
    assert nothing["mean_auroc"] is nothing["mean_ap"] is nothing["macro_f1"] is None


def best_by_search(true, p, per_1000):
    """Alarms of all thresholds that differ; of those that keep to the rate the ones of the lowest."""
    without = p[~true]
    kept = []
    for threshold in [*np.unique(p), 2.0]:
        if not len(without) or (without >= threshold).mean() * 1000 <= per_1000 + 1e-6:
            kept.append(p >= threshold)
    return kept[0]


@pytest.mark.parametrize("steps", [None, 5], ids=["apart", "ties"])
@pytest.mark.parametrize("per_1000", [0, 5, 10, 50, 333, 1000])
def test_thresholds_against_all_that_there_are(per_1000, steps):
    """The same alarms as the lowest threshold that keeps to the rate, for a frequent and a rare class."""
    rng = np.random.default_rng(0)
    targets = rng.uniform(size=(200, 2)) < [0.5, 0.05]
    shares = rng.uniform(size=(200, 2)) * 0.7 + 0.3 * targets
    shares = np.round(shares * steps) / steps if steps else shares
    points = plain(alarm_thresholds(truth_of(targets, ("a", "b")), list(shares), per_1000))
    for number, name in enumerate("ab"):
        true, p, point = targets[:, number], shares[:, number], points[name]
        expected = best_by_search(true, p, per_1000)
        np.testing.assert_array_equal(p >= point["threshold"], expected)
        assert point["recall"] == pytest.approx(expected[true].mean())
        assert point["false_alarms_per_1000"] == pytest.approx(1000 * expected[~true].mean())
        assert point["false_alarms_per_1000"] <= per_1000 + 1e-6
        assert point["frames_without"] == (~true).sum()
        assert point["smallest_rate_shown"] == pytest.approx(1000 / (~true).sum())


def test_a_rate_of_exactly_one_frame_is_kept():
    """200 frames without, 5 in 1,000: one of them may raise an alarm, whatever floats make of .005 * 200."""
    p = np.concatenate([np.linspace(0, 0.5, 199), [0.9, 0.95, 0.7]])
    targets = (np.arange(202) >= 200)[:, None]
    point = alarm_thresholds(truth_of(targets, ("a",)), list(p[:, None]), 5.0)["a"]
    assert 0.5 < point["threshold"] < 0.6 and point["false_alarms_per_1000"] == 5 and point["recall"] == 1


def test_thresholds_without_frames_to_set_them_by():
    """All frames show fire: no rate; none does: no recall; a sure false alarm: nothing may raise one."""
    fire = plain(alarm_thresholds(truth_of([[1], [1]], ("a",)), [np.array([0.2]), np.array([0.9])], 5))["a"]
    assert fire["false_alarms_per_1000"] is fire["smallest_rate_shown"] is None
    assert (fire["frames_without"], fire["recall"]) == (0, 1)
    none = plain(alarm_thresholds(truth_of([[0], [0]], ("a",)), [np.array([0.2]), np.array([1.0])], 5))["a"]
    assert none["recall"] is None and none["false_alarms_per_1000"] == 0 and none["threshold"] > 1
