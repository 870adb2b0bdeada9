import numpy as np
import pytest

from cityzoo.metrics import weighted
from cityzoo.metrics.coco import SUMMARY, coco_metrics
from cityzoo.metrics.keys import look_up
from cityzoo.metrics.weighted_coco import METRICS, weighted_coco_metrics
from cityzoo.sample import Detections, ImageSet
from tests.cityzoo.metrics.detection_sets import NAMES, NOTHING, image_set, nasty_sets, random_set, reference


def pycocotools_figures(truth, found):
    """What pycocotools says, by the names of the report; NaN for its -1."""
    evaluation = reference(truth, found)
    figures = {name: value for name, value in zip(SUMMARY, evaluation.stats, strict=True) if name in METRICS}
    for label, name in enumerate(("car", "bus", "van~1suv")):
        precision, recall = (evaluation.eval[key][..., label, 0, 2] for key in ("precision", "recall"))
        of_class = {"AP": precision.mean(), "AP50": precision[0].mean(), "AR": recall.mean()}
        figures |= {f"per_class/{name}/{key}": value for key, value in of_class.items()}
    return {name: np.nan if value == -1 else value for name, value in figures.items()}


@pytest.mark.parametrize("name", [name for name in nasty_sets() if name != "no images"])
def test_all_images_once_is_pycocotools_and_the_report(name):
    truth, found = nasty_sets()[name]
    measured = weighted_coco_metrics(truth, found)(np.ones((1, len(truth))))
    assert {key: values[0] for key, values in measured.items()} == pytest.approx(
        pycocotools_figures(truth, found), abs=1e-9, nan_ok=True
    )
    report = coco_metrics(truth, found)
    for key, (value,) in measured.items():
        told = look_up(report, key)
        assert np.isnan(value) if told is None else value == pytest.approx(told, abs=1e-9), key


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_whole_weights_are_images_really_repeated(seed):
    truth, found = random_set(seed, n_images=7, classes=(0, 1, 1, 1, 2))
    weights = np.random.default_rng(seed).multinomial(7, np.ones(7) / 7, 4).astype(float)
    weights[0] = [0, 0, 5, 0, 0, 0, 1]  # few images: a class may be gone
    measured = weighted_coco_metrics(truth, found)(weights)
    for row, counts in enumerate(weights.astype(int)):
        rows = np.repeat(np.arange(7), counts)
        again = ImageSet("val", NAMES, tuple(truth.examples[i] for i in rows))
        expected = pycocotools_figures(again, [found[i] for i in rows])
        assert {key: values[row] for key, values in measured.items()} == pytest.approx(
            expected, abs=1e-9, nan_ok=True
        )


def test_weights_worked_out_by_hand():
    # Cars: a hit at .9 in the first image, a false alarm at .8 in the second, a hit at .7 in the third, where one
    # more is missed. Weights 1, 2, 3: recall 1/7 at precision 1, then 4/7 at 4/6. The bus weighs nothing once.
    truth = image_set(
        ([[0, 0, 10, 10]], [0]), ([[50, 0, 90, 40]], [1]), ([[0, 0, 10, 10], [50, 50, 60, 60]], [0, 0])
    )
    found = [
        Detections([[0, 0, 10, 10]], [0.9], [0]),
        Detections([[200, 0, 210, 10], [50, 0, 90, 40]], [0.8, 0.3], [0, 1]),
        Detections([[0, 0, 10, 10]], [0.7], [0]),
    ]
    measured = weighted_coco_metrics(truth, found)(np.array([[1.0, 2, 3], [1, 0, 3], [0, 5, 0], [0, 0, 0]]))
    car = (15 + (58 - 15) * 4 / 6) / 101  # recalls up to 1/7, and from there up to 4/7
    assert measured["per_class/car/AP50"] == pytest.approx([car, 58 / 101, np.nan, np.nan], nan_ok=True)
    assert measured["per_class/bus/AP50"] == pytest.approx([1, np.nan, 1, np.nan], nan_ok=True)
    assert measured["AP50"] == pytest.approx([(car + 1) / 2, 58 / 101, 1, np.nan], nan_ok=True)
    assert measured["AR100"] == pytest.approx([(4 / 7 + 1) / 2, 4 / 7, 1, np.nan], nan_ok=True)
    assert measured["AP_small"] == pytest.approx([car, 58 / 101, np.nan, np.nan], nan_ok=True)
    assert np.isnan(measured["per_class/van~1suv/AP"]).all()


def test_some_figures_and_some_resamples_at_a_time_are_the_same(monkeypatch):
    truth, found = nasty_sets()["random"]
    weights = np.random.default_rng(0).integers(0, 4, (9, len(truth))).astype(float)
    everything = weighted_coco_metrics(truth, found)(weights)
    wanted = ["AP75", "AP_small", "per_class/van~1suv/AR"]
    monkeypatch.setattr(weighted, "BLOCK", 1)
    some = weighted_coco_metrics(truth, found, wanted)(weights)
    assert sorted(some) == sorted(wanted)
    for key, values in some.items():
        assert values == pytest.approx(everything[key], abs=1e-12, nan_ok=True)


def test_nothing_to_go_by():
    measured = weighted_coco_metrics(image_set(), [])(np.ones((2, 0)))
    assert all(np.isnan(values).all() and values.shape == (2,) for values in measured.values())
    measured = weighted_coco_metrics(image_set(([[0, 0, 9, 9]], [0])), [NOTHING])(np.ones((1, 1)))
    assert measured["AP50"] == [0] and measured["AR100"] == [0] and np.isnan(measured["AP_large"][0])
