"""Held-out examples are divided without tearing scenes apart."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.fuse.halves import divide_held_out, halve_groups
from cityzoo.modalities.image import IMAGE
from cityzoo.sample import ImageExample, ImageSet


@pytest.mark.parametrize("seed", range(5))
def test_groups_stay_whole_and_halves_are_even(seed):
    """40 groups of 1 to 9 rows."""
    groups = np.random.default_rng(seed).integers(0, 40, 200)
    _, groups = np.unique(groups, return_inverse=True)
    first, second = halve_groups(groups, seed)
    assert sorted([*first, *second]) == list(range(200))
    assert not set(groups[first]) & set(groups[second])
    assert abs(len(first) - len(second)) <= 2
    assert halve_groups(groups, seed) == (first, second) != halve_groups(groups, seed + 1)


def test_images_of_one_scene_are_divided_all_the_same():
    """Which the report says."""
    rows = [ImageExample(f"{i}.jpg", (9, 9), scene="crossing") for i in range(6)]
    val = ImageSet("val", ("a", "b"), tuple(rows))
    held_out = divide_held_out(Data(val, val), IMAGE)
    assert [len(held_out.choose), len(held_out.evaluate)] == [3, 3] and "the same scene" in held_out.note


def test_one_group_cannot_be_divided():
    """One line with what to do."""
    with pytest.raises(InputError, match="--val"):
        halve_groups([0, 0, 0])


@dataclass
class Data:
    """Examples to choose the best epoch by, and to evaluate on."""

    val: ImageSet
    held_out: ImageSet


def test_crops_of_an_image_stay_together():
    """Without scenes, an image is a group."""
    rows = [ImageExample(f"{i // 4}.jpg", (9, 9), window_xyxy=(0, 0, 9, 9)) for i in range(40)]
    val = ImageSet("val", ("a", "b"), tuple(rows))
    held_out = divide_held_out(Data(val, val), IMAGE)
    paths = [{each.path for each in part.examples} for part in (held_out.choose, held_out.evaluate)]
    assert held_out.is_half and not paths[0] & paths[1] and list(map(len, paths)) == [5, 5]
    assert [val.examples[row] for row in held_out.rows[0]] == list(held_out.choose.examples)


def test_a_test_split_is_evaluated_and_val_chooses():
    """Nothing is divided then."""
    val, test = ImageSet("val", ("a",), ()), ImageSet("test", ("a",), ())
    held_out = divide_held_out(Data(val, test), SimpleNamespace(unit="windows"))
    assert (held_out.choose, held_out.evaluate, held_out.is_half) == (val, test, False)
