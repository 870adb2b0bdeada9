"""Annotations that name files outside of the data folder: refused and counted, or read by --allow-outside."""

import json

import pytest
from PIL import Image

from cityzoo.data import files
from cityzoo.data.image import load, load_images
from cityzoo.errors import InputError

ROWS = "{0},2,2,30,30,car\n"
XML = """<annotation><filename>{0}</filename><object><name>car</name><bndbox><xmin>2</xmin><ymin>2</ymin>
<xmax>30</xmax><ymax>30</ymax></bndbox></object></annotation>"""


def _coco(name):
    images = [{"id": 1, "file_name": name}, {"id": 2, "file_name": "a.png"}]
    boxes = [{"id": n, "image_id": n, "category_id": 1, "bbox": [2, 2, 28, 28]} for n in (1, 2)]
    return json.dumps({"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "car"}]})


@pytest.fixture
def data(tmp_path):
    """Return a data folder with images a and b; secret.png and other.txt lie next to it."""
    (tmp_path / "data").mkdir()
    for shade, name in enumerate(("data/a.png", "data/b.png", "secret.png")):
        Image.new("RGB", (64, 48), (99 * shade, 0, 0)).save(tmp_path / name)
    (tmp_path / "other.txt").write_text("root:x:0:0\n")
    return tmp_path / "data"


def _write_yolo(data, entry):
    (data / "data.yaml").write_text(f"train: {entry}\nval: b.png\nnames: [car]\n")


def _write_list(data, line):
    (data / "list.txt").write_text(f"a.png\n{line}\n")
    (data / "a.txt").write_text("0 .5 .5 .5 .5\n")
    (data / "val.txt").write_text("b.png\n")
    (data / "data.yaml").write_text("train: list.txt\nval: val.txt\nnames: [car]\n")


WRITE = {
    "coco": lambda data, name: (data / "x.json").write_text(_coco(name)),
    "csv": lambda data, name: (data / "x.csv").write_text(ROWS.format("a.png") + ROWS.format(name)),
    "voc": lambda data, name: [
        (data / f"{stem}.xml").write_text(XML.format(image)) for stem, image in (("a", "a.png"), ("c", name))
    ],
    "yolo": _write_list,
}


@pytest.mark.parametrize("kind", WRITE)
@pytest.mark.parametrize("place", ["up", "absolute", "link"])
def test_images_outside_are_refused_and_counted(data, kind, place):
    """By `..`, by an absolute path, and by a link in the folder."""
    secret = data.parent / "secret.png"
    (data / "link.png").symlink_to(secret)
    name = {"up": "../secret.png", "absolute": str(secret), "link": "link.png"}[place]
    if kind == "voc" and place != "link":
        pytest.skip("VOC's images are looked up by their name alone")
    WRITE[kind](data, name)
    with pytest.raises(InputError, match=r"outside of the data folder .*--allow-outside only.*: [12] \("):
        load(str(data), progress=False)
    dropped = load(str(data), labels="drop", progress=False, to_train=False)
    paths = [each.path for split in (dropped.train, dropped.val) for each in split.examples]
    assert all("secret" not in path and "link" not in path for path in paths)
    assert str(data.parent) not in json.dumps(dropped.findings.as_dict()["findings"])
    with files.allow_outside(True):
        allowed = load(str(data), progress=False, to_train=False)
    assert len(allowed.train) + len(allowed.val) >= 2
    assert allowed.findings.counts["read outside"] >= 1


@pytest.mark.parametrize("entry", ["../other.txt", "/etc/passwd", "/proc/self/environ", ".."])
def test_lists_outside_are_not_read(data, entry):
    """The lines of a file that is no list are not repeated in the message."""
    _write_yolo(data, entry)
    with pytest.raises(InputError, match="--allow-outside") as caught:
        load(str(data), progress=False)
    assert "root:" not in str(caught.value)


def test_paths_of_an_ordinary_export_are_read(data):
    """Roboflow writes ../train/images for train/images, Ultralytics the absolute path of the folder."""
    for split, name in (("train", "a"), ("valid", "b")):
        (data / split / "images").mkdir(parents=True)
        (data / split / "labels").mkdir()
        (data / f"{name}.png").rename(data / split / "images" / f"{name}.png")
        (data / split / "labels" / f"{name}.txt").write_text("0 .5 .5 .5 .5\n")
    (data / "data.yaml").write_text("train: ../train/images\nval: ../valid/images\nnames: [car]\n")
    (data.parent / "train" / "images").mkdir(parents=True)  # of another data set, next to this one
    assert len(load(str(data), progress=False).train) == 1
    (data / "data.yaml").write_text(f"path: {data}\ntrain: train/images\nval: valid/images\nnames: [car]\n")
    assert len(load(str(data), progress=False).train) == 1


def test_images_to_predict_are_confined_too(data):
    """A folder of images with a link out of it, to a file and to a folder."""
    (data / "link.png").symlink_to("../secret.png")
    (data / "up").symlink_to("..")
    with pytest.raises(InputError, match=r"outside of the data folder .*: 2 \(up, link.png\)"):
        load_images(str(data), progress=False)
    assert len(load_images(str(data), labels="drop", progress=False)) == 2
