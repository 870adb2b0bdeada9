"""Counting between data and head: targets, places in the original image, drawings, tables."""

import csv

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cityzoo.data.image.views import AugmentedViews, sequential_order
from cityzoo.outputs.counting import Counting, CountResult
from cityzoo.sample import ImageExample, ImageSet
from cityzoo.visualize import counting_examples
from cityzoo.visualize.heatmap import resize_heatmap
from heads.counting import DensityLoss, density_targets

OUTPUT = Counting(("car",))
REGRESSION = Counting(("car",), head="regression")


def batch(images_hw, *examples):
    """A batch as the pipeline gives it, two rows of boxes an image."""
    boxes = np.full((len(examples), 2, 4), -1, "float32")
    labels = np.full((len(examples), 2), -1)
    for number, rows in enumerate(examples):
        for row, box in enumerate(rows):
            boxes[number, row], labels[number, row] = box, 0
    images = tf.zeros((len(examples), *images_hw, 3), tf.uint8)
    return {"images": images, "bounding_boxes": {"boxes": tf.constant(boxes), "labels": tf.constant(labels)}}


def test_the_target_is_the_map_or_the_number():
    """Two boxes, none, one."""
    given = batch((64, 96), ([8, 8, 24, 24], [40, 30, 80, 60]), (), ([0, 0, 96, 64],))
    maps = OUTPUT.make_targets(given).numpy()
    np.testing.assert_array_equal(maps, density_targets(given["bounding_boxes"]["boxes"].numpy(), (64, 96)))
    assert maps.shape == (3, 8, 12, 1) and maps.sum(axis=(1, 2, 3)) == pytest.approx([2, 0, 1], abs=1e-4)
    assert REGRESSION.make_targets(given).numpy().tolist() == [[2], [0], [1]]


def test_head_and_loss_fit_each_other():
    levels = {f"P{n}": keras.Input((64 >> n, 96 >> n, 4)) for n in (3, 4, 5)}
    assert OUTPUT.build_head(levels).shape == (None, 8, 12, 1)
    assert isinstance(OUTPUT.loss((64, 96)), DensityLoss)
    assert REGRESSION.build_head(levels).shape == (None, 1)
    assert float(REGRESSION.loss((64, 96))(np.array([[2.0]]), np.array([[5.0]]))) == 9


def test_numbers_of_regression_come_as_they_are():
    found = REGRESSION.decode(np.array([[2.5], [0.0]]), np.zeros((2, 3, 3)), [])
    assert [each.number for each in found] == [2.5, 0.0] and found[0].density is None


@pytest.mark.parametrize(
    ("size_hw", "box"),
    [((60, 240), (180, 10, 230, 50)), ((200, 80), (10, 150, 60, 190)), ((40, 30), (4, 20, 16, 36))],
    ids=["wide", "tall", "enlarged"],
)
def test_density_lies_where_the_box_is_in_the_original_image(painted, size_hw, box):
    """Letterboxed to 128 x 128, made a map, stretched over the image: its middle is the white one's."""
    example = painted("road.png", size_hw, box)
    views = AugmentedViews(
        ImageSet("val", ("car",), (example,)), OUTPUT, "none", (128, 128), max_rows=1, seed=0
    )
    ((_, target, matrices),) = views.batches(sequential_order(1), 1).as_numpy_iterator()
    (found,) = OUTPUT.decode(target, matrices, [example])
    assert found.number == pytest.approx(1, abs=1e-4)
    x1, y1, x2, y2 = found.corners
    longest = max(size_hw)
    assert (x2 - x1, y2 - y1) == pytest.approx((longest, longest), rel=0.01)  # whole pixels
    assert ((x1 + x2) / 2, (y1 + y2) / 2) == pytest.approx((size_hw[1] / 2, size_hw[0] / 2), abs=1.0)
    heat = resize_heatmap(found.density, found.corners, size_hw)
    ys, xs = np.nonzero(heat > heat.max() / 2)
    cell = 8 * longest / 128
    assert (xs.mean() + 0.5, ys.mean() + 0.5) == pytest.approx(
        ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), abs=cell / 2
    )
    with Image.open(example.path) as opened:
        image = np.asarray(opened)
    plain = Image.fromarray(np.full_like(image, 20))
    drawn = counting_examples.draw(np.asarray(plain), None, found, OUTPUT)
    scale = drawn.shape[1] / size_hw[1]
    warm = drawn[: round(size_hw[0] * scale)].astype(int).sum(axis=-1)
    ys, xs = np.nonzero(warm > warm.max() * 0.8)
    assert box[0] < xs.mean() / scale < box[2] and box[1] < ys.mean() / scale < box[3]


