"""Detection between data and head: targets, results, figures."""

import numpy as np
import pytest
import tensorflow as tf

from cityzoo import visualize
from cityzoo.outputs.detection import Detection
from cityzoo.sample import Detections, ImageExample, ImageSet

OUTPUT = Detection(("car", "bus", "truck"))
STREET = ImageExample("a.jpg", (100, 200))


def test_the_target_is_boxes_and_classes_in_one_array():
    """Padding stays -1 in all five columns."""
    boxes = tf.constant([[1.0, 2, 3, 4], [-1, -1, -1, -1]])
    sample = {"bounding_boxes": {"boxes": boxes, "labels": tf.constant([2, -1])}}
    assert OUTPUT.make_targets(sample).numpy().tolist() == [[1, 2, 3, 4, 2], [-1] * 5]


def outputs(*rows):
    """Boxes with a label each, as the head says them with a score of .88."""
    logits = np.full((len(rows), 3), -20.0)
    logits[range(len(rows)), [row[4] for row in rows]] = 2.0
    return np.concatenate([np.array([row[:4] for row in rows], float), logits], axis=1)[None].astype(
        "float32"
    )


def test_boxes_are_carried_back_through_the_matrix():
    """Halved and moved down by 7 on the way in: up by 7 and doubled on the way out."""
    matrix = np.array([[[0.5, 0, 0], [0, 0.5, 7], [0, 0, 1]]], "float32")
    (found,) = OUTPUT.decode(outputs((10, 17, 40, 37, 1)), matrix, [STREET])
    assert found.boxes_xyxy == pytest.approx(np.array([[20, 20, 80, 60]]))
    assert found.labels.tolist() == [1]
    assert found.scores == pytest.approx([0.8808], abs=1e-4)


def test_boxes_end_at_the_image_and_those_in_the_bars_are_left_out():
    """One hangs over two edges, one lies wholly in the grey above the image."""
    matrix = np.array([[[1.0, 0, 0], [0, 1, 50], [0, 0, 1]]], "float32")
    rows = outputs((-20, 140, 60, 170, 0), (10, 5, 60, 45, 1))
    (found,) = OUTPUT.decode(rows, matrix, [STREET])
    assert found.boxes_xyxy.tolist() == [[0, 90, 60, 100]]
    assert found.labels.tolist() == [0]


def test_each_image_of_a_batch_has_its_own_matrix_and_size():
    """Two letterboxes of different scale."""
    matrices = np.stack([np.diag([0.5, 0.5, 1.0]), np.diag([2.0, 2, 1])]).astype("float32")
    batch = np.concatenate([outputs((0, 0, 20, 20, 0))] * 2)
    first, second = OUTPUT.decode(batch, matrices, [STREET, ImageExample("b.jpg", (8, 100))])
    assert first.boxes_xyxy.tolist() == [[0, 0, 40, 40]]
    assert second.boxes_xyxy.tolist() == [[0, 0, 10, 8]]


def test_head_and_loss_fit_each_other():
    """Numbers a point: a box and each class; the loss lies on the same points."""
    import keras

    sides = {"P3": (4, 8), "P4": (2, 4), "P5": (1, 2)}
    levels = {name: keras.Input((*side, 8), name=name) for name, side in sides.items()}
    made = OUTPUT.build_head(levels)
    assert made.shape == (None, 32 + 8 + 2, 7)
    loss = OUTPUT.loss((32, 64))
    assert np.isfinite(float(loss(-np.ones((1, 1, 5), "float32"), np.zeros((1, 42, 7), "float32"))))


def test_figures_are_cocos():
    """One box found exactly, one missed: AP50 of the class is one half, and the other classes have none."""
    truth = ImageSet(
        "val",
        OUTPUT.class_names,
        (ImageExample("a.jpg", (99, 99), [[0, 0, 40, 40], [50, 50, 90, 90]], [0, 0]),),
    )
    figures = OUTPUT.metrics(truth, [Detections([[0, 0, 40, 40]], [0.9], [0])])
    assert figures["per_class"]["car"]["AP50"] == pytest.approx(51 / 101, abs=1e-6)
    assert figures["AP"] == pytest.approx(51 / 101, abs=1e-6)
    assert figures["per_class"]["bus"]["AP"] is None


def test_cases_lie_in_the_folder_with_the_threshold(tmp_path):
    """The files that the report and other tools read."""
    from PIL import Image

    Image.new("RGB", (99, 99)).save(tmp_path / "a.jpg")
    image = ImageExample(str(tmp_path / "a.jpg"), (99, 99), [[0, 0, 40, 40]], [0])
    truth = ImageSet("val", OUTPUT.class_names, (image,))
    results = [Detections([[0, 0, 40, 40]], [0.9], [0])]
    found = OUTPUT.details(truth, results)
    OUTPUT.write_results(truth, results, tmp_path)
    visualize.find(OUTPUT).write_examples(truth, results, OUTPUT, found, tmp_path)
    assert found["operating_point"]["score"] == pytest.approx(0.9, abs=1e-6)
    assert {"detections.json", "truth.json", "best.png"} <= {file.name for file in tmp_path.iterdir()}
