import numpy as np
import pytest

from cityzoo.data.image import load
from cityzoo.errors import InputError


@pytest.fixture
def images(tmp_path, paint):
    for name in "abcdef":
        paint(tmp_path / f"img/{name}.png")
    return tmp_path


def test_rows_of_one_image_are_gathered(images, write_lines):
    rows = [
        "img/a.png,1,2,30,40,car",
        "img/b.png,,,,,",
        "img/a.png,5,6.5,7,8,bus",
        '"img/c.png",0,0,64,48,car',
    ]
    write_lines(images / "train.csv", *rows)
    write_lines(images / "val.csv", "img/d.png,1,2,3,4,car")
    data = load(str(images))
    first, second, third = data.train.examples
    np.testing.assert_allclose(first.boxes_xyxy, [[1, 2, 30, 40], [5, 6.5, 7, 8]])
    assert first.labels.tolist() == [1, 0]  # alphabetical: bus, car
    assert len(second.labels) == 0
    assert third.boxes_xyxy.tolist() == [[0, 0, 64, 48]]
    assert len(data.val) == 1


def test_the_class_mapping_gives_the_order(images, write_lines):
    path = write_lines(images / "roads.csv", *[f"img/{name}.png,1,2,30,40,car" for name in "abcdef"])
    write_lines(images / "classes.csv", "truck,2", "car,0", "bus,1")
    assert load(str(path)).train.class_names == ("car", "bus", "truck")


def test_a_class_that_the_mapping_lacks(images, write_lines):
    write_lines(images / "roads.csv", "img/a.png,1,2,30,40,car", "img/b.png,1,2,30,40,lorry")
    write_lines(images / "classes.csv", "car,0")
    with pytest.raises(
        InputError, match=r"boxes with a class .*: 1 \(roads.csv:2 \(class 'lorry'\)\); .*--bad-boxes drop"
    ):
        load(str(images))


def test_a_header_is_passed_over(images, write_lines):
    rows = [f"img/{name}.png,1,2,30,40,car" for name in "abcdef"]
    data = load(str(write_lines(images / "roads.csv", "path,x1,y1,x2,y2,class_name", *rows)))
    assert len(data.train) + len(data.val) == 6


def test_rows_that_are_no_boxes_are_named_with_their_line(images, write_lines):
    rows = [
        "img/a.png,1,2,30,40,car",
        "img/b.png,1,x,30,40,car",
        "img/c.png,1,2,30,40,",
        "img/d.png,1,2,3,car",
    ]
    write_lines(images / "roads.csv", *rows)
    with pytest.raises(InputError, match="3 of 4 boxes are bad .*malformed boxes: 3 .roads.csv:") as raised:
        load(str(images))
    assert all(f"roads.csv:{line}" in str(raised.value) for line in (2, 3, 4))


def test_a_table_of_something_else_is_refused(tmp_path, write_lines):
    path = write_lines(tmp_path / "speed.csv", "a,b,c", "1,2,3")
    with pytest.raises(InputError, match="not an annotation file; expected YOLO"):
        load(str(path))
    with pytest.raises(InputError, match="no annotations.*format box_csv"):
        load(str(path), format="box_csv")


def test_a_bad_class_id_is_named_with_its_line(images, write_lines):
    write_lines(images / "roads.csv", "img/a.png,1,2,30,40,car")
    write_lines(images / "classes.csv", "car,0", "bus,1", "van,x")
    with pytest.raises(InputError, match="classes.csv:3: 'van,x'.*class_name,id"):
        load(str(images))
