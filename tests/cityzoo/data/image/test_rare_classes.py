"""Images of rare classes are shown more often: factors by hand, and what an epoch then shows."""

from collections import Counter

import numpy as np
import pytest

from cityzoo.data.image.rare_classes import repeat_factors, repeat_rare
from cityzoo.sample import ImageExample, ImageSet


@pytest.fixture
def streets():
    """16 images with cars; two of them with a bus as well, one with a tram; one image without objects."""

    def image(number, labels):
        return ImageExample(f"{number}.jpg", (8, 8), [[0, 0, 4, 4]] * len(labels), labels)

    labels = [[0]] * 13 + [[0, 1], [1, 0, 0], [0, 2]]
    images = tuple(image(number, each) for number, each in enumerate(labels))
    return ImageSet("train", ("car", "bus", "tram"), (*images, ImageExample("bare.jpg", (8, 8))))


def test_factors_by_hand(streets):
    """The square root of what is wanted over what there is; an image has that of its rarest class."""
    bus, tram = np.sqrt(0.5 / (2 / 17)), np.sqrt(0.5 / (1 / 17))
    expected = [1.0] * 13 + [bus, bus, tram, 1.0]
    np.testing.assert_allclose(repeat_factors(streets, 0.5), expected)


def test_an_epoch_shows_each_image_and_rare_ones_again(streets):
    """The number of copies is the factor, up or down; nothing is lost."""
    shown = Counter(image.path for image in repeat_rare(streets, 0.5).examples)
    factors = repeat_factors(streets, 0.5)
    assert sum(shown.values()) == int(factors.sum() + 1e-9)
    for image, factor in zip(streets.examples, factors, strict=True):
        assert shown[image.path] >= 1 and abs(shown[image.path] - factor) < 1


def test_without_a_share_the_set_is_the_same(streets):
    """Also where no class is rarer than asked."""
    assert repeat_rare(streets, 0.0) is streets
    assert repeat_rare(streets, 0.05).examples == streets.examples
