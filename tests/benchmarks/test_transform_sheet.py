"""The sheet of all transforms: five strengths, from nothing to all."""

import numpy as np

import augment
from benchmarks import transform_sheet


def test_every_transform_at_five_strengths_from_nothing_to_all():
    image = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    image[12:36, 16:48] = 200, 60, 20
    sheet = transform_sheet.strengths(image, (24, 32), columns=1)
    # Cells are 32 + 4 pixels wide; the first column shows the image itself.
    assert sheet.shape[1] == 5 * 36 + 4
    names = [name for name, transform in augment.TRANSFORMS.items() if transform.stage != "mix"]
    rows = (sheet[4:].reshape(len(names), -1, *sheet.shape[1:])[:, :24]).astype(int)
    apart = np.abs(rows[:, :, 4:36] - rows[:, :, 148:180]).mean((1, 2, 3))
    assert {name for name, far in zip(names, apart, strict=True) if far < 2} <= {
        "flip"
    }  # which has no strength
