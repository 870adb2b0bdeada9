"""Images fitted to a model's input, and boxes back on them."""

import numpy as np
import pytest

from augment import affine
from augment.warp import warp
from cityzoo.runtime.image_input import boxes_on_image, fit_images


@pytest.mark.parametrize("mode", ["letterbox", "stretch"])
def test_the_fit_is_that_of_evaluation_and_boxes_return(mode):
    noise = np.random.default_rng(0).integers(0, 256, (48, 80, 3)).astype(np.uint8)
    about = {
        "inputs": [
            {
                "name": "images",
                "dtype": "float32",
                "size_hw": [32, 32],
                "resize": {"mode": mode, "pad_value": 9},
            }
        ]
    }
    feeds, (matrix,) = fit_images(about, [noise])
    wanted = warp(noise, affine.FITS[mode]((48, 80), (32, 32)), (32, 32), 9)
    np.testing.assert_array_equal(feeds["images"][0], wanted)
    box = np.array([[10.0, 12.0, 50.0, 40.0]])
    corners = box.reshape(2, 2) @ matrix[:2, :2].T + matrix[:2, 2]
    np.testing.assert_allclose(boxes_on_image(corners.reshape(1, 4), matrix, (48, 80)), box, atol=1e-4)
