"""Figures of anomaly detectors: against scikit-learn, and thresholds against a search of all."""

import json

import numpy as np
import pytest
from PIL import Image
from sklearn import metrics

from cityzoo.metrics.anomaly import alarm_threshold, anomaly_metrics
from cityzoo.outputs.anomaly import AnomalyResult
from cityzoo.sample import ImageExample, ImageSet

NAMES = ("normal", "anomaly")
NORMAL, STRANGE = (1.0, 0.0), (0.0, 1.0)


def truth_of(strange, **more):
    """Frames of 40 x 60 that are normal or not."""
    made = (
        ImageExample(f"{i}.jpg", (40, 60), target=STRANGE if s else NORMAL) for i, s in enumerate(strange)
    )
    return ImageSet("val", NAMES, tuple(made))


def found(scores):
    """Results with these scores, and heat maps that say nothing."""
    return [AnomalyResult(float(score), np.zeros((4, 6), "float32"), (0, 0, 60, 40)) for score in scores]


@pytest.mark.parametrize("steps", [None, 4], ids=["apart", "ties"])
def test_figures_of_frames_are_sklearns(steps):
    rng = np.random.default_rng(0)
    strange = rng.uniform(size=100) < 0.3
    scores = rng.uniform(1, 2, 100) + 0.5 * strange
    scores = np.round(scores * steps) / steps if steps else scores
    figures = json.loads(json.dumps(anomaly_metrics(truth_of(strange), found(scores)), allow_nan=False))
    assert figures["image_auroc"] == pytest.approx(metrics.roc_auc_score(strange, scores))
    assert figures["image_ap"] == pytest.approx(metrics.average_precision_score(strange, scores))
    assert figures["mean_score_normal"] == pytest.approx(scores[~strange].mean())
    assert figures["mean_score_anomaly"] == pytest.approx(scores[strange].mean())
    assert (figures["n_images"], figures["n_anomalies"]) == (100, strange.sum())


@pytest.mark.parametrize("strange", [[False, False], [True, True]])
def test_frames_of_one_sort_leave_nothing_to_rank(strange):
    figures = json.loads(json.dumps(anomaly_metrics(truth_of(strange), found([1, 2])), allow_nan=False))
    assert figures["image_auroc"] is figures["image_ap"] is figures["pixel_auroc"] is None
    known = "mean_score_anomaly" if strange[0] else "mean_score_normal"
    assert [k for k, v in figures.items() if k.startswith("mean") and v is not None] == [known]


def masked(tmp_path, rows):
    """Frames of 40 x 60; a box makes an anomaly with a mask, True one without."""
    made = []
    for number, box in enumerate(rows):
        mask = ""
        if isinstance(box, tuple):
            pixels = np.zeros((40, 60), np.uint8)
            pixels[box[1] : box[3], box[0] : box[2]] = 255
            mask = str(tmp_path / f"{number}.png")
            Image.fromarray(pixels).save(mask)
        made.append(ImageExample(f"{number}.jpg", (40, 60), target=STRANGE if box else NORMAL, mask=mask))
    return ImageSet("val", NAMES, tuple(made))


def hot(box, heat=9.0):
    """A map as large as the image that glows in a box."""
    values = np.ones((40, 60), "float32")
    values[box[1] : box[3], box[0] : box[2]] = heat
    return AnomalyResult(heat, values, (0, 0, 60, 40))


def test_pixels_are_judged_by_their_mask(tmp_path):
    """Glowing on the mask: 1; beside it: by counting pairs; an anomaly without a mask counts not at all."""
    box, beside = (10, 10, 30, 20), (40, 20, 60, 30)
    calm = hot((0, 0, 0, 0))
    truth = masked(tmp_path, [box, None])
    assert anomaly_metrics(truth, [hot(box), calm])["pixel_auroc"] == 1
    wrong = anomaly_metrics(truth, [hot(beside), calm])["pixel_auroc"]
    # 200 pixels of the mask at 1; of 4600 others 200 are at 9, the rest ties with them.
    assert wrong == pytest.approx((4400 / 2) / 4600)
    more = masked(tmp_path, [box, None, True])
    assert anomaly_metrics(more, [hot(beside), calm, hot((0, 0, 60, 40))])["pixel_auroc"] == wrong
    assert anomaly_metrics(masked(tmp_path, [True, None]), [hot(box), calm])["pixel_auroc"] is None


def test_heat_of_pixels_is_stretched_to_the_image(tmp_path):
    """A random map of 4 x 6 cells: scikit-learn on every second pixel of a resize."""
    import cv2

    truth = masked(tmp_path, [(20, 10, 40, 30), None])
    rng = np.random.default_rng(0)
    maps = rng.uniform(size=(2, 4, 6)).astype("float32")
    maps[0, 1:3, 2:4] += 0.4
    results = [AnomalyResult(float(m.max()), m, (0, 0, 60, 40)) for m in maps]
    heat = np.stack([cv2.resize(m, (60, 40), interpolation=cv2.INTER_LINEAR) for m in maps])
    labels = np.zeros((2, 40, 60), bool)
    labels[0, 10:30, 20:40] = True
    expected = metrics.roc_auc_score(labels[:, ::2, ::2].ravel(), heat[:, ::2, ::2].ravel())
    assert anomaly_metrics(truth, results)["pixel_auroc"] == pytest.approx(expected, abs=2e-3)


def best_by_search(strange, scores, per_1000):
    """Alarms of the lowest of all thresholds that keep to the rate."""
    for threshold in [*np.unique(scores), np.inf]:
        if (scores[~strange] >= threshold).mean() * 1000 <= per_1000 + 1e-6:
            return scores >= threshold
    raise AssertionError("no threshold keeps to the rate")


@pytest.mark.parametrize("steps", [None, 4], ids=["apart", "ties"])
@pytest.mark.parametrize("per_1000", [0, 5, 20, 100, 1000])
def test_the_threshold_against_all_that_there_are(per_1000, steps):
    rng = np.random.default_rng(1)
    strange = rng.uniform(size=150) < 0.3
    scores = rng.uniform(1, 2, 150) + 0.5 * strange
    scores = np.round(scores * steps) / steps if steps else scores
    point = json.loads(
        json.dumps(alarm_threshold(truth_of(strange), found(scores), per_1000), allow_nan=False)
    )
    expected = best_by_search(strange, scores, per_1000)
    np.testing.assert_array_equal(scores >= point["threshold"], expected)
    assert point["recall"] == pytest.approx(expected[strange].mean())
    assert point["false_alarms_per_1000"] == pytest.approx(1000 * expected[~strange].mean())
    assert point["frames_normal"] == (~strange).sum()
    assert point["smallest_rate_shown"] == pytest.approx(1000 / (~strange).sum())


def test_no_threshold_without_normal_frames_and_no_recall_without_others():
    none = alarm_threshold(truth_of([True]), found([3.0]), 5)
    assert none["threshold"] is none["recall"] is none["false_alarms_per_1000"] is None
    calm = alarm_threshold(truth_of([False, False]), found([1.0, 3.0]), 5)
    assert calm["recall"] is None and calm["threshold"] > 3 and calm["false_alarms_per_1000"] == 0
