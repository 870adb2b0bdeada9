"""Covering of regions: nothing finer than a fifth of the width is left."""

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.redact.regions import DRAWINGS, Region, cover, mark


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)


def test_pixels_of_a_block_are_their_mean(noise):
    """A region of 50 x 20 pixels becomes 5 x 2 blocks of 10 pixels; the rest stays."""
    covered = cover(noise, [Region("plate", (10, 20, 60, 40))])
    block = covered[20:30, 10:20].reshape(-1, 3)
    assert (block == block[0]).all()
    np.testing.assert_allclose(block[0], noise[20:30, 10:20].reshape(-1, 3).mean(axis=0), atol=1)
    assert len(np.unique(covered[20:40, 10:60].reshape(-1, 3), axis=0)) <= 10
    outside = ~mark((60, 80), [Region("plate", (10, 20, 60, 40))])
    assert (covered[outside] == noise[outside]).all()


@pytest.mark.parametrize("drawing", DRAWINGS)
@pytest.mark.parametrize("box", [(0, 0, 80, 60), (79, 0, 80, 60), (5, 5, 8, 6), (3, 3, 3, 9), (70, 0, 80, 2)])
def test_each_drawing_depends_on_block_means_only(noise, drawing, box):
    """Two images with equal block means are covered equally; regions of a pixel and of the whole image work."""
    region = Region("face", box)
    covered = cover(noise, [region], drawing)
    assert covered.shape == noise.shape
    inside = mark((60, 80), [region])
    if drawing == "fill" and inside.any():
        assert np.unique(covered[inside]).tolist() == [114]
    assert (covered[~inside] == noise[~inside]).all()


def test_grown_regions_end_at_the_edge():
    """Two pixels at least, whole pixels, within the image."""
    assert Region("face", (-3.0, 0.5, 4.5, 9.0)).grow(0.0, (10, 6)).box_xyxy == (0, 0, 6, 10)


def test_an_unknown_drawing_names_those_there_are(noise):
    """Before anything is drawn."""
    with pytest.raises(InputError, match="unknown drawing 'smear'.*blur, fill, pixelate"):
        cover(noise, [], "smear")
