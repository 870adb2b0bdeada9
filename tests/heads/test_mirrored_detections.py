"""Outputs for mirrored images: points change places, boxes change sides, twice is nothing."""

import numpy as np
import pytest
from keras import ops

from heads.mirrored_detections import mirror_detections

SIZE = 32, 64  # grids of 4 x 8, 2 x 4 and 1 x 2 points


def test_an_object_on_the_left_is_found_on_the_right():
    """The point in the second row and first column of the stride 8, with a box from x 2 to 12."""
    outputs = np.zeros((1, 32 + 8 + 2, 6), "float32")
    outputs[0, 8] = [2, 8, 12, 20, -3, 5]
    outputs[0, 40] = [0, 0, 30, 32, 1, 0]  # the left one of the stride 32
    found = ops.convert_to_numpy(mirror_detections(outputs, SIZE))
    assert found[0, 15].tolist() == [52, 8, 62, 20, -3, 5]
    assert found[0, 41].tolist() == [34, 0, 64, 32, 1, 0]
    assert np.count_nonzero(found[..., 4:]) == 3


@pytest.mark.parametrize("size_hw", [SIZE, (40, 72)])
def test_twice_is_nothing(size_hw):
    points = sum(-(-size_hw[0] // stride) * -(-size_hw[1] // stride) for stride in (8, 16, 32))
    outputs = np.random.default_rng(0).uniform(0, 30, (2, points, 7)).astype("float32")
    twice = mirror_detections(mirror_detections(outputs, size_hw), size_hw)
    np.testing.assert_allclose(ops.convert_to_numpy(twice), outputs, atol=1e-5)
