"""The detector of watch, on a file that finds white cells and cannot tell plates from cars."""

import json
import shutil

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.watch.detector import Detector, check_places


@pytest.fixture
def image():
    """Of the size of the network's input; its cell (row 1, column 2) is white."""
    image = np.zeros((32, 64, 3), np.uint8)
    image[8:16, 16:24] = 255
    return image


def test_one_object_that_resembles_two_classes_is_one_box(white_cells, image):
    found, nothing = Detector(white_cells, lowest=0.5).detect([image, np.zeros_like(image)])
    assert (found.boxes.tolist(), found.scores.tolist(), found.labels.tolist()) == (
        [[16, 8, 24, 16]],
        [1.0],
        [0],
    )
    assert len(nothing) == 0
    assert nothing.boxes.shape == (0, 4)
    assert found.boxes.dtype == found.scores.dtype == np.float32


def test_boxes_are_in_pixels_of_each_image_whatever_its_size(white_cells, image):
    large = image.repeat(4, axis=0).repeat(4, axis=1)
    small_found, large_found = Detector(white_cells, lowest=0.9).detect([image, large])
    np.testing.assert_allclose(large_found.boxes, 4 * small_found.boxes)


def test_a_box_that_fills_the_frame_is_dropped(white_cells, image):
    assert not len(Detector(white_cells, lowest=0.5, largest=0.03).detect([image])[0])
    assert len(Detector(white_cells, lowest=0.5, largest=0.04).detect([image])[0]) == 1  # 64 of 2048 pixels


def test_classes_are_chosen_after_objects_are_told_apart(white_cells, image):
    """The white cell is a plate first: asked for cars, the same object must not come back as one."""
    assert len(Detector(white_cells, ["plate"], 0.5).detect([image])[0]) == 1
    assert not len(Detector(white_cells, ["car"], 0.5).detect([image])[0])


def test_file_and_folder_are_the_same_and_others_are_refused(white_cells, image, tmp_path):
    by_file = Detector(white_cells / "model.onnx", lowest=0.5).detect([image])[0]
    assert by_file.boxes.tolist() == [[16, 8, 24, 16]]
    assert Detector(white_cells).detect([]) == []
    with pytest.raises(InputError, match="no exported folder"):
        Detector(tmp_path)
    with pytest.raises(InputError, match="bus"):
        Detector(white_cells, ["bus"])
    shutil.copytree(white_cells, tmp_path / "other")
    about = json.loads((tmp_path / "other/preprocessing.json").read_text())
    (tmp_path / "other/preprocessing.json").write_text(json.dumps(about | {"variant": "probabilities"}))
    with pytest.raises(InputError, match="not a detector"):
        Detector(tmp_path / "other")


def test_a_policy_names_classes_and_cameras(white_cells, tmp_path):
    """Classes that are left out need not be allowed; a forbidden use is refused whatever they are."""
    folder = shutil.copytree(white_cells, tmp_path / "exported")
    (folder / "policy.yaml").write_text("classes: [car]\nplaces: [north]")
    found = Detector(folder, ["car"])
    with pytest.raises(InputError, match="class 'plate'"):
        Detector(folder)
    check_places(found.path, ["north"])
    with pytest.raises(InputError, match="camera 'south'"):
        check_places(found.path, ["north", "south"])
    (folder / "policy.yaml").write_text("forbidden_uses: [watch]")
    with pytest.raises(InputError, match="forbids this use"):
        Detector(folder)
