"""What is drawn: within its range, as often as it should, from the image's seed alone."""

import numpy as np
import pytest

from augment import Policy, Step, get_policy
from augment.placement import sample_parameters, sampled_steps

COUNT = 400
KEYS = np.stack([np.zeros(COUNT), np.arange(COUNT), np.ones(COUNT)], axis=1).astype(int)


def draw(policy):
    """The steps of a policy for many images."""
    return list(sampled_steps(policy, *sample_parameters(policy, KEYS)))


def test_values_fill_their_range_and_steps_happen_as_often_as_they_should():
    policy = Policy("p", (Step("rotate", {"degrees": (-5.0, 15.0)}, 0.25), Step("flip", {}, 0.5)))
    rotate, flip = draw(policy)
    degrees = rotate.values["degrees"]
    assert (
        degrees.min() >= -5 and degrees.max() <= 15 and abs(degrees.mean() - 5) < 1 and np.ptp(degrees) > 19
    )
    assert 0.18 < rotate.happens.mean() < 0.32 and 0.42 < flip.happens.mean() < 0.58
    assert abs(np.corrcoef(rotate.happens, flip.happens)[0, 1]) < 0.15


def test_strength_sets_every_value_and_its_sign():
    (shear,) = draw(Policy("p", (Step("shear", {"strength": (0.5, 0.5)}),)))
    for values in shear.values.values():
        assert sorted(set(values.tolist())) == [-10.0, 10.0]
    (blur,) = draw(Policy("p", (Step("crop", {"strength": (1.0, 1.0)}),)))
    assert np.allclose(blur.values["side"], 0.3) and np.ptp(blur.values["x"]) > 0.9


def test_places_are_drawn_from_all_there_is_where_the_policy_is_silent():
    (crop,) = draw(Policy("p", (Step("crop", {"side": (0.5, 0.6)}),)))
    assert 0 <= crop.values["x"].min() < 0.05 and 0.95 < crop.values["x"].max() <= 1


@pytest.mark.parametrize(("name", "picked"), [("randaugment", 2), ("trivialaugment", 1)])
def test_as_many_steps_are_picked_as_the_policy_says_each_as_often(name, picked):
    happens = np.stack([step.happens for step in draw(get_policy(name))])
    assert (happens.sum(axis=0) == picked).all()
    share = happens.mean(axis=1) * len(happens) / picked
    assert share.min() > 0.6 and share.max() < 1.5


def test_images_and_steps_have_seeds_of_their_own():
    first, second = draw(Policy("p", (Step("flip", {}), Step("flip", {}))))
    assert len({tuple(seed) for seed in np.concatenate([first.seeds, second.seeds]).tolist()}) == 2 * COUNT


def test_every_part_of_the_key_counts_and_the_batch_does_not():
    policy = Policy("p", (Step("crop", {}),))
    keys = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0], [2**40, 0, 0]])
    lots, seeds = sample_parameters(policy, keys)
    assert lots.shape == (6, 5) and lots.dtype == np.float32 and lots.min() >= 0 and lots.max() < 1
    assert len({row.tobytes() for row in lots}) == len({row.tobytes() for row in seeds}) == 6
    for number in range(6):
        alone = sample_parameters(policy, keys[number : number + 1])
        np.testing.assert_array_equal(alone[0][0], lots[number])
        np.testing.assert_array_equal(alone[1][0], seeds[number])
