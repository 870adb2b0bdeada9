"""Random fields: whose they are, how they are distributed, how smooth they are."""

import math

import numpy as np
import pytest
import tensorflow as tf

from augment.random_fields import branch, normal, smooth_noise, sparse_points, uniform

SEEDS = tf.constant([[3, 1], [3, 2], [0, 0], [-5, 2**31 - 1]])
HALF = tf.fill((4,), 0.5)
FIELDS = {
    "uniform": lambda seeds: uniform(seeds, (7, 3)),
    "normal": lambda seeds: normal(seeds, (7, 3)),
    "clouds": lambda seeds: smooth_noise(seeds, (20, 30), 3.0),
    "specks": lambda seeds: sparse_points(seeds, (20, 30), (2, 3), (1, 1), tf.fill(tf.shape(seeds)[:1], 0.5)),
}


@pytest.mark.parametrize("name", FIELDS)
def test_an_image_draws_from_its_own_seed_alone(name):
    draw = tf.function(FIELDS[name])
    together = draw(SEEDS).numpy()
    for number in range(4):
        np.testing.assert_array_equal(draw(SEEDS[number : number + 1])[0], together[number])
    assert len(np.unique(together.reshape(4, -1), axis=0)) == 4
    assert draw(SEEDS[:0]).shape == (0, *together.shape[1:])


@pytest.mark.parametrize("name", FIELDS)
def test_the_static_shape_is_known_whatever_the_batch(name):
    known = tf.function(FIELDS[name]).get_concrete_function(tf.TensorSpec((None, 2), tf.int32))
    assert known.output_shapes.as_list() == [None, *FIELDS[name](SEEDS).shape[1:]]


def test_branches_differ_from_each_other_and_from_their_own_branches():
    seen = [SEEDS] + [branch(SEEDS, number) for number in range(6)]
    seen += [branch(branch(SEEDS, number), other) for number in range(6) for other in range(6)]
    assert len({tuple(seed) for seeds in seen for seed in seeds.numpy()}) == 4 * len(seen)


def test_uniform_numbers_fill_their_range_evenly():
    drawn = uniform([[1, 2]], (40000,)).numpy()
    counts = np.histogram(drawn, 10, (0, 1))[0]
    assert counts.sum() == 40000 and drawn.max() < 1
    assert np.abs(counts - 4000).max() < 5 * math.sqrt(4000 * 0.9)


def test_normal_numbers_follow_the_normal_distribution():
    """Kolmogorov and Smirnov: the largest distance to the curve is below 1.95 / sqrt(n) 999 times in 1000."""
    drawn = np.sort(normal([[1, 2]], (301, 333)).numpy().ravel())
    curve = 0.5 * (1 + np.array([math.erf(value / math.sqrt(2)) for value in drawn]))
    assert np.abs(curve - np.linspace(0, 1, drawn.size)).max() < 1.95 / math.sqrt(drawn.size)
    assert 4 < np.abs(drawn).max() < 4.9


def test_normal_numbers_know_nothing_of_each_other():
    """Neither neighbours nor the two halves that share their bits, nor their squares."""
    drawn = normal([[5, 6]], (100000,)).numpy()[0]
    for one, other in ((drawn[:-1], drawn[1:]), (drawn[:50000], drawn[50000:])):
        for power in (1, 2):
            assert abs(np.corrcoef(one**power, other**power)[0, 1]) < 5 / math.sqrt(len(one))


@pytest.mark.parametrize("octaves", [1, 3])
def test_clouds_are_standard_normal_at_every_pixel_and_smooth(octaves):
    seeds = tf.stack([tf.range(300), tf.zeros(300, tf.int32)], axis=1)
    drawn = smooth_noise(seeds, (8, 20), 2.0, octaves).numpy()[..., 0]
    np.testing.assert_allclose(drawn.mean(0), 0, atol=5 / math.sqrt(300))
    np.testing.assert_allclose(drawn.std(0), 1, atol=5 / math.sqrt(600))
    fine = smooth_noise(seeds[:50], (8, 20), 4.0, octaves).numpy()[..., 0]
    assert np.abs(np.diff(drawn)).mean() < 0.7 * np.abs(np.diff(fine)).mean()
    assert np.abs(np.corrcoef(drawn[:, 0, 0], drawn[:, -1, -1])[0, 1]) < 0.25


def test_a_larger_share_keeps_the_specks_and_raises_them():
    fields = [
        sparse_points(SEEDS, (40, 40), (4, 4), (1, 1), share * tf.ones(4)).numpy()
        for share in (0, 0.1, 0.4, 1)
    ]
    np.testing.assert_array_equal(fields[0], 0)
    for less, more in zip(fields, fields[1:], strict=False):
        assert (more >= less - 1e-6).all() and more.mean() > 1.5 * less.mean()


def test_specks_stand_at_their_share_of_the_lattice():
    """Bumps much narrower than the lattice leave a pixel each."""
    field = sparse_points([[1, 1]], (400, 400), (8, 8), (0.5, 0.5), tf.constant([0.2])).numpy()[0, ..., 0]
    tops = field.reshape(50, 8, 50, 8).max((1, 3))
    assert abs((tops > 1e-3).mean() - 0.2) < 5 * math.sqrt(0.2 * 0.8 / 2500)
    # A lattice point lies at the corner of four pixels, half a pixel (one deviation) off in both directions.
    assert tops.max() <= math.exp(-1) + 1e-6 and tops.max() > 0.97 * math.exp(-1)


def test_bumps_too_narrow_for_the_pixels_are_paler_not_lost():
    wide, narrow = (
        sparse_points([[1, 1]], (200, 200), (4, 4), (spread, spread), tf.constant([0.2])).numpy()
        for spread in (1.0, 0.1)
    )
    np.testing.assert_allclose(narrow.mean(), 0.01 * wide.mean(), rtol=0.05)
