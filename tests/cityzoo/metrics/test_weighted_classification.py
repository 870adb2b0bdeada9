"""Weighed figures of classifiers: with weights of 1 the report's own, with others scikit-learn's sample_weight."""

import warnings

import numpy as np
import pytest
from sklearn import metrics

from cityzoo.metrics.classification import (
    log_losses,
    multiclass_metrics,
    multilabel_metrics,
    weighted_multiclass_metrics,
    weighted_multilabel_metrics,
)
from cityzoo.metrics.keys import look_up, pointer
from cityzoo.sample import ImageExample, ImageSet

NAMES = ("bus", "a/b.c", "truck", "~van")


def truth_of(targets):
    """Images with targets."""
    made = (ImageExample(f"{i}.jpg", (8, 8), target=row) for i, row in enumerate(targets))
    return ImageSet("val", NAMES, tuple(made))


def one_class(images, labels=range(4), steps=None):
    """Targets, and probabilities that know a little of them; `steps` makes ties."""
    rng = np.random.default_rng(images)
    true = rng.choice(list(labels), images)
    logits = rng.normal(size=(images, 4)) + np.eye(4)[true]
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return np.eye(4)[true], np.round(shares * steps) / steps if steps else shares


def several(images, odds=(0.5, 0.5, 0.5, 0.5), steps=None):
    """The same for classes that hold or not by themselves."""
    rng = np.random.default_rng(images)
    targets = (rng.uniform(size=(images, 4)) < odds).astype(float)
    shares = np.clip(0.3 + 0.2 * targets + rng.normal(0, 0.2, targets.shape), 0, 1)
    return targets, np.round(shares * steps) / steps if steps else shares


ONE = {
    "apart": one_class(80),
    "ties": one_class(90, steps=4),
    "one class missing": one_class(60, labels=(0, 1, 3)),
    "one class only": one_class(12, labels=(2,)),
    "a single image": one_class(1),
}
SEVERAL = {
    "apart": several(80),
    "ties": several(90, steps=4),
    "one missing, one everywhere": several(60, odds=(0.5, 0, 1, 0.1)),
    "none at all": several(12, odds=(0, 0, 0, 0)),
    "a single image": several(1),
}


def some_weights(images):
    """All once; as a bootstrap draws; in or out; any number; none at all."""
    rng = np.random.default_rng(0)
    drawn = [rng.poisson(1, images), rng.integers(0, 2, images), rng.uniform(0, 3, images)]
    return np.stack([np.ones(images), *drawn, np.zeros(images)])


def mean(values):
    """Over those that are known."""
    known = [value for value in values if not np.isnan(value)]
    return np.mean(known) if known else np.nan


def by_sklearn(targets, shares, said, w):
    """Figures of each class; images of weight 0 are not there."""
    rows = {name: {} for name in NAMES}
    for name, true, p, chosen in zip(NAMES, targets.T > 0, shares.T, said.T, strict=True):
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            true, chosen, average="binary", zero_division=0, sample_weight=w
        )
        both = true.any() and not true.all()
        rows[name] = {
            "recall": recall if true.any() else np.nan,
            "precision": precision if chosen.any() else np.nan,
            "f1": f1 if true.any() else np.nan,
            "auroc": metrics.roc_auc_score(true, p, sample_weight=w) if both else np.nan,
            "ap": metrics.average_precision_score(true, p, sample_weight=w) if true.any() else np.nan,
        }
    found = {pointer("per_class", name, key): v for name, row in rows.items() for key, v in row.items()}
    return rows, found


def one_by_sklearn(targets, shares, w):
    """All figures of a classifier of one class an image."""
    labels, answers = targets.argmax(axis=1), shares.argmax(axis=1)
    rows, found = by_sklearn(targets, shares, answers[:, None] == np.arange(4), w)
    there = np.unique(labels)
    with warnings.catch_warnings():  # that an answer's class is nowhere true
        warnings.simplefilter("ignore", UserWarning)
        found["balanced_accuracy"] = metrics.balanced_accuracy_score(labels, answers, sample_weight=w)
    found["accuracy"] = metrics.accuracy_score(labels, answers, sample_weight=w)
    found["macro_f1"] = metrics.f1_score(
        labels, answers, labels=there, average="macro", zero_division=0, sample_weight=w
    )
    found["mean_auroc"] = mean([row["auroc"] for row in rows.values()])
    found["loss"] = np.average(-np.log(np.maximum(shares[np.arange(len(w)), labels], 1e-7)), weights=w)
    return found


