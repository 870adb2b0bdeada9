import numpy as np
import pytest

from cityzoo.data.image import boxes
from cityzoo.data.image.raw import PIXELS_XYXY, RELATIVE_CXCYWH, RELATIVE_XYXY


def test_three_ways_of_writing_one_box():
    expected = [[16.0, 12.0, 48.0, 36.0]]
    for kind, numbers in (
        (PIXELS_XYXY, [16, 12, 48, 36]),
        (RELATIVE_XYXY, [0.25, 0.25, 0.75, 0.75]),
        (RELATIVE_CXCYWH, [0.5, 0.5, 0.5, 0.5]),
    ):
        np.testing.assert_allclose(boxes.to_pixels(np.array([numbers]), kind, (48, 64)), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_a_box_twice_by_an_orientation_and_its_inverse(orientation):
    inverse = {6: 8, 8: 6}.get(orientation, orientation)
    box = np.array([[3.0, 5, 20, 11]])
    turned = boxes.to_upright(box, orientation, (48, 64))
    size = (64, 48) if orientation >= 5 else (48, 64)
    np.testing.assert_array_equal(boxes.to_upright(turned, inverse, size), box)


@pytest.mark.parametrize(
    ("box", "problem"),
    [
        ([0, 0, 64, 48], ""),
        ([-0.009, 0, 64.009, 48], ""),
        ([-0.02, 0, 64, 48], "clipped"),
        ([-2, 0, 66, 50], "clipped"),
        ([-2.1, 0, 64, 48], "over edge"),
        ([0, 0, 64, 50.1], "over edge"),
        ([64, 0, 70, 48], "outside"),
        ([-9, 0, 0, 48], "outside"),
        ([5, 5, 5, 9], "no area"),
        ([5, 5, 9, 5], "no area"),
        ([9, 5, 5, 9], "inverted"),
        ([5, 9, 9, 5], "inverted"),
        ([np.nan, 0, 5, 5], "not finite"),
        ([0, 0, np.inf, 5], "not finite"),
    ],
)
def test_what_is_wrong_with_a_box(box, problem):
    assert boxes.find_problems(np.array([box], float), (48, 64)) == [problem]


def test_no_boxes_have_no_problems():
    assert boxes.find_problems(np.zeros((0, 4)), (48, 64)) == []


def test_clip_cuts_at_the_edges():
    cut = boxes.clip(np.array([[-1.0, -2, 65, 49], [1, 2, 3, 4]]), (48, 64))
    assert cut.dtype == np.float32
    np.testing.assert_array_equal(cut, [[0, 0, 64, 48], [1, 2, 3, 4]])


@pytest.mark.parametrize(
    ("exif", "declared", "expected"),
    [
        ("auto", (48, 64), True),  # as stored
        ("auto", (64, 48), False),  # as seen
        ("auto", None, False),
        ("auto", (10, 10), False),
        ("stored", (64, 48), True),
        ("upright", (48, 64), False),
    ],
)
def test_the_frame_is_told_by_the_declared_size(exif, declared, expected):
    assert boxes.is_annotated_as_stored(exif, declared, (48, 64), (64, 48)) is expected


def test_a_square_does_not_tell_its_frame():
    assert not boxes.is_annotated_as_stored("auto", (64, 64), (64, 64), (64, 64))
