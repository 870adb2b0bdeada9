"""CVAT for images 1.1: what is written is read back, and files as CVAT exports them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cityzoo.data.image import load
from cityzoo.data.image.export import WRITERS, LabeledImage
from cityzoo.data.image.formats import cvat
from cityzoo.errors import InputError

BOXES = np.array([[4.25, 8, 30, 20], [1, 2, 40, 44]], np.float32)


@pytest.mark.parametrize("layout", ["yolo", "coco", "cvat"])
def test_copies_of_files_are_read_back(layout, tmp_path):
    """Bytes, names, boxes and classes."""
    (tmp_path / "camera").mkdir()
    for number in range(4):
        Image.new("RGB", (64, 48), (number * 60, 9, 9)).save(tmp_path / "camera" / f"{number}.png")
    images = [
        LabeledImage(
            None,
            BOXES,
            np.array([1, 0], np.int32),
            file=tmp_path / "camera" / f"{number}.png",
            file_name=f"north__{number}.png",
            file_hw=(48, 64),
        )
        for number in range(4)
    ]
    (tmp_path / "out").mkdir()
    WRITERS[layout](
        tmp_path / "out", ("bus", "car"), (("train", n, each) for n, each in enumerate(images)), {"train": 4}
    )
    data = load(str(tmp_path / "out"))
    examples = [*data.train.examples, *data.val.examples]
    assert sorted(each.path.rpartition("/")[2] for each in examples) == [f"north__{n}.png" for n in range(4)]
    assert data.train.class_names == ("bus", "car") and not data.findings.counts
    for each in examples:
        order = np.argsort(each.labels)
        assert np.allclose(each.boxes_xyxy[order], BOXES[[1, 0]], atol=0.01)
        assert (tmp_path / "camera" / each.path[-5:]).read_bytes() == Path(each.path).read_bytes()


def test_tags_polygons_and_subsets(tmp_path):
    """Tags are labels of whole images; a polygon counts as its bounding box."""
    Image.new("RGB", (64, 48)).save(tmp_path / "a.png")
    (tmp_path / "annotations.xml").write_text(
        '<annotations><version>1.1</version><image id="0" name="a.png" subset="val" width="64" height="48">'
        '<polygon label="car" points="1.5,2;9,3;4,8"/><tag label="night"/></image></annotations>'
    )
    assert cvat.matches(str(tmp_path)) and cvat.matches(str(tmp_path / "annotations.xml"))
    (image,) = cvat.read(str(tmp_path)).images
    assert image.boxes[0].numbers == (1.5, 2.0, 9.0, 8.0) and image.names == ("night",)
    assert image.split == "val" and image.declared_hw == (48, 64)


def test_corners_that_are_no_numbers_are_one_line(tmp_path):
    """The file and the image are named."""
    (tmp_path / "annotations.xml").write_text(
        '<annotations><image id="0" name="a.png"><box label="car" xtl="x" ytl="1" xbr="2" ybr="3"/>'
        "</image></annotations>"
    )
    with pytest.raises(InputError, match=r"annotations.xml: image a.png shape 0"):
        cvat.read(str(tmp_path))
