"""Attacks on losses whose highest point within reach is known."""

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.evaluation.robustness import conditions


def rising(images, targets):
    """The loss is the sum of the pixels times the targets."""
    return float((images * targets).sum()), np.broadcast_to(np.float32(targets), images.shape)


def hill(images, targets):
    """The loss is highest where pixels are as the targets."""
    return -float(np.square(images - targets).sum()), -2 * (images - targets)


def image(*values):
    """One row of grey pixels, (1, 1, n, 1)."""
    return np.array(values, np.uint8).reshape(1, 1, -1, 1)


def test_one_step_goes_up_the_loss_by_eps_within_valid_pixels():
    way = image(1, 1, 1, 0).astype("float32") * [[[[1], [-1], [1], [1]]]]
    moved = conditions.fgsm(rising, image(100, 100, 253, 7), way, 4.0)
    assert moved.ravel().tolist() == [104, 96, 255, 7]
    assert conditions.fgsm(rising, image(2), [[[[-1.0]]]], 4.0).item() == 0


def test_small_steps_stay_on_a_top_that_one_step_leaps_over():
    """The top lies 2 levels away; steps are of 1 level, so that PGD ends within 1 of it; FGSM goes 4."""
    clean, top = image(*[100] * 50), np.full((1, 1, 50, 1), 102.0, "float32")
    assert np.unique(conditions.fgsm(hill, clean, top, 4.0)).tolist() == [104]
    assert np.abs(conditions.pgd(hill, clean, top, 4.0) - top).max() <= 1


@pytest.mark.parametrize("eps", [1.0, 2.5, 4.0, 30.0])
def test_no_pixel_moves_further_than_eps_and_all_are_whole_levels(eps):
    """Whatever the gradient says, near black and white as well; bars beside the image do not move."""
    chance = np.random.default_rng(1)
    clean = chance.integers(0, 256, (2, 6, 8, 3), np.uint8)
    inside = np.zeros((2, 6, 8, 1), bool)
    inside[:, 1:5] = True

    def any_way(images, targets):
        return 0.0, chance.normal(size=images.shape).astype("float32")

    for made in (
        conditions.fgsm(any_way, clean, None, eps, inside),
        conditions.pgd(any_way, clean, None, eps, inside),
    ):
        change = made - clean
        assert made.dtype == np.float32 and (made == np.rint(made)).all()
        assert made.min() >= 0 and made.max() <= 255
        assert np.abs(change).max() == np.floor(eps)
        assert (change[:, [0, 5]] == 0).all()


def test_the_start_of_small_steps_is_drawn_from_the_seed():
    """Where the loss is flat, the end is the start."""

    def flat(images, targets):
        return 0.0, np.zeros_like(images)

    clean = np.full((1, 8, 8, 3), 100, np.uint8)
    one, same, other = (conditions.pgd(flat, clean, None, 8.0, seed=seed) for seed in (1, 1, 2))
    assert (one == same).all() and (one != other).any() and len(np.unique(one)) > 8


@pytest.mark.parametrize("eps", [0.0, 0.5, 256.0, float("nan")])
def test_eps_is_of_grey_levels(eps):
    with pytest.raises(InputError, match="give 1 to 255"):
        conditions.check_eps(eps)