def test_the_mean_count_of_training_is_remembered():
    """2 and 5: by 3.5; a report that knows it gives it back."""
    train = tuple(ImageExample(f"{n}.jpg", (9, 9), target=[n]) for n in (2, 5))
    seen = OUTPUT.with_train_statistics(ImageSet("train", ("car",), train))
    assert seen.train_mean_count == 3.5 and OUTPUT.train_mean_count is None
    truth = ImageSet("val", ("car",), (ImageExample("a.jpg", (9, 9)),))
    figures = seen.metrics(truth, [CountResult(1.0)])
    assert (figures["mae_of_mean"], figures["mae_share_of_mean"]) == (3.5, pytest.approx(1 / 3.5))
    assert OUTPUT.restore(figures) == seen and OUTPUT.restore({}) == OUTPUT
    assert OUTPUT.metrics(truth, [CountResult(1.0)])["mae_of_mean"] is None


def test_figures_are_of_the_counts():
    """2 and 0 to count, 3 and 0 said."""
    truth = ImageSet(
        "val",
        ("car",),
        (ImageExample("a.jpg", (9, 9), [[0, 0, 4, 4]] * 2, [0] * 2), ImageExample("b.jpg", (9, 9))),
    )
    found = OUTPUT.metrics(truth, [CountResult(3.0), CountResult(0.0)])
    assert (found["mae"], found["bias"], found["rmse"]) == (0.5, 0.5, pytest.approx(0.5**0.5))
    assert set(OUTPUT.primary_metrics) <= set(found) and set(OUTPUT.lower_is_better) <= set(
        OUTPUT.primary_metrics
    )


def test_cases_are_a_table_and_sheets(tmp_path):
    Image.new("RGB", (80, 60), (20, 20, 20)).save(tmp_path / "a.png")
    truth = ImageSet("val", ("car",), (ImageExample(str(tmp_path / "a.png"), (60, 80), [[0, 0, 9, 9]], [0]),))
    density = np.zeros((8, 8), "float32")
    density[2, 2] = 1.25
    results = [CountResult(1.25, density, (0.0, -10, 80, 70))]
    found = OUTPUT.details(truth, results)
    OUTPUT.write_results(truth, results, tmp_path)
    counting_examples.write_examples(truth, results, OUTPUT, found, tmp_path)
    assert found["scatter"]["all"] == {"true": [1], "counted": [1.25]}
    (row,) = csv.DictReader((tmp_path / "predictions.csv").open())
    assert (row["true"], float(row["counted"])) == ("1", 1.25)
    assert {"best.png", "worst.png"} <= {file.name for file in tmp_path.iterdir()}


def test_what_is_seen_is_every_count():
    found = ImageSet("predict", ("car",), (ImageExample("a.jpg", (8, 8)), ImageExample("b.jpg", (8, 8))))
    seen = OUTPUT.summarize_predictions(found, [CountResult(2.3449), CountResult(10.0)], {}, None)
    assert seen.document == {"a.jpg": 2.34, "b.jpg": 10.0}
    assert (seen.file, seen.line) == ("predictions.json", "12 counted")
