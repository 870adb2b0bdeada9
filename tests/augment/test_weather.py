"""Night, rain, fog and snow: what each does to a street, and that it does not do more."""

import numpy as np
import pytest
import tensorflow as tf

from augment.weather import fog, night, rain, smooth_mask, snow

COUNT = 12
SEEDS = tf.stack([tf.range(COUNT), tf.fill((COUNT,), 9)], axis=1)
FULL = tf.ones(COUNT)


def flat(value, height=64, width=96):
    """The same grey everywhere."""
    return tf.fill((COUNT, height, width, 3), float(value))


def stripes(height=64, width=96):
    """Black and white, a column each: the same contrast everywhere."""
    columns = np.tile(np.float32([40, 200]), width // 2)
    return tf.constant(np.broadcast_to(columns[:, None], (COUNT, height, width, 3)).copy())


def test_night_darkens_to_about_the_same_and_more_by_strength():
    for value in (90.0, 160.0, 230.0):
        means = [float(tf.reduce_mean(night(flat(value), s * FULL, SEEDS))) for s in (0.0, 0.3, 0.6, 1.0)]
        assert means[0] == value and means == sorted(means, reverse=True)
        assert 20 < means[-1] < 60
    dusk = float(tf.reduce_mean(night(flat(30), FULL, SEEDS)))
    assert 15 < dusk < 28  # what is dark already stays visible


def test_night_adds_noise_that_grows_with_the_light():
    """Halves of 40 and 160: the noise of a pixel is what it has over the mean of its surroundings."""
    image = np.full((COUNT, 64, 96, 3), 60, np.float32)
    image[:, :, 48:] = 160
    seen = night(tf.constant(image), FULL, SEEDS).numpy()
    steps = np.diff(seen, axis=1) / np.sqrt(2)
    dark, light = steps[:, :, 4:40].std(), steps[:, :, 56:92].std()
    assert 1.5 < dark < light < 15
    variances = np.diff(night(tf.constant(image), 0.5 * FULL, SEEDS).numpy(), axis=1).std()
    assert variances < np.diff(seen, axis=1).std()


def test_night_leaves_lamps_on_and_puts_out_the_sky():
    image = np.full((COUNT, 128, 128, 3), 80, np.float32)
    image[:, :48] = 250
    image[:, 100:102, 30:32] = 250
    seen = night(tf.constant(image), FULL, SEEDS).numpy().mean(-1)
    assert seen[:, 100:102, 30:32].mean() > 200
    assert seen[:, 2:44].mean() < 90


def test_night_has_one_colour_of_light():
    """Grey turns reddish or bluish, and not the same in all images; colours fade."""
    reds = night(flat(120), FULL, SEEDS).numpy().mean((1, 2))
    ratio = reds[:, 0] / reds[:, 2]
    assert ratio.max() > 1.3 and ratio.min() < 0.9
    red = tf.constant([200.0, 60.0, 60.0]) + tf.zeros((COUNT, 64, 96, 3))
    seen = night(red, FULL, SEEDS).numpy().mean((1, 2)) / reds
    assert (seen[:, 0] / seen[:, 1]).max() < 200 / 60


def contrast(images):
    """How far neighbouring columns differ, by row: (rows,)."""
    return np.abs(np.diff(np.asarray(images)[..., 0], axis=2)).mean((0, 2))


def test_fog_takes_more_contrast_from_what_is_higher_up():
    clear, thick = contrast(stripes()), contrast(fog(stripes(), FULL, SEEDS))
    left = thick / clear
    assert left[:8].mean() < 0.15 and left[-8:].mean() > 0.4
    by_band = left.reshape(8, 8).mean(1)
    assert (np.diff(by_band) > -0.01).all()
    assert (contrast(fog(stripes(), 0.4 * FULL, SEEDS)) > thick).all()


def test_fog_is_the_mixture_of_image_and_air():
    """Two images of one mean in the same fog: their difference is the share of light that arrives."""
    first = stripes()
    second = 240 - first
    seen_first, seen_second = (fog(image, FULL, SEEDS).numpy() for image in (first, second))
    through = (seen_first - seen_second) / (first - second).numpy()
    np.testing.assert_allclose(through.std(-1), 0, atol=1e-4)  # all colours alike
    assert through.min() > 0 and through.max() < 1
    air = (seen_first - first.numpy() * through) / (1 - through)
    np.testing.assert_allclose(air.std((1, 2)), 0, atol=0.1)  # one colour for an image
    assert 150 < air.mean() < 230 and (air.mean((1, 2))[:, 2] >= air.mean((1, 2))[:, 0] - 1e-2).all()
    assert (
        through.std((1, 2, 3)).min() > 0.02 and np.abs(np.diff(through[..., 0], axis=2)).max() < 0.1
    )  # banks


def test_rain_draws_streaks_that_fall():
    """On a flat grey: brighter, in lines that are longer than wide."""
    seen = rain(flat(80, 256, 256)[:4], FULL[:4], SEEDS[:4]).numpy()[..., 1]
    streaks = seen - 80
    assert streaks.min() > -1e-3 and streaks.max() > 30
    assert 0.1 < (streaks > 8).mean() < 0.5
    down, across = np.abs(np.diff(streaks, axis=1)).mean(), np.abs(np.diff(streaks, axis=2)).mean()
    assert across > 1.5 * down


def test_rain_slants_otherwise_in_every_image():
    """The shift to the side, between rows 16 apart, at which an image is most like itself."""
    seen = rain(flat(80, 256, 256), FULL, SEEDS).numpy()[..., 0] - 80
    shifts = range(-10, 11)
    likeness = [
        (seen[:, :-16, 10:-10] * np.roll(seen, shift, axis=2)[:, 16:, 10:-10]).mean((1, 2))
        for shift in shifts
    ]
    best = np.array(shifts)[np.argmax(likeness, axis=0)]
    assert len(set(best)) > 4 and 3 < np.abs(best).max() <= 0.35 * 16 + 1


def test_rain_and_snow_take_colour_and_contrast():
    red = tf.constant([200.0, 60.0, 60.0]) + tf.zeros((COUNT, 64, 96, 3))
    for weather in (rain, snow):
        seen = weather(red, FULL, SEEDS).numpy().reshape(COUNT, -1, 3)
        colour = seen[..., 0] - seen[..., 1]
        assert 30 < np.median(colour) < 120
        assert contrast(weather(stripes(), FULL, SEEDS)).mean() < 0.85 * contrast(stripes()).mean()


def test_snow_has_flakes_of_several_sizes():
    seen = snow(flat(60, 256, 256), FULL, SEEDS).numpy()[..., 0]
    flakes = seen - np.median(seen, axis=(1, 2), keepdims=True)
    assert flakes.min() > -2 and flakes.max() > 80
    assert 0.02 < (flakes > 10).mean() < 0.4
    wide = [runs(row > 40) for image in flakes[:4] for row in image]
    lengths = np.concatenate(wide)
    assert lengths.min() <= 2 and lengths.max() >= 6 and np.median(lengths) < 5


def runs(marked):
    """Lengths of the runs of marked pixels in a row."""
    ends = np.flatnonzero(np.diff(np.concatenate([[0], marked.astype(int), [0]])))
    return ends[1::2] - ends[::2]


@pytest.mark.parametrize("weather", [rain, snow])
def test_more_strength_adds_to_the_same_drops(weather):
    light, heavy = (weather(flat(60), s * FULL, SEEDS).numpy()[..., 0] for s in (0.3, 1.0))
    light, heavy = (seen - np.median(seen, axis=(1, 2), keepdims=True) for seen in (light, heavy))
    assert heavy[light > 15].mean() > 0.6 * light[light > 15].mean()
    assert (heavy > 15).mean() > 1.5 * (light > 15).mean()


def test_soft_keeps_the_mean_and_takes_detail():
    random = np.random.default_rng(0).normal(100, 30, (1, 256, 256, 3)).astype("f")
    softened = smooth_mask(tf.constant(random), 8).numpy()
    assert softened.shape == random.shape
    assert softened.std() < 6 and softened.mean() == pytest.approx(random.mean(), abs=0.5)
