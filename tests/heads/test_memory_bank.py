"""Distances against SciPy's, the coreset against a naive one, and an odd patch found where it was painted."""

import keras
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from heads.memory_bank import BANK, PROJECTED, PatchMemoryBank, bank_weights, coreset


def bank(memory, height=4, width=6, channels=(3, 5)):
    """A model of the head alone, its memory filled."""
    inputs = {
        name: keras.Input((height >> i, width >> i, c), name=name)
        for i, (name, c) in enumerate(zip(("P3", "P4"), channels, strict=True))
    }
    model = keras.Model(inputs, PatchMemoryBank(len(memory))(inputs))
    model.get_layer(BANK).set_weights(bank_weights(memory))
    return model


def features(images=2, height=4, width=6, channels=(3, 5), seed=0):
    """Random features of both levels."""
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(1, 1, (images, height >> i, width >> i, c)).astype("float32")
        for i, (name, c) in enumerate(zip(("P3", "P4"), channels, strict=True))
    }


def around(level):
    """Mean over the 3 x 3 cells that lie in the image, in NumPy."""
    _, height, width, _ = level.shape
    found = np.empty(level.shape)
    for y in range(height):
        for x in range(width):
            part = level[:, max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
            found[:, y, x] = part.mean(axis=(1, 2))
    return found


def doubled(level):
    """Twice as high and wide, interpolated between the middles of cells."""
    for axis in (1, 2):
        side = level.shape[axis]
        at = np.clip((np.arange(2 * side) + 0.5) / 2 - 0.5, 0, side - 1)
        low = np.floor(at).astype(int)
        high, share = np.minimum(low + 1, side - 1), at - low
        share = share.reshape([-1 if a == axis else 1 for a in range(4)])
        level = (1 - share) * level.take(low, axis) + share * level.take(high, axis)
    return level


def patches(given):
    """What the memory sees of each cell, in NumPy."""
    return np.concatenate([around(given["P3"]), doubled(around(given["P4"]))], axis=-1)


@pytest.mark.parametrize("size", [1, 7, 300])
def test_distances_are_scipys(size):
    given = features()
    memory = np.random.default_rng(1).normal(1, 1, (size, 8))
    rows = patches(given)
    expected = cdist(rows.reshape(-1, 8), memory).min(axis=1).reshape(2, 4, 6, 1)
    found = np.asarray(bank(memory)(given))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_what_is_in_the_memory_is_at_no_distance():
    """Its own patches: nothing but rounding, and never the root of something below 0."""
    given = features()
    found = np.asarray(bank(patches(given).reshape(-1, 8))(given))
    assert np.isfinite(found).all() and found.max() < 5e-3


def test_patches_of_many_strong_features_keep_their_distances():
    """200 features of about 10: |x|^2 is some 20,000 times a distance that still counts."""
    given = {name: 10 * x for name, x in features(1, channels=(80, 120)).items()}
    rows = patches(given).reshape(-1, 200)
    shift = np.zeros(200)
    shift[::2] = 0.1  # distance 1
    found = np.asarray(bank(rows + shift, channels=(80, 120))(given))
    np.testing.assert_allclose(found, 1, atol=0.05)


def test_the_layer_in_front_of_the_memory_gives_the_patches():
    """What `solve` takes: the input of the layer that is filled."""
    given = features()
    model = bank(np.zeros((1, 8)))
    seen = keras.Model(model.input, model.get_layer(BANK).input)(given)
    np.testing.assert_allclose(seen, patches(given), rtol=1e-4, atol=1e-5)


def naive(points, size, first):
    """Greedy k-centre, distances counted anew for each choice."""
    chosen = [first]
    while len(chosen) < size:
        apart = cdist(points, points[chosen]).min(axis=1)
        apart[chosen] = -1
        chosen.append(int(apart.argmax()))
    return chosen


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_coreset_is_greedy_k_centre(seed):
    """The same rows in the same order, from the same first one."""
    points = np.random.default_rng(10 + seed).normal(size=(120, 5)).astype("float32")
    chosen = coreset(points, 40, seed).tolist()
    assert chosen == naive(points, 40, chosen[0])


def covered(points, chosen):
    """The furthest that any patch is from a chosen one."""
    return cdist(points, points[chosen]).min(axis=1).max()


def test_the_coreset_covers_better_than_chance():
    """A thousand patches in one heap, a few far away, which chance would miss; 200 dimensions, projected."""
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(0, 0.2, (1000, 200)), rng.normal(0, 3, (12, 200))]).astype("float32")
    assert points.shape[1] > PROJECTED
    chosen = coreset(points, 40)
    assert set(range(1000, 1012)) <= set(chosen.tolist())
    by_chance = [covered(points, rng.choice(1012, 40, replace=False)) for _ in range(20)]
    assert covered(points, chosen) < 0.5 * min(by_chance)


