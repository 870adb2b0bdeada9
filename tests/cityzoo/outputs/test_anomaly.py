"""Anomalies between data and head: the memory filled, heat where it belongs, thresholds, alarms."""

import csv

import keras
import numpy as np
import pytest
from PIL import Image

from cityzoo.outputs import ClosedFormInput
from cityzoo.outputs.anomaly import Anomaly, AnomalyResult, _spread
from cityzoo.sample import ImageExample, ImageSet
from cityzoo.visualize import anomaly_examples
from cityzoo.visualize.heatmap import resize_heatmap

NAMES = ("normal", "anomaly")
OUTPUT = Anomaly(NAMES, memory=8)
NORMAL, STRANGE = [1.0, 0], [0.0, 1]


def heat_of(size, *hot):
    """A map that is 1 all over and 9 in some cells."""
    heat = np.ones((1, *size, 1), "float32")
    for y, x in hot:
        heat[0, y, x] = 9
    return heat


@pytest.mark.parametrize("size_hw", [(90, 160), (300, 100)])
def test_heat_lies_where_it_was_found_in_the_stretched_image(size_hw):
    """Rows 5, 6 of 10 and columns 8, 9 of 16: about .6 of the height and nine sixteenths of the width."""
    hot = [(y, x) for y in (5, 6) for x in (8, 9)]
    (found,) = OUTPUT.decode(heat_of((10, 16), *hot), np.zeros((1, 3, 3)), [ImageExample("a.jpg", size_hw)])
    assert found.corners == (0, 0, size_hw[1], size_hw[0])
    heat = resize_heatmap(found.heat, found.corners, size_hw)
    ys, xs = np.nonzero(heat > (1 + found.score) / 2)
    expected = size_hw[1] * 9 / 16, size_hw[0] * 6 / 10
    assert (xs.mean() + 0.5, ys.mean() + 0.5) == pytest.approx(expected, abs=1.5)
    drawn = anomaly_examples.draw(np.full((*size_hw, 3), 20, np.uint8), None, found, OUTPUT)
    scale = drawn.shape[1] / size_hw[1]
    glow = drawn[: round(size_hw[0] * scale)].astype(int).sum(axis=-1)
    ys, xs = np.nonzero(glow > 0.8 * glow.max())
    assert (xs.mean() / scale, ys.mean() / scale) == pytest.approx(expected, abs=3)


def test_the_score_is_the_strangest_place_smoothed():
    """A whole block says more than a single cell of the same height, which says more than none."""
    block = [(y, x) for y in (4, 5, 6) for x in (4, 5, 6)]
    maps = np.concatenate([heat_of((10, 16)), heat_of((10, 16), (5, 5)), heat_of((10, 16), *block)])
    images = [ImageExample(f"{i}.jpg", (80, 128)) for i in range(3)]
    none, one, many = (found.score for found in OUTPUT.decode(maps, np.zeros((3, 3, 3)), images))
    assert none == pytest.approx(1) and 1 < one < 5 and 7 < many < 9


def test_the_memory_is_filled_with_patches_of_normal_frames():
    """Eight of the 48 that there are, as they are; all patches of the frames then lie near one of them."""
    levels = {"P3": keras.Input((2, 4, 3), name="P3"), "P4": keras.Input((1, 2, 2), name="P4")}
    model = keras.Model(levels, OUTPUT.build_head(levels))
    layer = model.get_layer(OUTPUT.closed_form_layer)
    inputs = np.random.default_rng(0).normal(size=(6, 2, 4, 5)).astype("float16")
    facts = OUTPUT.fit_closed_form(ClosedFormInput(layer, inputs, np.zeros((6, 2)), np.arange(6), seed=0))
    assert facts == {"how": "coreset", "patches": 48, "memory": 8}
    kernel, bias = layer.get_weights()
    memory = kernel[0, 0].T / -2
    rows = inputs.reshape(-1, 5).astype("float32")
    nearest = np.abs(memory[:, None] - rows).max(axis=-1).min(axis=1)
    assert nearest.max() < 1e-6 and len(np.unique(memory, axis=0)) == 8
    np.testing.assert_allclose(bias, (memory**2).sum(axis=1), rtol=1e-5)


