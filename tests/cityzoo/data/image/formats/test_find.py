"""Finding the format of what lies at --data, and the errors when nothing fits."""

import json

import pytest

from cityzoo.data.image import formats, load
from cityzoo.errors import InputError, NoAnnotations

COCO = json.dumps({"images": [], "annotations": [], "categories": []})


def test_the_folder_is_the_registry():
    assert formats.names() == (
        "box_csv",
        "class_folders",
        "coco",
        "cvat",
        "kitti",
        "label_csv",
        "plain_frames",
        "tfds",
        "voc",
        "yolo",
    )
    assert "plain_frames" not in formats.detectable()


def test_each_format_knows_its_own_alone(tmp_path, write_lines, paint):
    write_lines(tmp_path / "yolo/data.yaml", "names: [car]")
    write_lines(tmp_path / "coco/x.json", COCO)
    write_lines(tmp_path / "voc/a.xml", "<annotation>", "</annotation>")
    write_lines(tmp_path / "box_csv/x.csv", "a.jpg,1,2,3,4,car")
    write_lines(tmp_path / "label_csv/x.csv", "path,label", "a.jpg,car")
    for name in ("yolo", "coco", "voc", "box_csv", "label_csv"):
        paint(tmp_path / name / "roads/a.jpg")  # which alone would be a class folder
        assert formats.find(str(tmp_path / name))[0] == name
    paint(tmp_path / "class_folders/fire/a.jpg")
    assert formats.find(str(tmp_path / "class_folders"))[0] == "class_folders"
    assert formats.find("tfds:voc/2007")[0] == "tfds"


def test_mixed_formats_must_be_named(tmp_path, write_lines):
    write_lines(tmp_path / "data.yaml", "names: [car]")
    write_lines(tmp_path / "x.json", COCO)
    with pytest.raises(InputError, match="coco and yolo.*--format coco"):
        load(str(tmp_path))
    assert formats.find(str(tmp_path), "yolo")[0] == "yolo"


def test_what_cannot_be_a_data_set_is_one_clear_line(tmp_path, paint, write_lines):
    (tmp_path / "empty").mkdir()
    paint(tmp_path / "roads/a.png")
    write_lines(tmp_path / "notes/a.txt", "x")
    (tmp_path / "nil.csv").touch()
    cases = {
        "road": "did you mean '.*roads'",
        "entirely else": "does not exist: give a folder or file",
        "empty": "is an empty folder",
        "nil.csv": "is an empty file",
        "roads": "images but no annotations; expected YOLO",
        "roads/a.png": "is an image without annotations",
        "notes": "no annotations",
        "notes/a.txt": "not an annotation file",
    }
    for name, message in cases.items():
        with pytest.raises(InputError, match=message) as raised:
            load(str(tmp_path / name))
        assert "\n" not in str(raised.value)


def test_an_unknown_or_wrong_format(tmp_path, paint):
    with pytest.raises(InputError, match="unknown format 'yol': did you mean 'yolo'"):
        load(str(tmp_path), format="yol")
    paint(tmp_path / "a.png")
    for name in ("coco", "box_csv", "voc", "yolo", "tfds", "class_folders", "label_csv"):
        with pytest.raises(InputError) as raised:
            load(str(tmp_path), format=name)
        assert "\n" not in str(raised.value)


def test_a_fallback_is_taken_where_nothing_else_fits(tmp_path, paint, write_lines):
    paint(tmp_path / "a.png")
    with pytest.raises(InputError, match="images but no annotations"):
        formats.find(str(tmp_path))
    assert formats.find(str(tmp_path), fallback="plain_frames")[0] == "plain_frames"
    assert formats.find(str(tmp_path), "plain_frames")[0] == "plain_frames"
    write_lines(tmp_path / "data.yaml", "names: [car]")
    assert formats.find(str(tmp_path), fallback="plain_frames")[0] == "yolo"


@pytest.mark.parametrize(
    ("old", "new"),
    [("csv", "box_csv"), ("folders", "class_folders"), ("frames", "plain_frames"), ("labels", "label_csv")],
)
def test_old_names_still_work_with_a_warning(tmp_path, paint, write_lines, caplog, old, new):
    paint(tmp_path / "fire/a.jpg")
    write_lines(tmp_path / "boxes.csv", "fire/a.jpg,1,2,3,4,car")
    write_lines(tmp_path / "labels.csv", "path,label", "fire/a.jpg,fire")
    if old == "folders":
        (tmp_path / "boxes.csv").unlink(), (tmp_path / "labels.csv").unlink()
    assert formats.find(str(tmp_path), old)[0] == new
    (record,) = caplog.records
    assert (
        record.levelname == "WARNING" and f"--format {new}" in record.message and "\n" not in record.message
    )


@pytest.mark.parametrize(
    "name", ["a.txt", "a.xml", "labels.json", "annotations.csv", "data.yaml", "classes.txt", "x.csv"]
)
def test_labels_in_no_known_format_are_named_rather_than_taken_for_none(tmp_path, paint, write_lines, name):
    paint(tmp_path / "a.png")
    with pytest.raises(NoAnnotations):
        formats.find(str(tmp_path))
    write_lines(tmp_path / name, "x y; a.png")
    with pytest.raises(InputError, match=f"'{name}' is in no known format|data.yaml has no keys") as raised:
        formats.read(str(tmp_path))
    assert not isinstance(raised.value, NoAnnotations)
