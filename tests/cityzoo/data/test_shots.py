"""A few pictures of each class: how many, which, and what is said where there are too few."""

import numpy as np
import pytest

from cityzoo.data.shots import few
from cityzoo.errors import InputError
from cityzoo.sample import Picture, PictureSet

NAMES = ("bus", "car", "tram")
BOX = [0, 0, 4, 4]


def whole(*targets, names=NAMES):
    """Pictures with these targets, named by their position."""
    pictures = (Picture(f"{i}.jpg", (8, 8), target=target) for i, target in enumerate(targets))
    return PictureSet("train", names, tuple(pictures))


def boxed(*labels):
    """Pictures with a box for each label, named by their position."""
    pictures = (Picture(f"{i}.jpg", (8, 8), [BOX] * len(each), each) for i, each in enumerate(labels))
    return PictureSet("train", NAMES, tuple(pictures))


def rows(side):
    """Positions of the pictures that were drawn."""
    return [int(picture.path[:-4]) for picture in side.pictures]


def test_each_class_has_as_many_as_asked_for():
    """Of 60, 30 and 10 pictures seven each, in the order that they came in; the rest of the set stays."""
    side = whole(*np.eye(3)[[0] * 60 + [1] * 30 + [2] * 10])
    drawn = few(side, 7, seed=0)
    assert np.sum([each.target for each in drawn.pictures], axis=0).tolist() == [7, 7, 7]
    assert rows(drawn) == sorted(rows(drawn)) and len(set(rows(drawn))) == 21
    assert (drawn.split, drawn.class_names, len(side)) == ("train", NAMES, 100)
    assert all(
        picture is side.pictures[row] for picture, row in zip(drawn.pictures, rows(drawn), strict=True)
    )


def test_a_seed_draws_the_same_and_another_seed_others():
    """Ten seeds reach most of the pictures, not always the first ones."""
    side = whole(*np.eye(3)[[0, 1, 2] * 20])
    assert rows(few(side, 3, seed=4)) == rows(few(side, 3, seed=4))
    draws = [tuple(rows(few(side, 3, seed=seed))) for seed in range(10)]
    assert len(set(draws)) == 10
    assert len(set().union(*draws)) > 45  # of 60: each is missed by chance with .85 to the tenth, a fifth


def test_every_picture_of_a_class_can_be_all_that_there_is():
    """As many shots as pictures: all of them."""
    assert rows(few(whole(*np.eye(3)[[2, 0, 1, 1, 0, 2]]), 2, seed=1)) == [0, 1, 2, 3, 4, 5]


def test_a_picture_of_several_classes_counts_for_each():
    """All three classes in each of two pictures: these two are enough."""
    side = whole([1, 1, 1], [1, 1, 1])
    assert rows(few(side, 2, seed=0)) == [0, 1]
    mixed = whole(*([1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]) * 5)
    for seed in range(5):
        drawn = few(mixed, 4, seed)
        found = np.sum([each.target for each in drawn.pictures], axis=0)
        assert (found >= 4).all() and found[2] == 4 and len(drawn) <= 12


def test_as_many_pictures_of_none_of_the_classes_are_drawn():
    """Frames without fire and smoke teach as much as those with them."""
    side = whole(*([1, 0], [0, 1], [0, 0]) * 10, names=("fire", "smoke"))
    targets = np.array([each.target for each in few(side, 4, seed=0).pictures])
    assert targets.sum(axis=0).tolist() == [4, 4] and (targets.sum(axis=1) == 0).sum() == 4
    with pytest.raises(InputError, match="'none of the classes' has 2: "):
        few(whole(*[[1, 0], [0, 1]] * 3, [0, 0], [0, 0], names=("fire", "smoke")), 3, seed=0)


def test_boxes_say_which_classes_a_picture_shows():
    """Twice the same class counts once; empty pictures are drawn as well."""
    side = boxed(*[(0, 0, 1), (1,), (2, 2), (), (2, 0)] * 6)
    drawn = few(side, 5, seed=3)
    counts = [sum(name in picture.labels for picture in drawn.pictures) for name in range(3)]
    assert all(count >= 5 for count in counts)
    assert sum(len(picture.labels) == 0 for picture in drawn.pictures) == 5


def test_counts_go_by_the_boxes_and_not_by_their_number():
    """A count of 3 is no class; of pictures without any box some are drawn at random."""
    pictures = tuple(Picture(f"{i}.jpg", (8, 8), [BOX] * 3, [i % 3] * 3, target=[3.0]) for i in range(12))
    drawn = few(PictureSet("train", NAMES, pictures), 2, seed=0)
    assert sorted(int(each.labels[0]) for each in drawn.pictures) == [0, 0, 1, 1, 2, 2]
    empty = tuple(Picture(f"{i}.jpg", (8, 8), target=[0.0]) for i in range(9))
    assert len(few(PictureSet("train", NAMES, empty), 4, seed=0)) == 4


def test_one_class_alone_is_no_list_of_classes():
    """Counting knows one class name and targets of one number: a count of 0 is a picture without it."""
    pictures = tuple(
        Picture(f"{i}.jpg", (8, 8), [BOX] * (i % 2), [0] * (i % 2), target=[i % 2]) for i in range(8)
    )
    drawn = few(PictureSet("train", ("car",), pictures), 3, seed=0)
    assert sorted(len(each.labels) for each in drawn.pictures) == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    "side", [whole(*np.eye(3)[[0, 0, 0, 1, 1, 2, 2, 2]]), boxed(*[(0,), (0,), (0,), (1,), (1,)])]
)
def test_too_few_pictures_name_the_class_and_the_numbers(side):
    """One line: what was asked for, which class, how many it has."""
    with pytest.raises(
        InputError, match="^--shots 3 wants 3 pictures of each class, 'car' has 2: "
    ) as caught:
        few(side, 3, seed=0)
    assert "\n" not in str(caught.value)
