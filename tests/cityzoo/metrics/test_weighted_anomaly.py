"""Weighed figures of anomaly detectors against scikit-learn, by image and by pixel."""

import numpy as np
import pytest
from PIL import Image
from sklearn import metrics

from cityzoo.metrics.anomaly import anomaly_metrics, labeled_pixels, weighted_anomaly_metrics
from cityzoo.metrics.keys import look_up
from cityzoo.outputs.anomaly import AnomalyResult
from cityzoo.sample import ImageExample, ImageSet

NORMAL, STRANGE = (1.0, 0.0), (0.0, 1.0)
CORNERS = (0, 0, 30, 20)


def frames(folder, kinds, steps=None):
    """Frames of 20 x 30: "n"ormal, an anomaly with a mask, "?" one without; warmer maps where there is one."""
    rng, images, results = np.random.default_rng(0), [], []
    for number, output in enumerate(kinds):
        heat = rng.uniform(1, 2, (20, 30)).astype("float32")
        mask = ""
        if output == "a":
            shown = np.zeros((20, 30), np.uint8)
            shown[4 : 6 + number % 9, 8:20] = 255
            heat += 0.4 * (shown > 0)
            mask = str(folder / f"{number}.png")
            Image.fromarray(shown).save(mask)
        heat = np.round(heat * steps).astype("float32") / steps if steps else heat
        target = NORMAL if output == "n" else STRANGE
        images.append(ImageExample(f"{number}.jpg", (20, 30), target=target, mask=mask))
        results.append(AnomalyResult(float(heat[::3, ::3].max()), heat, CORNERS))
    return ImageSet("val", ("normal", "anomaly"), tuple(images)), results


def by_sklearn(truth, results, w):
    """Every pixel weighs what its image does."""
    strange = np.array([image.target[0] < 0.5 for image in truth.examples])
    scores = np.array([result.score for result in results])
    pixels = list(labeled_pixels(truth, results))
    shown, heat = (np.concatenate([each[i] for each in pixels]) for i in (1, 2))
    of_pixels = np.concatenate([np.full(len(heat), w[n]) for n, _, heat in pixels])
    return {
        "image_auroc": metrics.roc_auc_score(strange, scores, sample_weight=w),
        "image_ap": metrics.average_precision_score(strange, scores, sample_weight=w),
        "pixel_auroc": metrics.roc_auc_score(shown, heat, sample_weight=of_pixels),
        "mean_score_normal": np.average(scores[~strange], weights=w[~strange]),
        "mean_score_anomaly": np.average(scores[strange], weights=w[strange]),
    }


@pytest.mark.parametrize("steps", [None, 4], ids=["apart", "ties"])
def test_weights(tmp_path, steps):
    truth, results = frames(tmp_path, "na" * 6 + "?nn?", steps)
    rng = np.random.default_rng(1)
    weights = np.stack([np.ones(16), rng.poisson(2, 16), rng.integers(0, 2, 16), rng.uniform(0, 3, 16)])
    found = weighted_anomaly_metrics(truth, results)(weights)
    report = anomaly_metrics(truth, results)
    assert found.keys() == report.keys() - {"n_images", "n_anomalies"}
    for key, values in found.items():
        assert values[0] == pytest.approx(report[key], abs=1e-12)
    for row, w in enumerate(weights):
        expected = by_sklearn(truth, results, w)
        assert {key: values[row] for key, values in found.items()} == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("kinds", ["nnn", "a", "??", "n?", "n"])
def test_what_leaves_nothing_to_measure(tmp_path, kinds):
    """As in the report: no anomaly, nothing but one, no mask."""
    truth, results = frames(tmp_path, kinds)
    found = weighted_anomaly_metrics(truth, results)(np.stack([np.ones(len(kinds)), np.zeros(len(kinds))]))
    report = anomaly_metrics(truth, results)
    for key, (once, never) in found.items():
        known = look_up(report, key)
        assert once == pytest.approx(np.nan if known is None else known, nan_ok=True), key
        assert np.isnan(never), key


def test_pixels_of_an_image_that_does_not_count_do_not_count(tmp_path):
    truth, results = frames(tmp_path, "anna")
    found = weighted_anomaly_metrics(truth, results)(np.array([[0, 1, 1, 1], [0, 1, 1, 0]]))["pixel_auroc"]
    rest = ImageSet("val", truth.class_names, truth.examples[1:])
    assert found[0] == pytest.approx(anomaly_metrics(rest, results[1:])["pixel_auroc"], abs=1e-12)
    assert np.isnan(found[1])
