import shutil

import pytest
from PIL import Image

from cityzoo.data.image import load
from cityzoo.data.image.image_files import images_under, is_image


@pytest.mark.parametrize("name", ["a.jfif", "a.JPG_Large", "a.avif", "a.bin", "a", "a.jpg.1", "a.j2k"])
def test_what_begins_like_an_image_is_one(tmp_path, name):
    kind = {"avif": "AVIF", "j2k": "JPEG2000", "bin": "PNG"}.get(name.rpartition(".")[2], "JPEG")
    Image.new("RGB", (16, 16), (200, 30, 30)).save(tmp_path / name, format=kind)
    (
        (tmp_path / "b.txt").write_text("x"),
        (tmp_path / "c.bin").write_bytes(b"BMx"),
        (tmp_path / ".d.jpg").touch(),
    )
    assert images_under(tmp_path) == [tmp_path / name]
    assert is_image(tmp_path / name)


def test_images_of_rare_suffixes_are_read_with_their_labels(yolo, paint):
    folder = yolo({"train/a": ["0 .5 .5 .2 .2"], "train/b": ["1 .5 .5 .2 .2"], "val/c": ["0 .5 .5 .2 .2"]})
    shutil.move(paint(folder / "train/images/b.jpg"), folder / "train/images/b.jfif")
    (folder / "train/images/b.png").unlink()
    data = load(str(folder))
    assert data.findings.splits["train"]["boxes"] == {"car": 1, "bus": 1}
