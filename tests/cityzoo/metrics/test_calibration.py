"""Calibration errors by hand, temperatures found again, and no image judged by a temperature fitted on it."""

import json

import numpy as np
import pytest
from scipy.special import expit, softmax

from cityzoo.metrics import calibration as module
from cityzoo.metrics.calibration import (
    apply_temperature,
    calibration,
    expected_calibration_error,
    fit_temperature,
    reliability,
)
from cityzoo.metrics.classification import multiclass_metrics, multilabel_metrics
from cityzoo.sample import ImageExample, ImageSet


def truth_of(targets, scenes=None):
    """Images with targets, of scenes."""
    scenes = scenes or [""] * len(targets)
    made = (
        ImageExample(f"{i}.jpg", (8, 8), target=row, scene=scene)
        for i, (row, scene) in enumerate(zip(targets, scenes, strict=True))
    )
    return ImageSet("val", tuple("abcd"[: len(targets[0])]), tuple(made))


def drawn(images, several, seed=0):
    """Logits, and targets that come true as often as those say."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (images, 3))
    if several:
        return logits, (rng.uniform(size=logits.shape) < expit(logits)).astype(float)
    chosen = (rng.uniform(size=(images, 1)) > softmax(logits, axis=1).cumsum(axis=1)).sum(axis=1)
    return logits, np.eye(3)[np.minimum(chosen, 2)]


def probabilities(logits, several):
    """Of a softmax, or of sigmoids."""
    return expit(logits) if several else softmax(logits, axis=1)


each_kind = pytest.mark.parametrize("several", [False, True], ids=["one class", "several"])


def test_errors_by_hand():
    """Bins (.6, .667] with one of two right, (.933, 1] with all three, and a border, which is of the lower bin."""
    confidence, right = np.array([0.61, 0.65, 0.95, 1.0, 0.96]), np.array([True, False, True, True, True])
    bins = reliability(confidence, right)
    assert bins["n"] == [2, 3] and bins["accuracy"] == [0.5, 1]
    assert bins["confidence"] == pytest.approx([0.63, 0.97])
    assert expected_calibration_error(bins) == pytest.approx((2 * 0.13 + 3 * 0.03) / 5)
    assert reliability(np.array([0.2, 0.2001, 0.0]), np.array([1, 0, 0])) == {
        "confidence": [0.0, 0.2, 0.2001],
        "accuracy": [0.0, 1.0, 0.0],
        "n": [1, 1, 1],
    }


def test_what_counts_as_confidence():
    """Of one class the surest alone; of several each of them."""
    truth, said = truth_of([[1, 0], [0, 1]]), [np.array([0.9, 0.1]), np.array([0.7, 0.3])]
    assert calibration(truth, said, False)["ece"] == pytest.approx((0.1 + 0.7) / 2)
    assert calibration(truth, said, True)["ece"] == pytest.approx((0.1 + 0.1 + 0.7 + 0.7) / 4)


@each_kind
@pytest.mark.parametrize("sharper", [0.4, 1.0, 3.0])
def test_a_known_temperature_is_found_again(several, sharper):
    logits, targets = drawn(4000, several)
    shares = probabilities(logits * sharper, several)
    found = calibration(truth_of(targets), list(shares), several)
    assert found["temperature"] == pytest.approx(sharper, rel=0.05)
    assert found["ece_scaled"] < 0.02 and found["loss_scaled"] <= found["loss"] + 1e-3
    assert (found["ece"] > 0.05) == (sharper != 1.0)
    metrics = multilabel_metrics if several else multiclass_metrics
    assert found["loss"] == pytest.approx(metrics(truth_of(targets), list(shares))["loss"])
    assert found["ece"] == pytest.approx(expected_calibration_error(found["bins"]))
    np.testing.assert_allclose(
        apply_temperature(shares, sharper, several), probabilities(logits, several), rtol=1e-6
    )


@each_kind
def test_the_fitted_temperature_is_the_best_of_a_fine_grid(several):
    logits, targets = drawn(60, several, seed=1)
    shares = probabilities(2 * logits, several)
    losses = {
        t: module.log_losses(targets, apply_temperature(shares, t, several), several).mean()
        for t in np.geomspace(0.05, 20, 2000)
    }
    assert fit_temperature(targets, shares, several) == pytest.approx(min(losses, key=losses.get), rel=0.004)


def test_no_image_is_judged_by_a_temperature_that_saw_its_scene(monkeypatch):
    """Every fit leaves out whole scenes, each scene once; the last fit has all."""
    logits, targets = drawn(90, several=False)
    scenes = [f"camera {i % 9}" for i in range(90)]
    row_of = {tuple(row): i for i, row in enumerate(softmax(logits, axis=1))}
    fits = []

    def fitted(targets, shares, several):
        fits.append({scenes[row_of[tuple(row)]] for row in shares})
        assert len(shares) == 10 * len(fits[-1])  # scenes are whole
        return 1.0

    monkeypatch.setattr(module, "fit_temperature", fitted)
    calibration(truth_of(targets, scenes), list(softmax(logits, axis=1)), False)
    left_out = [scene for fit in fits[:-1] for scene in set(scenes) - fit]
    assert len(fits) == 6 and sorted(left_out) == sorted(set(scenes)) and len(fits[-1]) == 9


def test_a_temperature_of_one_scene_is_judged_on_the_other():
    """What one camera would be mended by harms the other: it is said, not hidden by fitting on both."""
    rng = np.random.default_rng(0)
    p = np.full((200, 2), [0.9, 0.1])
    right = np.where(np.arange(200) < 100, rng.uniform(size=200) < 0.99, rng.uniform(size=200) < 0.6)
    targets = np.eye(2)[(~right).astype(int)]
    found = calibration(truth_of(targets, ["a"] * 100 + ["b"] * 100), list(p), False)
    assert found["loss_scaled"] > found["loss"] + 0.1


@each_kind
def test_nothing_to_judge_a_temperature_by(several):
    """A single image; a hundred of one camera are parted nevertheless."""
    alone = calibration(truth_of([[1, 0]]), [np.array([0.8, 0.2])], several)
    assert alone["ece_scaled"] is alone["loss_scaled"] is alone["temperature"] is None
    assert alone["ece"] == pytest.approx(0.2) and sum(alone["bins"]["n"]) == (2 if several else 1)
    logits, targets = drawn(100, several)
    camera = calibration(truth_of(targets, ["a"] * 100), list(probabilities(logits, several)), several)
    assert 0 < camera["ece_scaled"] < 0.2


@each_kind
def test_certainty_and_one_class_stay_numbers(several):
    """Probabilities of 0 and 1, right or wrong; images of one class alone."""
    targets = np.tile([1.0, 0.0], (6, 1))
    shares = np.array([[1.0, 0], [0, 1], [1, 0], [1, 0], [0.5, 0.5], [1, 0]])
    found = calibration(truth_of(targets), list(shares), several)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert 0.05 <= found["temperature"] <= 20
    sure = calibration(truth_of(targets), list(targets), several)
    assert sure["ece"] == 0 and sure["ece_scaled"] < 1e-6
