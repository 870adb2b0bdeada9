"""Transforms of pixels: what all of them promise, and tones, noise, JPEG and cut-out against others' results."""

import functools
import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance, ImageOps

from augment import pixels, weather
from augment.registry import TRANSFORMS, at_strength

MODULES = {module.__name__ for module in (pixels, weather)}
OURS = {name: one for name, one in TRANSFORMS.items() if one.function.__module__ in MODULES}
each_transform = pytest.mark.parametrize("name", OURS)


def street(height=48, width=64, seed=0):
    """An image with sky, road, lane markings, lamps and some texture; float32, not whole numbers."""
    random = np.random.default_rng(seed)
    rows = np.linspace(0, 1, height)[:, None, None]
    image = (
        np.where(rows < 0.3, [150.0, 180, 220], [90.0, 88, 85])
        + 20 * rows
        + random.normal(0, 8, (height, width, 3))
    )
    image[int(0.4 * height) :, width // 2 : width // 2 + 2] = 220
    image[height // 3 : height // 3 + 3, width // 4 : width // 4 + 3] = 252
    return np.clip(image, 1, 254).astype(np.float32)


BATCH = np.stack([street(seed=0), street(seed=1)[:, ::-1], street(seed=2)])
SEEDS = np.array([[1, 2], [3, 4], [5, 6]], np.int32)


def values_at(name, strength, batch=3, seeds=SEEDS):
    """What the pipeline would hand over at a strength, a number or one for each image."""
    values = {
        key: tf.constant(np.broadcast_to(np.float32(value), (batch,)))
        for key, value in at_strength(OURS[name], np.float32(strength)).items()
    }
    return values | ({"seeds": tf.constant(seeds[:batch])} if OURS[name].seeded else {})


def change(name, images, strength, seeds=SEEDS):
    """Run a transform in a graph that does not know how many images there are."""
    return in_graph(name, images.shape[1:])(images, values_at(name, strength, len(images), seeds)).numpy()


@functools.cache
def in_graph(name, shape):
    """A transform as one graph for all batches."""
    images = tf.TensorSpec((None, *shape), tf.float32)
    values = {value: tf.TensorSpec((None,), tf.float32) for value in OURS[name].values}
    values |= {"seeds": tf.TensorSpec((None, 2), tf.int32)} if OURS[name].seeded else {}
    run = tf.function(lambda images, values: OURS[name].function(images, **values))
    return run.get_concrete_function(images, values)


def test_all_are_of_the_stage_pixels():
    assert {one.stage for one in OURS.values()} == {"pixels"}
    street_camera = {"night", "rain", "fog", "snow", "glare", "dirt", "dropped_frames"}
    assert street_camera | {"gamma", "noise", "blur", "motion_blur", "jpeg", "cutout"} <= set(OURS)


@each_transform
def test_strength_0_returns_the_image_bit_for_bit(name):
    np.testing.assert_array_equal(change(name, BATCH, 0.0), BATCH)
    beside_others = change(name, BATCH, [1.0, 0.0, 0.5])
    np.testing.assert_array_equal(beside_others[1], BATCH[1])
    assert np.abs(beside_others[0] - BATCH[0]).max() > 0.3


@each_transform
def test_an_image_comes_out_the_same_in_every_batch(name):
    together = change(name, BATCH, [0.3, 0.6, 1.0])
    for number, strength in enumerate((0.3, 0.6, 1.0)):
        alone = change(name, BATCH[number : number + 1], strength, SEEDS[number : number + 1])
        np.testing.assert_array_equal(alone[0], together[number])


@pytest.mark.parametrize("name", [name for name, one in OURS.items() if one.seeded])
def test_the_seed_decides(name):
    image = np.stack([BATCH[0]] * 3)
    first = change(name, image, 0.8, np.int32([[1, 2], [1, 2], [1, 3]]))
    np.testing.assert_array_equal(first[0], first[1])
    assert np.abs(first[0] - first[2]).mean() > 0.1


@each_transform
def test_more_strength_is_further_from_the_image(name):
    """On the mean over images and draws, as the clipped image that is seen."""
    images = np.stack([street(seed=number) for number in range(12)])
    seeds = np.stack([np.arange(12), np.full(12, 7)], axis=1).astype(np.int32)
    far = [
        np.abs(np.clip(change(name, images, s, seeds), 0, 255) - images).mean()
        for s in (0, 0.25, 0.5, 0.75, 1)
    ]
    assert far[0] == 0 and far == sorted(far) and far[4] > 1.2 * far[2] > 0, far


@each_transform
@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_no_images_give_no_images(name, strength):
    assert change(name, BATCH[:0], strength).shape == (0, 48, 64, 3)


@each_transform
def test_it_works_in_tf_data_with_an_unknown_batch(name):
    rest = values_at(name, 0.7)
    data = tf.data.Dataset.from_tensor_slices((BATCH, rest)).batch(2)
    results = list(data.map(lambda images, values: OURS[name].function(images, **values)))
    assert [len(result) for result in results] == [2, 1]
    # The optimiser of a graph may reorder a sum; an image has whole numbers.
    np.testing.assert_allclose(np.concatenate(results), change(name, BATCH, 0.7), atol=1e-3)


@each_transform
@pytest.mark.parametrize("size_hw", [(32, 32), (33, 70), (4, 9)])
def test_small_and_odd_sizes(name, size_hw):
    changed = change(name, np.full((2, *size_hw, 3), 100, np.float32), 1.0)
    assert changed.shape == (2, *size_hw, 3) and np.isfinite(changed).all()


@each_transform
def test_black_and_white_images_stay_finite(name):
    ends = np.stack([np.zeros((16, 16, 3)), np.full((16, 16, 3), 255)]).astype(np.float32)
    assert np.isfinite(change(name, ends, 1.0)).all()


def test_gamma_is_the_power():
    changed = pixels.gamma(tf.constant(BATCH), tf.constant([0.5, 1.0, 2.2])).numpy()
    expected = 255 * (BATCH / 255) ** np.float32([0.5, 1, 2.2])[:, None, None, None]
    np.testing.assert_allclose(changed, expected, atol=0.01)
    ends = tf.constant([[[[0.0, 255.0, -3.0]]]])
    np.testing.assert_allclose(pixels.gamma(ends, tf.constant([0.5]))[0, 0, 0], [0, 255, 0], atol=1e-3)


def test_noise_has_its_deviation():
    changed = pixels.noise(tf.fill((2, 64, 64, 3), 50.0), tf.constant([0.02, 0.1]), SEEDS[:2]).numpy()
    np.testing.assert_allclose(changed.std((1, 2, 3)), [5.1, 25.5], rtol=0.03)
    np.testing.assert_allclose(changed.mean((1, 2, 3)), 50, atol=1)
    channels = np.corrcoef(changed[1].reshape(-1, 3).T)
    assert np.abs(channels - np.eye(3)).max() < 0.1


WHOLE = np.round(BATCH)
PILLOW = [Image.fromarray(image.astype(np.uint8)) for image in WHOLE]


@pytest.mark.parametrize(
    ("name", "value", "pillow"),
    [
        ("posterize", 3, lambda image: ImageOps.posterize(image, 3)),
        ("solarize", 128, lambda image: ImageOps.solarize(image, 128)),
        ("equalize", 1, ImageOps.equalize),
    ],
)
def test_tones_are_those_of_pillow(name, value, pillow):
    changed = OURS[name].function(tf.constant(WHOLE), tf.fill((3,), float(value)))
    np.testing.assert_array_equal(changed, [np.asarray(pillow(image)) for image in PILLOW])


def test_autocontrast_is_that_of_pillow_to_its_rounding():
    changed = pixels.autocontrast(tf.constant(WHOLE), tf.ones(3)).numpy()
    np.testing.assert_allclose(
        changed, [np.asarray(ImageOps.autocontrast(image)) for image in PILLOW], atol=1
    )
    assert changed.min() == pytest.approx(0, abs=1e-3) and changed.max() == pytest.approx(255, abs=1e-3)


@pytest.mark.parametrize("name", ["autocontrast", "equalize"])
def test_channels_of_one_value_stay_as_they_are(name):
    flat = tf.fill((1, 8, 8, 3), 77.0)
    np.testing.assert_array_equal(OURS[name].function(flat, tf.ones(1)), flat)


@pytest.mark.parametrize("quality", [10, 50, 95])
def test_jpeg_is_that_of_pillow(quality):
    """Both are libjpeg; the file and what is read from it are the same, to a rounding of colours."""
    changed = pixels.jpeg(tf.constant(WHOLE), tf.fill((3,), float(quality))).numpy()
    for example, image in zip(changed, PILLOW, strict=True):
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        np.testing.assert_allclose(example, np.asarray(Image.open(file)).astype(float), atol=2)


def test_each_image_has_its_jpeg_quality():
    changed = pixels.jpeg(tf.constant(np.stack([WHOLE[0]] * 3)), tf.constant([100.0, 60.0, 5.0])).numpy()
    errors = np.abs(changed - WHOLE[0]).mean((1, 2, 3))
    assert errors[0] == 0 and 0 < errors[1] < 0.7 * errors[2]


@pytest.mark.parametrize(
    ("side", "x", "y", "rows", "columns"),
    [
        (0.5, 0.5, 0.5, slice(12, 36), slice(20, 44)),  # 24 of 48, about (32, 24)
        (0.25, 0.0, 1.0, slice(42, 48), slice(0, 6)),  # 12, of which the corner cuts off three quarters
        (1.0, 0.5, 0.5, slice(0, 48), slice(8, 56)),
    ],
)
def test_cutout_covers_its_square(side, x, y, rows, columns):
    changed = pixels.cutout(tf.constant(BATCH[:1]), *(tf.constant([value]) for value in (side, x, y)))[
        0
    ].numpy()
    expected = BATCH[0].copy()
    expected[rows, columns] = pixels.GRAY
    np.testing.assert_array_equal(changed, expected)


def test_sharpen_is_that_of_pillow():
    changed = np.clip(OURS["sharpen"].function(tf.constant(WHOLE), tf.constant([-1.0, 0.5, 2.0])), 0, 255)
    for example, image, factor in zip(changed, PILLOW, (0.0, 1.5, 3.0), strict=True):
        other = np.asarray(ImageEnhance.Sharpness(image).enhance(factor)).astype(float)
        np.testing.assert_allclose(example, other, atol=2.5)  # Pillow rounds before it adds
