from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cityzoo.data.image import load
from cityzoo.data.image.export import write_coco, write_yolo


@pytest.fixture
def dataset(tmp_path, paint, write_lines):
    """Awkward numbers, an empty image, an EXIF-rotated one, and two images of one name."""
    random = np.random.default_rng(3)
    rows = []
    for name in ("one/a.png", "two/a.jpg", "b.jpg", "c.png", "d.png", "e.jpg"):
        exif = Image.Exif()
        exif[0x0112] = 6 if name == "b.jpg" else 1
        paint(tmp_path / "in" / name, (67, 71), exif=exif)
        rows += [f"{name},,,,,"] if name == "d.png" else []
        for label in ("bus", "car", "car") if name != "d.png" else ():
            x, y, w, h = random.uniform(0.001, 33, 4)
            rows.append(f"{name},{x},{y},{x + w},{y + h},{label}")
    write_lines(tmp_path / "in" / "roads.csv", *rows)
    return load(str(tmp_path / "in"), val_fraction=0.4)


@pytest.mark.parametrize("write", [write_yolo, write_coco])
def test_what_is_written_is_read_back_the_same(dataset, tmp_path, write):
    back = load(str(write(dataset, tmp_path / "out")))
    for before, after in ((dataset.train, back.train), (dataset.val, back.val)):
        assert after.class_names == before.class_names
        assert len(after) == len(before)
        found = {Path(each.path).read_bytes(): each for each in after.examples}
        assert len(found) == len(before)
        for image in before.examples:
            twin = found[Path(image.path).read_bytes()]
            assert (twin.size_hw, twin.plain) == (image.size_hw, image.plain)
            np.testing.assert_array_equal(twin.boxes_xyxy, image.boxes_xyxy)
            np.testing.assert_array_equal(twin.labels, image.labels)


@pytest.mark.parametrize("write", [write_yolo, write_coco])
def test_nothing_is_overwritten(dataset, tmp_path, write):
    write(dataset, tmp_path / "out")
    with pytest.raises(FileExistsError, match="give an empty folder"):
        write(dataset, tmp_path / "out")