def test_no_patch_is_chosen_twice():
    """Also where all are equal, and when more are asked for than there are."""
    equal = np.ones((9, 4))
    assert sorted(coreset(equal, 5).tolist()) == sorted(set(coreset(equal, 5).tolist()))
    assert sorted(coreset(equal, 100, seed=3).tolist()) == list(range(9))
    half = np.repeat(np.eye(3), 4, axis=0)
    assert {int(row) // 4 for row in coreset(half, 3)} == {0, 1, 2}  # one of each before any again


def test_the_seed_chooses_the_first():
    points = np.random.default_rng(0).normal(size=(200, 3))
    np.testing.assert_array_equal(coreset(points, 20, seed=5), coreset(points, 20, seed=5))
    assert len({int(coreset(points, 1, seed=seed)[0]) for seed in range(20)}) > 10


def test_progress_is_told_now_and_then():
    told = []
    coreset(np.random.default_rng(0).normal(size=(200, 3)), 150, progress=told.append)
    assert told == [64, 128]


def test_an_odd_patch_is_found_at_its_place():
    """Streets of one brightness fill the memory; a bright block in a new one stands out there alone."""
    images = keras.Input((64, 96, 1))
    p3 = keras.layers.AveragePooling2D(8)(images)
    levels = {"P3": p3, "P4": keras.layers.AveragePooling2D(2)(p3)}
    model = keras.Model(images, PatchMemoryBank(30)(levels))
    rng = np.random.default_rng(0)
    normal = rng.normal(0.3, 0.05, (6, 64, 96, 1)).astype("float32")
    seen = np.asarray(keras.Model(images, model.get_layer(BANK).input)(normal)).reshape(-1, 2)
    model.get_layer(BANK).set_weights(bank_weights(seen[coreset(seen, 30)]))
    street = rng.normal(0.3, 0.05, (1, 64, 96, 1)).astype("float32")
    odd = street.copy()
    odd[0, 16:32, 64:80] = 1.0  # rows 2, 3 and columns 8, 9 of the map
    before, after = (np.asarray(model(each))[0, ..., 0] for each in (street, odd))
    assert after.shape == (8, 12)
    y, x = np.unravel_index(after.argmax(), after.shape)
    assert y in (2, 3) and x in (8, 9)
    assert after.max() > 10 * before.max()
    np.testing.assert_allclose(after[:, :4], before[:, :4], atol=1e-5)


@pytest.mark.parametrize("size", [0, -3])
def test_an_empty_memory_is_refused(size):
    with pytest.raises(ValueError, match=f"a memory of {size} patches.*: give at least 1"):
        PatchMemoryBank(size)


def test_a_missing_level_is_named():
    with pytest.raises(
        ValueError, match=r"the memory needs the levels \('P3', 'P4'\), received \['P3', 'P5'\]"
    ):
        PatchMemoryBank()({"P3": keras.Input((8, 8, 4)), "P5": keras.Input((2, 2, 4))})


def test_coarser_levels_do_not_matter():
    inputs = {n: keras.Input((8 >> i, 8 >> i, 4)) for i, n in enumerate(("P3", "P4", "P5"))}
    made = PatchMemoryBank(5)(inputs)
    assert made.shape == (None, 8, 8, 1)
    assert len(keras.Model({n: inputs[n] for n in ("P3", "P4")}, made).inputs) == 2


def test_plain_keras_loads_it_with_the_same_distances(tmp_path):
    given = features()
    model = bank(np.random.default_rng(1).normal(size=(20, 8)))
    model.save(tmp_path / "bank.keras")
    again = keras.saving.load_model(tmp_path / "bank.keras", custom_objects={}, compile=False)
    np.testing.assert_array_equal(again(given), model(given))
