"""Color matrices against their definitions, and composed against one after the other."""

import numpy as np
import pytest
import tensorflow as tf

from augment.color import LUMA, recolor
from augment.registry import TRANSFORMS

BATCH = tf.constant(np.random.default_rng(0).uniform(40, 200, (3, 6, 5, 3)).astype("f"))
VALUES = tf.constant([0.1, 0.2, 0.4])
COLORS = {name: each for name, each in TRANSFORMS.items() if each.stage == "color"}


def change(name, images, values):
    """The images after one transform."""
    transform = COLORS[name]
    (value,) = transform.values
    mean = tf.reduce_mean(images, (1, 2))
    return recolor(images, transform.function(mean, **{value: tf.broadcast_to(values, (images.shape[0],))}))


@pytest.mark.parametrize("name", COLORS)
def test_a_batch_equals_its_images_one_by_one(name):
    together = change(name, BATCH, VALUES)
    apart = [change(name, BATCH[i : i + 1], VALUES[i : i + 1])[0] for i in range(3)]
    np.testing.assert_allclose(together, apart, rtol=1e-5, atol=1e-3)
    assert np.abs(together[0] - change(name, BATCH, VALUES[::-1])[0]).max() > 0.5


@pytest.mark.parametrize("name", COLORS)
def test_the_neutral_value_changes_nothing_and_the_full_one_much(name):
    (value,) = COLORS[name].values.values()
    np.testing.assert_allclose(change(name, BATCH, value.neutral), BATCH, atol=1e-2)
    assert np.abs(change(name, BATCH, value.full) - BATCH).mean() > 10


def test_grey_is_the_luma_and_hue_keeps_it():
    grey = change("grey", BATCH, 1.0)
    np.testing.assert_allclose(grey[..., 0], np.asarray(BATCH) @ LUMA, rtol=1e-4)
    np.testing.assert_array_equal(grey[..., 0], grey[..., 2])
    turned = change("hue", BATCH, 40.0)
    np.testing.assert_allclose(np.asarray(turned) @ LUMA, np.asarray(BATCH) @ LUMA, rtol=1e-3)
    np.testing.assert_allclose(change("hue", turned, -40.0), BATCH, atol=0.05)
    reddish = change("hue", tf.constant([[[[120.0, 60.0, 60.0]]]]), 120.0)[0, 0, 0]
    assert np.argmax(reddish) != 0


def test_saturation_contrast_brightness_and_warmth_against_the_definition():
    np.testing.assert_allclose(change("saturation", BATCH, 0.0), change("grey", BATCH, 1.0), rtol=1e-5)
    doubled = change("contrast", BATCH, 2.0)
    mean = np.mean(BATCH, (1, 2, 3), keepdims=True)
    np.testing.assert_allclose(doubled, mean + 2 * (BATCH - mean), rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(change("brightness", BATCH, -0.1), BATCH - 25.5, atol=1e-3)
    np.testing.assert_allclose(change("temperature", BATCH, 0.2), BATCH * [1.2, 1, 0.8], rtol=1e-5)


def test_a_chain_of_colors_as_one_matrix_equals_one_after_the_other():
    """Contrast stretches about the mean that the steps before have made, not about the first one."""
    names = ["brightness", "contrast", "hue", "saturation", "contrast"]
    values = [tf.fill((3,), value) for value in (0.3, 1.5, 25.0, 0.4, 0.7)]
    one_by_one = BATCH
    matrix, mean = tf.eye(4, batch_shape=[3]), tf.reduce_mean(BATCH, (1, 2))
    whole = tf.concat([mean, tf.ones((3, 1))], 1)[..., None]
    for name, value in zip(names, values, strict=True):
        one_by_one = change(name, one_by_one, value)
        (key,) = COLORS[name].values
        matrix = COLORS[name].function((matrix @ whole)[:, :3, 0], **{key: value}) @ matrix
    np.testing.assert_allclose(recolor(BATCH, matrix), one_by_one, atol=0.02)
