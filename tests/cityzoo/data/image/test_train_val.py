"""A few images of each class: how many, which, and what is said where there are too few."""

import numpy as np
import pytest

from cityzoo.data.image.train_val import sample_shots
from cityzoo.errors import InputError
from cityzoo.sample import ImageExample, ImageSet

NAMES = ("bus", "car", "tram")
BOX = [0, 0, 4, 4]


def whole(*targets, names=NAMES):
    """Images with these targets, named by their position."""
    images = (ImageExample(f"{i}.jpg", (8, 8), target=target) for i, target in enumerate(targets))
    return ImageSet("train", names, tuple(images))


def boxed(*labels):
    """Images with a box for each label, named by their position."""
    images = (ImageExample(f"{i}.jpg", (8, 8), [BOX] * len(each), each) for i, each in enumerate(labels))
    return ImageSet("train", NAMES, tuple(images))


def rows(side):
    """Positions of the images that were drawn."""
    return [int(image.path[:-4]) for image in side.examples]


def test_each_class_has_as_many_as_asked_for():
    """Of 60, 30 and 10 images seven each, in the order that they came in; the rest of the set stays."""
    side = whole(*np.eye(3)[[0] * 60 + [1] * 30 + [2] * 10])
    drawn = sample_shots(side, 7, seed=0)
    assert np.sum([each.target for each in drawn.examples], axis=0).tolist() == [7, 7, 7]
    assert rows(drawn) == sorted(rows(drawn)) and len(set(rows(drawn))) == 21
    assert (drawn.split, drawn.class_names, len(side)) == ("train", NAMES, 100)
    assert all(image is side.examples[row] for image, row in zip(drawn.examples, rows(drawn), strict=True))


def test_a_seed_draws_the_same_and_another_seed_others():
    """Ten seeds reach most of the images, not always the first ones."""
    side = whole(*np.eye(3)[[0, 1, 2] * 20])
    assert rows(sample_shots(side, 3, seed=4)) == rows(sample_shots(side, 3, seed=4))
    draws = [tuple(rows(sample_shots(side, 3, seed=seed))) for seed in range(10)]
    assert len(set(draws)) == 10
    assert len(set().union(*draws)) > 45  # of 60: each is missed by chance with .85 to the tenth, a fifth


def test_every_image_of_a_class_can_be_all_that_there_is():
    """As many shots as images: all of them."""
    assert rows(sample_shots(whole(*np.eye(3)[[2, 0, 1, 1, 0, 2]]), 2, seed=1)) == [0, 1, 2, 3, 4, 5]


def test_an_image_of_several_classes_counts_for_each():
    """All three classes in each of two images: these two are enough."""
    side = whole([1, 1, 1], [1, 1, 1])
    assert rows(sample_shots(side, 2, seed=0)) == [0, 1]
    mixed = whole(*([1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]) * 5)
    for seed in range(5):
        drawn = sample_shots(mixed, 4, seed)
        found = np.sum([each.target for each in drawn.examples], axis=0)
        assert (found >= 4).all() and found[2] == 4 and len(drawn) <= 12


def test_as_many_images_of_none_of_the_classes_are_drawn():
    """Frames without fire and smoke teach as much as those with them."""
    side = whole(*([1, 0], [0, 1], [0, 0]) * 10, names=("fire", "smoke"))
    targets = np.array([each.target for each in sample_shots(side, 4, seed=0).examples])
    assert targets.sum(axis=0).tolist() == [4, 4] and (targets.sum(axis=1) == 0).sum() == 4
    with pytest.raises(InputError, match="'none of the classes' has 2: "):
        sample_shots(whole(*[[1, 0], [0, 1]] * 3, [0, 0], [0, 0], names=("fire", "smoke")), 3, seed=0)


def test_boxes_say_which_classes_an_image_shows():
    """Twice the same class counts once; empty images are drawn as well."""
    side = boxed(*[(0, 0, 1), (1,), (2, 2), (), (2, 0)] * 6)
    drawn = sample_shots(side, 5, seed=3)
    counts = [sum(name in image.labels for image in drawn.examples) for name in range(3)]
    assert all(count >= 5 for count in counts)
    assert sum(len(image.labels) == 0 for image in drawn.examples) == 5


def test_counts_go_by_the_boxes_and_not_by_their_number():
    """A count of 3 is no class; of images without any box some are drawn at random."""
    images = tuple(ImageExample(f"{i}.jpg", (8, 8), [BOX] * 3, [i % 3] * 3, target=[3.0]) for i in range(12))
    drawn = sample_shots(ImageSet("train", NAMES, images), 2, seed=0)
    assert sorted(int(each.labels[0]) for each in drawn.examples) == [0, 0, 1, 1, 2, 2]
    empty = tuple(ImageExample(f"{i}.jpg", (8, 8), target=[0.0]) for i in range(9))
    assert len(sample_shots(ImageSet("train", NAMES, empty), 4, seed=0)) == 4


def test_one_class_alone_is_no_list_of_classes():
    """Counting knows one class name and targets of one number: a count of 0 is an image without it."""
    images = tuple(
        ImageExample(f"{i}.jpg", (8, 8), [BOX] * (i % 2), [0] * (i % 2), target=[i % 2]) for i in range(8)
    )
    drawn = sample_shots(ImageSet("train", ("car",), images), 3, seed=0)
    assert sorted(len(each.labels) for each in drawn.examples) == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    "side", [whole(*np.eye(3)[[0, 0, 0, 1, 1, 2, 2, 2]]), boxed(*[(0,), (0,), (0,), (1,), (1,)])]
)
def test_too_few_images_name_the_class_and_the_numbers(side):
    """One line: what was asked for, which class, how many it has."""
    with pytest.raises(InputError, match="^--shots 3 .*'car' has 2: ") as caught:
        sample_shots(side, 3, seed=0)
    assert "\n" not in str(caught.value)
