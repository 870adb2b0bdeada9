"""Results come back in the images' own pixels, in their order: rectangles painted and found again."""

import time

import keras
import pytest
import tensorflow as tf

from cityzoo import predict
from cityzoo.data.image.views import AugmentedViews, sequential_order
from cityzoo.outputs.detection import Detection
from cityzoo.sample import Detections, ImageExample, ImageSet

SIZE_HW = (64, 96)


class Finder:
    """Answer with the white rectangle of each image, as a perfect detector would."""

    inputs = (tf.zeros((1, *SIZE_HW, 3)),)

    def __call__(self, images, training):
        """One point an image: the rectangle, then logits that are sure of the second class."""
        assert training is False
        white = tf.reduce_min(images, axis=-1) > 140
        rows, columns = tf.reduce_any(white, axis=2), tf.reduce_any(white, axis=1)
        (y1, y2), (x1, x2) = self.edges(rows), self.edges(columns)
        boxes = tf.stack([x1, y1, x2, y2], axis=-1)
        logits = tf.tile([[-9.0, 9.0]], (tf.shape(images)[0], 1))
        return tf.concat([boxes, logits], axis=-1)[:, None]

    @staticmethod
    def edges(hit):
        """First hit, and one behind the last."""
        hit = tf.cast(hit, tf.float32)
        return tuple(
            tf.cast(edge, tf.float32)
            for edge in (tf.argmax(hit, axis=1), hit.shape[1] - tf.argmax(hit[:, ::-1], axis=1))
        )


BOXES = {
    "same": ((64, 96), (10, 8, 50, 40)),
    "wide": ((60, 240), (100, 10, 220, 50)),
    "tall": ((200, 80), (12, 60, 60, 180)),
    "large": ((320, 480), (5, 5, 475, 315)),
    "small": ((32, 48), (8, 4, 40, 28)),
}


@pytest.fixture
def images(painted):
    """Five shapes."""
    each = tuple(painted(f"{name}.png", size, box) for name, (size, box) in BOXES.items())
    return ImageSet("val", ("car", "bus"), each)


@pytest.mark.parametrize("batch_size", [2, 16])
def test_painted_boxes_come_back_in_the_images_own_pixels(images, batch_size):
    """Through letterboxes of all shapes, to the accuracy of one pixel of the network's input; order kept."""
    found = predict.predict_all(Finder(), images, Detection(images.class_names), batch_size)
    assert len(found) == len(BOXES)
    for one, ((height, width), box) in zip(found, BOXES.values(), strict=True):
        pixel = max(height / SIZE_HW[0], width / SIZE_HW[1])
        assert one.boxes_xyxy[0] == pytest.approx(box, abs=pixel * 1.01)
        assert one.labels.tolist() == [1]
        assert one.scores == pytest.approx([0.99988], abs=1e-4)


def test_features_and_matrices_may_come_in_batches(images):
    """As they do behind a cut."""
    views = AugmentedViews(images, Detection(images.class_names), "none", SIZE_HW, 1, seed=0)
    batches = (
        (tf.cast(pixels, tf.float32), matrices.numpy())
        for pixels, _, matrices in views.batches(sequential_order(5), 3)
    )
    found = predict.predict_batches(Finder(), batches, views)
    whole = predict.predict_all(Finder(), images, views.output)
    for one, other in zip(found, whole, strict=True):
        assert (one.boxes_xyxy == other.boxes_xyxy).all()


def test_images_without_labels_can_be_looked_at(images):
    """No boxes anywhere, as when new frames are given."""
    bare = tuple(ImageExample(each.path, each.size_hw) for each in images.examples)
    found = predict.predict_all(
        Finder(), ImageSet("predict", images.class_names, bare), Detection(("car", "bus"))
    )
    assert [len(one) for one in found] == [1] * 5


def test_only_what_is_sure_enough_stays():
    """The score itself is enough; box and label stay with their score."""
    found = Detections([[0, 0, 1, 1], [0, 0, 2, 2], [0, 0, 3, 3]], [0.75, 0.5, 0.25], [2, 1, 0])
    kept = found.filter_by_score(0.5)
    assert (kept.scores.tolist(), kept.labels.tolist()) == ([0.75, 0.5], [2, 1])
    assert kept.boxes_xyxy[1].tolist() == [0, 0, 2, 2]


class Sleeper:
    """Take 2 ms a call and 3 ms an image."""

    input = keras.Input((4, 4, 3))

    def __call__(self, images, training):
        """Give the images back, late."""
        return tf.numpy_function(self.work, [images], tf.float32)

    @staticmethod
    def work(batch):
        """Sleep."""
        time.sleep(0.002 + 0.003 * len(batch))
        return batch


def test_speed_is_measured_with_the_batches_it_names():
    """5 ms alone, 10 images in 32 ms; a busy machine is slower, none is faster."""
    speed = predict.measure_latency(Sleeper(), batch_size=10)
    assert set(speed) == {"latency_ms_batch_1", "images_per_second"}
    assert speed["latency_ms_batch_1"] >= 5
    assert 0 < speed["images_per_second"] <= 10 / 0.032
