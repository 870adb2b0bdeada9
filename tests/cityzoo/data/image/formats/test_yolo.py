import os

import numpy as np
import pytest

from cityzoo.data.image import load
from cityzoo.data.image.decode import read_image
from cityzoo.data.image.formats import yolo as reader
from cityzoo.errors import InputError

BOX = "0 0.5 0.5 0.25 0.5"  # of 64 x 48: 24, 12, 40, 36


def test_the_box_is_where_the_rectangle_was_painted(tmp_path, paint, write_lines, find_white):
    for split in ("train", "val"):
        paint(tmp_path / f"images/{split}/a.png", box=(10, 6, 30, 42))
        write_lines(tmp_path / f"labels/{split}/a.txt", f"1 {20 / 64} {24 / 48} {20 / 64} {36 / 48}")
    write_lines(
        tmp_path / "data.yaml", "train: images/train", "val: images/val", "names: {0: car, 1: bus}", "nc: 2"
    )
    data = load(str(tmp_path))
    image = data.train.examples[0]
    np.testing.assert_allclose(image.boxes_xyxy, [find_white(read_image(image.path))], atol=1e-4)
    assert image.labels.tolist() == [1]
    assert data.train.class_names == ("car", "bus")
    assert (image.size_hw, image.plain) == ((48, 64), True)


def test_data_yaml_itself_is_a_source(yolo):
    folder = yolo({"train/a": [BOX], "val/b": [BOX]})
    data = load(str(folder / "data.yaml"))
    np.testing.assert_allclose(data.val.examples[0].boxes_xyxy, [[24, 12, 40, 36]], atol=1e-4)


def test_a_polygon_becomes_its_bounding_box(yolo):
    folder = yolo({"train/a": ["0 0.25 0.5 0.5 0.25 0.75 0.75"], "val/b": [BOX]})
    np.testing.assert_allclose(load(str(folder)).train.examples[0].boxes_xyxy, [[16, 12, 48, 36]], atol=1e-4)


def test_keypoints_are_passed_over(yolo, write_lines):
    folder = yolo({"train/a": [f"{BOX} 0.1 0.1 0.9 0.9"], "val/b": [BOX]})
    write_lines(
        folder / "data.yaml", "train: train/images", "val: val/images", "names: [car]", "kpt_shape: [2, 2]"
    )
    np.testing.assert_allclose(load(str(folder)).train.examples[0].boxes_xyxy, [[24, 12, 40, 36]], atol=1e-4)


def test_a_missing_label_file_is_an_image_without_boxes(yolo):
    data = load(str(yolo({"train/a": [BOX], "train/b": None, "train/c": [], "val/d": [BOX]})))
    assert [len(each.labels) for each in data.train.examples] == [1, 0, 0]
    assert data.findings.counts["unlabelled"] == 1
    assert data.findings.first["unlabelled"] == ["train/images/b.png"]


@pytest.mark.parametrize(
    "written", ["../train/images", "./train/images", "train/images/", "/gone/../train/images"]
)
def test_paths_of_exported_data_sets_are_found(yolo, write_lines, written):
    folder = yolo({"train/a": [BOX], "val/b": [BOX]})
    write_lines(folder / "data.yaml", f"train: {written}", "val: [val/images]", "names: [car, bus]")
    if written.startswith("/"):
        with pytest.raises(InputError, match="does not exist"):
            load(str(folder))
    else:
        assert len(load(str(folder)).train) == 1


def test_images_from_a_list_file_relative_to_it(yolo, write_lines):
    folder = yolo({"train/a": [BOX], "train/b": [BOX], "val/c": [BOX]})
    write_lines(folder / "some.txt", "./train/images/a.png")
    write_lines(folder / "data.yaml", "train: some.txt", "val: val/images", "names: [car, bus]")
    assert [os.path.basename(each.path) for each in load(str(folder)).train.examples] == ["a.png"]


def test_folders_without_yaml_take_names_from_classes_txt(tmp_path, paint, write_lines):
    for name in "abcdef":
        paint(tmp_path / f"images/{name}.png")
        write_lines(tmp_path / f"labels/{name}.txt", BOX)
    with pytest.raises(InputError, match="add classes.txt"):
        load(str(tmp_path))
    write_lines(tmp_path / "classes.txt", "car", "bus")
    data = load(str(tmp_path))
    assert len(data.train) + len(data.val) == 6
    assert data.train.class_names == ("car", "bus")


def test_only_the_last_folder_called_images_turns_into_labels(tmp_path, paint, write_lines):
    root = tmp_path / "images" / "set"
    for split in ("train", "val"):
        paint(root / f"{split}/images/deep/a.png")
        write_lines(root / f"{split}/labels/deep/a.txt", BOX)
    write_lines(root / "data.yaml", "train: train/images", "val: val/images", "names: [car]")
    assert len(load(str(root)).train.examples[0].labels) == 1


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        (["train: train/images", "names: [car"], "not valid YAML"),
        (["- a"], "has no keys"),
        (["train: train/images", "val: val/images"], "no usable 'names'"),
        (["train: train/images", "val: val/images", "names: []"], "write names:"),
        (
            ["train: train/images", "val: val/images", "names: [car]", "nc: 2"],
            "nc: 2 but 1 class",
        ),
        (["names: [car]"], "keys train and val"),
        (["train: train/images", "val: gone/images", "names: [car]"], "'gone/images' does not exist"),
        (["train: train/images", "val: train/labels", "names: [car]"], "no images"),
    ],
)
def test_bad_yaml_is_one_clear_line(yolo, write_lines, yaml, message):
    folder = yolo({"train/a": [BOX], "val/b": [BOX]})
    write_lines(folder / "data.yaml", *yaml)
    with pytest.raises(InputError, match=message) as raised:
        load(str(folder / "data.yaml"))
    assert "\n" not in str(raised.value)


def test_rows_that_are_no_boxes_are_marked_with_their_line(yolo):
    rows = [BOX, "", "0 0.5 0.5 0.1", "car 0.5 0.5 0.1 0.1", "7 0.5 0.5 0.1 0.1", "0.5 0 0 1 1"]
    folder = yolo({"train/a": rows})
    boxes = reader.read(str(folder)).images[0].boxes
    assert [each.mark for each in boxes] == [":1", ":3", ":4", ":5", ":6"]
    assert [each.problem for each in boxes] == [
        "",
        "malformed",
        "malformed",
        "unknown class",
        "unknown class",
    ]
