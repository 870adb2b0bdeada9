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


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("[on, off, no, yes, 007]", ("on", "off", "no", "yes", "007")),
        ("{1: off, 0: on}", ("on", "off")),
        ('["true", null]', ("true", "null")),
    ],
)
def test_class_names_are_read_as_written(yolo, written, names):
    assert reader.read(str(yolo({"train/a": [BOX]}, names=written))).class_names == names


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("[car, bus, car]", "class 'car' stands for two ids, 0 and 2"),
        ("{0: car, 0: bus}", "key '0' stands for two entries, 'line 3 column 9' and 'line 3 column 17'"),
        ("{0: car, 00: bus}", "class id 0 stands for two names, 'car' and 'bus'"),
        ("[[car], bus]", "no usable 'names'"),
    ],
)
def test_repeated_and_nested_names_are_one_line(yolo, written, message):
    with pytest.raises(InputError, match=message):
        reader.read(str(yolo({"train/a": [BOX]}, names=written)))


@pytest.mark.parametrize("nc", ["2", "'2'", "2.0"])
def test_nc_may_be_in_quotes(yolo, write_lines, nc):
    folder = yolo({"train/a": [BOX]})
    write_lines(
        folder / "data.yaml", "train: train/images", f"nc: {nc}", "names: [car, bus]", "test:", "val: null"
    )
    assert len(reader.read(str(folder)).images) == 1


@pytest.mark.parametrize("train", ["5", "{a: b}", "[[x]]"])
def test_paths_of_another_type_are_one_line(yolo, write_lines, train):
    folder = yolo({"train/a": [BOX]})
    write_lines(folder / "data.yaml", f"train: {train}", "names: [car, bus]")
    with pytest.raises(InputError, match="'5' does not exist|is not a path"):
        reader.read(str(folder))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_are_no_part_of_names_and_labels(tmp_path, paint, encoding):
    paint(tmp_path / "images/a.png"), (tmp_path / "labels").mkdir()
    (tmp_path / "labels/a.txt").write_text(BOX, encoding)
    (tmp_path / "classes.txt").write_text("car\nbus\n", encoding)
    found = reader.read(str(tmp_path))
    assert found.class_names == ("car", "bus")
    assert found.images[0].boxes == (((0.5, 0.5, 0.25, 0.5), "car", ":1", ""),)


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("images/train/a.png", "images/train/a.txt"),
        ("images/train/a.png", "Labels/train/a.txt"),
        ("Images/train/a.png", "labels/Train/a.txt"),
        ("images/train/A.PNG", "labels/train/a.TXT"),
        ("images/train/a.png", "label/train/A.txt"),
        ("a.png", "a.txt"),
        ("deep/a.JPG", "deep/labels/a.txt"),
    ],
)
def test_labels_are_found_next_to_images_and_in_any_case(tmp_path, paint, write_lines, image, label):
    paint(tmp_path / image), write_lines(tmp_path / label, BOX), write_lines(tmp_path / "classes.txt", "car")
    assert reader.matches(str(tmp_path))
    (found,) = reader.read(str(tmp_path)).images
    assert (found.source, len(found.boxes), found.remarks) == (str(tmp_path / label), 1, ())


def test_export_of_darknet_and_cvat(tmp_path, paint, write_lines):
    pairs = [
        "classes = 2",
        "train = data/train.txt",
        "valid = data/valid.txt",
        "names = data/obj.names",
        "backup = b/",
    ]
    write_lines(tmp_path / "obj.data", *pairs)
    write_lines(tmp_path / "obj.names", "car", "bus")
    for split, stem in {"train": "a", "valid": "b"}.items():
        paint(tmp_path / f"obj_{split}_data/{stem}.PNG")
        write_lines(tmp_path / f"obj_{split}_data/{stem}.txt", BOX)
        write_lines(tmp_path / f"{split}.txt", f"data/obj_{split}_data/{stem}.PNG")
    found = reader.read(str(tmp_path))
    assert found.class_names == ("car", "bus")
    assert [(image.split, image.path, len(image.boxes)) for image in found.images] == [
        ("train", str(tmp_path / "obj_train_data/a.PNG"), 1),
        ("val", str(tmp_path / "obj_valid_data/b.PNG"), 1),
    ]
    write_lines(tmp_path / "obj.names", "car")
    with pytest.raises(InputError, match="nc: 2 but 1 class names"):
        reader.read(str(tmp_path))


def test_labels_without_class_names_are_one_line(tmp_path, paint, write_lines):
    for split in ("train", "valid"):  # Roboflow's layout without data.yaml
        paint(tmp_path / split / "images/a.png"), write_lines(tmp_path / split / "labels/a.txt", BOX)
    with pytest.raises(InputError, match="has YOLO labels but no class names: add classes.txt"):
        load(str(tmp_path))
    write_lines(tmp_path / "classes.txt", "car")
    data = load(str(tmp_path))
    assert (len(data.train), len(data.val)) == (1, 1)
    write_lines(tmp_path / "train/labels/classes.txt", "bus")
    with pytest.raises(InputError, match="list different classes"):
        load(str(tmp_path))


@pytest.mark.parametrize(
    ("lines", "message"),
    [(["car", "", "bus"], ":2: an empty line"), (["car", "car"], "class 'car' stands for two ids")],
)
def test_class_lists_that_shift_or_merge_ids_are_refused(tmp_path, paint, write_lines, lines, message):
    paint(tmp_path / "images/a.png"), write_lines(tmp_path / "labels/a.txt", BOX)
    write_lines(tmp_path / "classes.txt", *lines)
    with pytest.raises(InputError, match=message):
        reader.read(str(tmp_path))


def test_unreadable_label_files_are_counted(yolo):
    folder = yolo({"train/a": [BOX], "train/b": [BOX], "train/c": [], "val/d": [BOX]})
    (folder / "train/labels/b.txt").unlink(), (folder / "train/labels/b.txt").mkdir()
    (folder / "train/labels/c.txt").write_bytes(b"\0\1")
    with pytest.raises(InputError, match=r"unreadable label file: 2 \(train/images/b.png .*--bad-boxes drop"):
        load(str(folder))
    data = load(str(folder), labels="drop")
    assert (len(data.train), data.findings.counts["unreadable label"]) == (1, 2)


def test_class_names_in_another_encoding_are_one_line(tmp_path, paint, write_lines):
    paint(tmp_path / "images/a.png"), write_lines(tmp_path / "labels/a.txt", BOX)
    (tmp_path / "classes.txt").write_text("car\n公交车\n", "gb2312")
    with pytest.raises(InputError, match="classes.txt.*:2: not in UTF-8"):
        reader.read(str(tmp_path))
