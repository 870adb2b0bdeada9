"""Sheets of augmented images: boxes where the objects are, a cell for each version and each strength."""

import numpy as np
import pytest
from PIL import Image

import augment
from cityzoo.data.image.views import AugmentedViews
from cityzoo.errors import InputError
from cityzoo.outputs.detection import Detection
from cityzoo.sample import ImageSet
from cityzoo.visualize import augmented
from cityzoo.visualize.boxes import class_color

OUTPUT = Detection(("car", "bus"))


@pytest.fixture
def views(painted):
    """Two dark images with a bright rectangle each, as they are."""
    images = tuple(painted(f"{n}.png", (48, 64), (8, 4, 40, 20), label=n) for n in range(2))
    return AugmentedViews(
        ImageSet("train", OUTPUT.class_names, images), OUTPUT, "none", (200, 400), 3, seed=0
    )


def test_a_row_an_image_and_a_column_a_version_each_with_its_box(views, tmp_path):
    path = tmp_path / "sheet.png"
    augmented.write(views, str(path))
    with Image.open(path) as image:
        sheet = np.asarray(image)
    for label in range(2):
        ys, xs = np.nonzero((sheet == class_color(label)).all(-1))
        columns = np.unique(xs // 410)
        assert list(columns) == [0, 1, 2, 3, 4]
        assert len(np.unique(ys // 240)) == 1


def test_every_transform_at_five_strengths_from_nothing_to_all():
    image = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    image[12:36, 16:48] = 200, 60, 20
    sheet = augmented.strengths(image, (24, 32), columns=1)
    # Cells are 32 + 4 pixels wide; the first column shows the image itself.
    assert sheet.shape[1] == 5 * 36 + 4
    names = [name for name, transform in augment.TRANSFORMS.items() if transform.stage != "mix"]
    rows = (sheet[4:].reshape(len(names), -1, *sheet.shape[1:])[:, :24]).astype(int)
    apart = np.abs(rows[:, :, 4:36] - rows[:, :, 148:180]).mean((1, 2, 3))
    assert {name for name, far in zip(names, apart, strict=True) if far < 2} <= {
        "flip"
    }  # which has no strength


def test_a_file_that_cannot_be_written_is_refused(views, tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        augmented.write(views, str(tmp_path / "nowhere" / "sheet.png"))
    with pytest.raises(InputError, match="cannot be written"):
        augmented.write(views, str(tmp_path / "sheet.doc"))