def test_fewer_patches_than_places_are_repeated():
    levels = {"P3": keras.Input((2, 2, 1), name="P3"), "P4": keras.Input((1, 1, 1), name="P4")}
    layer = keras.Model(levels, OUTPUT.build_head(levels)).get_layer(OUTPUT.closed_form_layer)
    inputs = np.arange(8, dtype="float16").reshape(1, 2, 2, 2)
    given = ClosedFormInput(layer, inputs, np.zeros((1, 2)), np.arange(1), 0)
    assert OUTPUT.fit_closed_form(given)["memory"] == 4
    memory = layer.get_weights()[0][0, 0].T / -2
    assert sorted(map(tuple, memory.tolist())) == sorted([(0, 1), (2, 3), (4, 5), (6, 7)] * 2)


def test_too_many_patches_are_drawn_without_doubles():
    """No more than wanted, from all frames, the same for the same seed."""
    assert _spread((2, 3, 4, 9), 24, 0).tolist() == list(range(24))
    drawn = _spread((50, 10, 10, 9), 800, 3)
    assert len(set(drawn.tolist())) == 800 and drawn.max() < 5000
    assert len(set((drawn // 100).tolist())) == 50
    np.testing.assert_array_equal(drawn, _spread((50, 10, 10, 9), 800, 3))
    assert set(drawn.tolist()) != set(_spread((50, 10, 10, 9), 800, 4).tolist())


def frames(tmp_path, *targets):
    """Frames on disk."""
    made = []
    for number, target in enumerate(targets):
        Image.new("RGB", (48, 32), (20, 20, 20)).save(tmp_path / f"{number}.png")
        made.append(ImageExample(str(tmp_path / f"{number}.png"), (32, 48), target=target))
    return ImageSet("val", NAMES, tuple(made))


def found(*scores):
    """Results with these scores."""
    return [AnomalyResult(score, np.ones((4, 6), "float32"), (0, 0, 48, 32)) for score in scores]


def test_cases_bring_a_threshold_a_table_and_sheets(tmp_path):
    """Normal frames at 1 and 2, an anomaly at 5 that is found, one at 1.5 that is not."""
    truth = frames(tmp_path, NORMAL, NORMAL, STRANGE, STRANGE)
    results = found(1.0, 2.0, 5.0, 1.5)
    details = OUTPUT.details(truth, results)
    alarm = details["alarm"]
    OUTPUT.write_results(truth, results, tmp_path)
    anomaly_examples.write_examples(truth, results, OUTPUT, details, tmp_path)
    assert alarm["threshold"] == pytest.approx(2) and alarm["threshold"] > 2
    assert (alarm["recall"], alarm["false_alarms_per_1000"]) == (0.5, 0)
    rows = list(csv.DictReader((tmp_path / "predictions.csv").open()))
    assert [(row["true"], float(row["score"])) for row in rows] == [
        ("normal", 1),
        ("normal", 2),
        ("anomaly", 5),
        ("anomaly", 1.5),
    ]
    assert {"found.png", "missed.png", "false.png"} <= {file.name for file in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("report", "score", "alarms"),
    [({"alarm": {"threshold": 2.0}}, None, 2), ({"alarm": {"threshold": 2.0}}, 2.5, 1), ({}, None, 0)],
)
def test_alarms_are_raised_by_the_report_or_by_a_score(report, score, alarms):
    images = ImageSet("predict", NAMES, tuple(ImageExample(f"{i}.jpg", (32, 48)) for i in range(3)))
    seen = OUTPUT.summarize_predictions(images, found(1.0, 2.0, 3.0), report, score)
    assert [row["alarm"] for row in seen.document.values()] == [False, alarms > 1, alarms > 0]
    assert seen.line.startswith(f"{alarms} alarms") and seen.document["2.jpg"]["score"] == 3


def test_a_document_without_a_threshold_is_plain_json():
    """No alarm at all rather than an infinity in a file."""
    import json

    images = ImageSet("predict", NAMES, (ImageExample("a.jpg", (32, 48)),))
    for report in ({}, {"alarm": None}, {"alarm": {"threshold": None}}):
        seen = OUTPUT.summarize_predictions(images, found(3.0), report, None)
        assert json.loads(json.dumps(seen.document, allow_nan=False))["a.jpg"]["alarm"] is False


def test_nothing_is_trained():
    """The memory is what is learned; the figures need normal and other frames."""
    assert not OUTPUT.trainable and OUTPUT.resize_mode == "stretch"
    assert float(OUTPUT.loss((8, 8))(np.zeros((1, 2)), np.zeros((1, 2)))) == 0
    truth = ImageSet("val", NAMES, (ImageExample("a.jpg", (32, 48), target=NORMAL),))
    assert OUTPUT.metrics(truth, found(1.0))["image_auroc"] is None
