"""Sheets of augmented images: boxes where the objects are, a cell for each version."""

import numpy as np
import pytest
from PIL import Image

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


def test_a_file_that_cannot_be_written_is_refused(views, tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        augmented.write(views, str(tmp_path / "nowhere" / "sheet.png"))
    with pytest.raises(InputError, match="cannot be written"):
        augmented.write(views, str(tmp_path / "sheet.doc"))


def test_a_small_sheet_goes_to_tensorboard(views, tmp_path):
    """As the first of the run's images."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    augmented.to_tensorboard(views, tmp_path)
    events = EventAccumulator(str(tmp_path / "images"), size_guidance={"tensors": 0, "images": 0}).Reload()
    assert events.Tags()["tensors"] == ["train/augmented"]