def several_by_sklearn(targets, shares, w):
    """All figures of a classifier of several classes."""
    rows, found = by_sklearn(targets, shares, shares >= 0.5, w)
    for name, key in (("mean_auroc", "auroc"), ("mean_ap", "ap"), ("macro_f1", "f1")):
        found[name] = mean([row[key] for row in rows.values()])
    kept = np.clip(shares, 1e-7, 1 - 1e-7)
    columns = zip(targets.T, kept.T, strict=True)
    found["loss"] = np.mean([metrics.log_loss(t, p, sample_weight=w, labels=[0, 1]) for t, p in columns])
    return found


@pytest.mark.parametrize(
    ("targets", "shares", "weigh", "judge", "sklearn"),
    [
        *((*case, weighted_multiclass_metrics, multiclass_metrics, one_by_sklearn) for case in ONE.values()),
        *(
            (*case, weighted_multilabel_metrics, multilabel_metrics, several_by_sklearn)
            for case in SEVERAL.values()
        ),
    ],
    ids=[*(f"one: {name}" for name in ONE), *(f"several: {name}" for name in SEVERAL)],
)
def test_weights(targets, shares, weigh, judge, sklearn):
    truth = truth_of(targets)
    weights = some_weights(len(targets))
    found = weigh(truth, list(shares))(weights)
    report = judge(truth, list(shares))
    for key, values in found.items():
        known = look_up(report, key)
        assert values[0] == pytest.approx(np.nan if known is None else known, abs=1e-12, nan_ok=True), key
        assert np.isnan(values[-1]), key
    for row, w in enumerate(weights[:-1]):
        chosen = w > 0
        if chosen.any():
            expected = sklearn(targets[chosen], shares[chosen], w[chosen])
            assert expected.keys() == found.keys()
            for key, value in expected.items():
                assert found[key][row] == pytest.approx(value, abs=1e-9, nan_ok=True), (key, row)


def test_every_figure_of_the_report_can_be_weighed():
    """But counts and the confusion matrix."""
    for cases, weigh, judge in (
        (ONE, weighted_multiclass_metrics, multiclass_metrics),
        (SEVERAL, weighted_multilabel_metrics, multilabel_metrics),
    ):
        targets, shares = cases["apart"]
        report = judge(truth_of(targets), list(shares))
        rows = report.pop("per_class")
        keys = {pointer("per_class", name, key) for name, row in rows.items() for key in row if key != "n"}
        keys |= report.keys() - {"confusion", "n_images"}
        assert weigh(truth_of(targets), list(shares))(np.ones((1, len(targets)))).keys() == keys


def test_twice_the_weight_is_the_image_twice():
    targets, shares = ONE["ties"]
    counts = np.random.default_rng(1).integers(0, 4, len(targets))
    found = weighted_multiclass_metrics(truth_of(targets), list(shares))(counts[None])
    report = multiclass_metrics(
        truth_of(np.repeat(targets, counts, axis=0)), list(np.repeat(shares, counts, axis=0))
    )
    assert {key: v[0] for key, v in found.items()} == pytest.approx(
        {key: look_up(report, key) for key in found}
    )


def test_losses_by_hand():
    """-ln .25 and a sure mistake; the mean of -ln .5 and -ln .75."""
    one = log_losses(np.array([[0, 1], [1, 0]]), np.array([[0.75, 0.25], [0.0, 1.0]]), multilabel=False)
    assert one == pytest.approx([-np.log(0.25), -np.log(1e-7)])
    both = log_losses(np.array([[1, 0]]), np.array([[0.5, 0.25]]), multilabel=True)
    assert both == pytest.approx([-(np.log(0.5) + np.log(0.75)) / 2])
