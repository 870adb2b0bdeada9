"""Colours against their definitions, on batches and single pictures."""

import numpy as np
import pytest
import tensorflow as tf

from augment.photometric import LUMA, PHOTOMETRIC, contrast, grey, hue, noise, saturation

BATCH = tf.constant(np.random.default_rng(0).uniform(40, 200, (3, 6, 5, 3)).astype("f"))
VALUES = tf.constant([0.5, 1.0, 1.5])
ONE_VALUE = {"brightness": "amount", "contrast": "factor", "saturation": "factor", "hue": "degrees"}
ONE_VALUE["gamma"] = "exponent"


@pytest.mark.parametrize(("name", "value"), ONE_VALUE.items())
def test_a_batch_equals_its_pictures_one_by_one(name, value):
    change = PHOTOMETRIC[name]
    together = change(BATCH, **{value: VALUES})
    apart = [change(picture, **{value: amount}) for picture, amount in zip(BATCH, VALUES, strict=True)]
    np.testing.assert_allclose(together, apart, rtol=1e-5, atol=1e-3)
    assert np.abs(together[0] - together[2]).max() > 0.5


@pytest.mark.parametrize(
    ("name", "still"), [("brightness", 0), ("contrast", 1), ("saturation", 1), ("hue", 0), ("gamma", 1)]
)
def test_the_neutral_value_changes_nothing(name, still):
    np.testing.assert_allclose(PHOTOMETRIC[name](BATCH, tf.fill((3,), float(still))), BATCH, atol=1e-2)


def test_grey_is_the_luma_and_hue_keeps_it():
    np.testing.assert_allclose(grey(BATCH)[..., 0], np.asarray(BATCH) @ LUMA, rtol=1e-4)
    turned = hue(BATCH, tf.fill((3,), 40.0))
    np.testing.assert_allclose(np.asarray(turned) @ LUMA, np.asarray(BATCH) @ LUMA, rtol=1e-3)
    np.testing.assert_allclose(hue(turned, tf.fill((3,), -40.0)), BATCH, atol=0.05)
    reddish = hue(tf.constant([[[120.0, 60.0, 60.0]]]), tf.constant(120.0))[0, 0]
    assert np.argmax(reddish) != 0


def test_saturation_and_contrast_against_the_definition():
    np.testing.assert_allclose(saturation(BATCH, tf.zeros(3)), grey(BATCH), rtol=1e-5)
    doubled = contrast(BATCH, tf.fill((3,), 2.0))
    np.testing.assert_allclose(
        tf.math.reduce_std(doubled, (1, 2, 3)), 2 * tf.math.reduce_std(BATCH, (1, 2, 3)), rtol=1e-4
    )
    np.testing.assert_allclose(
        tf.reduce_mean(doubled, (1, 2, 3)), tf.reduce_mean(BATCH, (1, 2, 3)), rtol=1e-4
    )


def test_noise_has_its_deviation_and_its_seed():
    flat = tf.zeros((2, 64, 64, 3))
    first = noise(flat, tf.constant([0.0, 0.1]), tf.constant([1, 2]))
    np.testing.assert_array_equal(first[0], 0)
    assert abs(float(tf.math.reduce_std(first[1])) - 25.5) < 1
    np.testing.assert_array_equal(first, noise(flat, tf.constant([0.0, 0.1]), tf.constant([1, 2])))
    assert np.abs(first - noise(flat, tf.constant([0.0, 0.1]), tf.constant([1, 3]))).max() > 1
