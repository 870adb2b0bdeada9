"""The whole way from a path to checked images, and everything that stops it."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from cityzoo.data.image import has_val_split, image_info, load, load_images
from cityzoo.errors import InputError

BOX = "0 0.5 0.5 0.25 0.5"  # of 64 x 48: 24, 12, 40, 36


def _many(count, line=BOX, split="train"):
    return {f"{split}/{number}": [line] for number in range(count)}


def test_classes_pick_order_and_map(yolo):
    labels = {"train/a": ["0 0.5 0.5 0.2 0.2", "1 0.5 0.5 0.3 0.3", "2 0.5 0.5 0.4 0.4"], "val/b": [BOX]}
    folder = str(yolo(labels, names="[car, bus, person]"))
    data = load(folder, classes=["bus", "car"], class_map={"person": "ignore"})
    assert data.train.class_names == ("bus", "car")
    assert data.train.examples[0].labels.tolist() == [1, 0]
    assert data.findings.counts["ignored class"] == 1
    data = load(folder, classes=["bus"])
    assert data.findings.counts["other class"] == 3
    assert data.findings.counts["no boxes in val"] == 1
    with pytest.raises(InputError, match="unknown class in --classes 'cra': did you mean 'car'"):
        load(folder, classes=["cra"])
    with pytest.raises(InputError, match="unknown class in --class-map 'buss': did you mean 'bus'"):
        load(folder, class_map={"buss": "car"})


def test_no_box_left_to_train_on(yolo):
    folder = str(yolo({"train/a": [BOX], "val/b": [BOX]}))
    with pytest.raises(InputError, match="bus"):
        load(folder, classes=["bus"])


def test_bad_boxes_of_classes_not_asked_for_do_not_count(yolo):
    labels = {"train/a": [BOX, "1 9 9 9 9", "1 nan 0 0 0"], "val/b": [BOX]}
    assert load(str(yolo(labels)), classes=["car"]).findings.counts["not finite"] == 0


def test_an_image_in_both_splits_is_said(yolo):
    folder = yolo(_many(3) | {"val/v": [BOX]})
    (folder / "val/images/v.png").write_bytes((folder / "train/images/1.png").read_bytes())
    data = load(str(folder))
    assert data.findings.first["duplicate"] == ["val/images/v.png = train/images/1.png"]


def test_kinds_of_images_are_counted(yolo):
    folder = yolo(_many(4) | {"val/v": [BOX]})
    for number, mode in enumerate(("L", "RGBA", "I;16")):
        Image.new(mode, (64, 48), 200).save(folder / f"train/images/{number}.png")
    Image.new("CMYK", (64, 48)).save(folder / "train/images/3.png", format="JPEG")
    counts = load(str(folder)).findings.counts
    assert [counts[kind] for kind in ("grey", "alpha", "16-bit", "cmyk")] == [2, 1, 1, 1]


def test_a_split_is_made_where_none_is_brought(yolo):
    folder = yolo(_many(40))
    data, again = load(str(folder)), load(str(folder))
    paths = [[each.path for each in side.examples] for side in (data.train, data.val)]
    assert paths == [[each.path for each in side.examples] for side in (again.train, again.val)]
    assert len(data.train) + len(data.val) == 40
    assert 2 <= len(data.val) <= 16
    assert len(load(str(folder), val_fraction=0.5).val) > len(data.val)
    with pytest.raises(InputError, match="--val-fraction.*got 1.5"):
        load(str(folder), val_fraction=1.5)


def test_one_image_cannot_be_split(yolo):
    with pytest.raises(InputError, match="one image cannot be split"):
        load(str(yolo(_many(1))))


def test_test_images_are_left_alone(yolo):
    data = load(str(yolo(_many(3) | {"val/v": [BOX]} | {"test/t": [BOX], "test/u": [BOX]})))
    assert (len(data.train), len(data.val), data.findings.counts["test split"]) == (3, 1, 2)


def test_val_from_another_source(yolo, tmp_path):
    train = yolo({"train/a": [BOX], "val/b": [BOX]})
    other = yolo(_many(3, "0 0.5 0.5 0.5 0.5"), names="[bus, tree]", folder=tmp_path / "other")
    data = load(str(train), val=str(other))
    assert (len(data.train), len(data.val)) == (1, 3)
    assert data.val.examples[0].labels.tolist() == [1]  # bus by name, not by number


def test_a_class_that_only_val_knows(yolo, tmp_path):
    train = str(yolo({"train/a": [BOX], "val/b": [BOX]}))
    other = str(yolo({"val/c": [BOX, "1 0.5 0.5 0.1 0.1"]}, names="[car, tree]", folder=tmp_path / "other"))
    with pytest.raises(InputError, match="class 'tree'"):
        load(train, val=other)
    assert load(train, val=other, classes=["car"]).findings.counts["other class"] == 1


def test_a_limit_keeps_the_first_of_each_split_by_hash(yolo, monkeypatch):
    folder = yolo(_many(30) | _many(20, split="val"))
    opened = []
    original = image_info.open_image
    monkeypatch.setattr(image_info, "open_image", lambda path: opened.append(path) or original(path))
    data = load(str(folder), limit=5)
    assert (len(data.train), len(data.val), len(opened)) == (5, 5, 10)
    more = load(str(folder), limit=8)
    assert {each.path for each in data.train.examples} < {each.path for each in more.train.examples}
    with pytest.raises(InputError, match="--limit.*got 0"):
        load(str(folder), limit=0)


@pytest.mark.parametrize(("name", "flag"), [("labels", "--bad-boxes"), ("exif", "--exif")])
def test_unknown_values_of_flags(tmp_path, name, flag):
    with pytest.raises(InputError, match=f"unknown value of {flag} 'clup'"):
        load(str(tmp_path), **{name: "clup"})


def test_load_images_of_a_folder_or_one(tmp_path, paint):
    for name in ("b/c.png", "a.jpg"):
        paint(tmp_path / name)
    (tmp_path / "notes.txt").write_text("x")
    found = load_images(str(tmp_path))
    assert [each.path for each in found.examples] == [str(tmp_path / "a.jpg"), str(tmp_path / "b/c.png")]
    assert (found.split, found.class_names, found.examples[0].size_hw) == ("predict", (), (48, 64))
    assert len(load_images(str(tmp_path / "a.jpg"))) == 1
    assert len(load_images(str(tmp_path), limit=1)) == 1


def test_load_images_with_a_corrupt_one(tmp_path, paint, caplog):
    paint(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_bytes(b"nothing")
    with pytest.raises(
        InputError, match=r"unreadable images: 1 \(b.jpg \(not an image\)\).*--bad-boxes drop"
    ):
        load_images(str(tmp_path))
    assert len(load_images(str(tmp_path), labels="drop")) == 1
    assert "b.jpg (not an image)" in caplog.text
    with pytest.raises(InputError, match="b.jpg"):
        load_images(str(tmp_path / "b.jpg"), labels="drop")


def test_load_images_of_nothing(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_images(str(tmp_path / "x"))
    with pytest.raises(InputError, match="no images"):
        load_images(str(tmp_path))
    (tmp_path / "x.txt").write_text("x")
    with pytest.raises(InputError, match="is not an image"):
        load_images(str(tmp_path / "x.txt"))


def test_reading_annotations_imports_no_tensorflow():
    code = "import sys, cityzoo.data.image, cityzoo.data.image.export; cityzoo.data.image.formats.find('tfds:x'); "
    code += "sys.exit(bool({'tensorflow', 'keras', 'tensorflow_datasets'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture
def classes(tmp_path, paint):
    """Return a function that paints images for each split_class and returns the folder."""

    def write(**counts):
        for folder, count in counts.items():
            for number in range(count):
                paint(tmp_path / "set" / folder.replace("_", "/") / f"{folder}{chr(97 + number)}.png")
        return str(tmp_path / "set")

    return write


def test_targets_are_over_the_classes_kept(classes):
    folder = classes(train_bus=2, train_car=2, train_van=1, val_bus=1, val_van=1)
    data = load(folder, wants="labels")
    assert data.labeled and data.train.class_names == ("bus", "car", "van")
    assert [each.target.tolist() for each in data.val.examples] == [[1, 0, 0], [0, 0, 1]]
    assert data.train.examples[0].target.dtype == np.float32
    assert "train: 5 images (0 without labels), labels: bus 2, car 2, van 1" in data.findings.text()
    assert data.findings.first["absent in val"] == ["car"]
    data = load(folder, wants="either", classes=["car", "bus"], class_map={"van": "car"})
    assert [each.target.tolist() for each in data.val.examples] == [[0, 1], [1, 0]]
    data = load(folder, wants="labels", class_map={"van": "ignore"})
    assert (len(data.train), len(data.val), data.findings.counts["class left out"]) == (4, 1, 2)
    data = load(folder, wants="labels", classes=["bus", "car"])
    assert (len(data.train), len(data.val), data.findings.counts["class left out"]) == (4, 1, 2)
    with pytest.raises(InputError, match="unknown class in --classes 'cra'"):
        load(folder, wants="labels", classes=["cra"])


def test_one_of_two_classes_left_out_keeps_the_image(tmp_path, paint, write_lines):
    for name in "abcd":
        paint(tmp_path / f"{name}.png")
    rows = ["a.png,fire+smoke,train", "b.png,smoke,train", "c.png,,val", "d.png,fire,val"]
    path = str(write_lines(tmp_path / "x.csv", "path,label,split", *rows))
    data = load(path, wants="labels", class_map={"smoke": "ignore"})
    assert [each.target.tolist() for each in data.train.examples] == [[1]]
    assert [each.target.tolist() for each in data.val.examples] == [[0], [1]]


def test_what_is_wanted_decides_between_boxes_and_labels(classes, yolo):
    boxes, labels = str(yolo(_many(3) | {"val/v": [BOX]})), classes(train_bus=1, train_car=1, val_car=1)
    with pytest.raises(InputError, match="vehicle_classify, incident_classify, traffic_state") as raised:
        load(labels)
    assert "\n" not in str(raised.value)
    with pytest.raises(InputError, match="no labels of whole images.*path,label"):
        load(boxes, wants="labels")
    for wants in ("either", "frames"):
        assert load(labels, wants=wants).labeled
        found = load(boxes, wants=wants)
        assert not found.labeled and len(found.train.examples[0].labels) == 1
    with pytest.raises(InputError, match="unknown value of wants 'all'"):
        load(boxes, wants="all")
    with pytest.raises(InputError, match="no labels of whole images"):
        load(labels, val=boxes, wants="either")
    assert has_val_split(labels) and has_val_split(boxes)


def test_a_class_without_an_image_in_train_is_named(classes):
    folder = classes(train_bus=2, val_bus=1, val_car=1)
    with pytest.raises(InputError, match="no image of the class car in the train split .*--classes bus"):
        load(folder, wants="labels")
    assert len(load(folder, wants="labels", classes=["bus"]).val) == 1
    assert load(folder, wants="frames").val.class_names == (
        "bus",
        "car",
    )  # to learn what is normal, bus will do


def test_labels_of_a_val_elsewhere(classes, tmp_path, paint):
    folder = classes(train_bus=2, train_car=1)
    paint(tmp_path / "other/bus/z.png")
    assert load(folder, val=str(tmp_path / "other"), wants="labels").val.examples[0].target.tolist() == [1, 0]
    paint(tmp_path / "other/tram/y.png")
    with pytest.raises(
        InputError, match=r"class that is not in the class list: 1 \(.*\(class 'tram'\)\); .*drop"
    ):
        load(folder, val=str(tmp_path / "other"), wants="labels")
    assert len(load(folder, val=str(tmp_path / "other"), wants="labels", labels="drop").val) == 1
    asked = load(folder, val=str(tmp_path / "other"), wants="labels", classes=["bus", "car"])
    assert asked.findings.counts["class left out"] == 1


def test_no_label_of_the_classes_in_val(classes):
    with pytest.raises(InputError, match="val split .* no image that can be used.*label of the classes"):
        load(classes(train_bus=2, val_car=1), wants="labels", classes=["bus"])


def test_whole_scenes_are_kept_together(yolo):
    labels = {f"train/cam{camera}_{frame}": [BOX] for camera in range(8) for frame in range(4)}
    data = load(str(yolo(labels)), split_by="scene")
    scenes = [{each.scene for each in side.examples} for side in (data.train, data.val)]
    assert not scenes[0] & scenes[1] and scenes[0] | scenes[1] == {f"cam{camera}" for camera in range(8)}
    assert data.findings.counts["scene on both sides"] == 0
    with pytest.raises(InputError, match="unknown value of --split-by 'scenes': did you mean 'scene'"):
        load(str(yolo(labels)), split_by="scenes")


def test_one_scene_cannot_be_split_by_scene(yolo):
    with pytest.raises(InputError, match=r"all 4 images are of one scene \('cam1'\)"):
        load(str(yolo({f"train/cam1_{frame}": [BOX] for frame in range(4)})), split_by="scene")


def test_scenes_that_the_datas_own_split_parts_are_said(yolo):
    folder = str(
        yolo({"train/cam1_1": [BOX], "train/cam2_1": [BOX], "val/cam1_2": [BOX], "val/cam1_3": [BOX]})
    )
    assert load(folder, split_by="scene").findings.first["scene on both sides"] == ["cam1"]
    assert load(folder).findings.counts["scene on both sides"] == 0


def test_images_that_look_alike_are_said(yolo):
    folder = yolo(_many(3) | {"val/v": [BOX]})
    noise = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    photo = Image.fromarray(noise).resize((640, 480), Image.Resampling.BICUBIC)
    photo.save(folder / "train/images/1.png")
    photo.resize((320, 240)).save(folder / "val/images/v.png")
    findings = load(str(folder)).findings
    assert findings.first["near duplicate"] == ["val/images/v.png ~ train/images/1.png"]
    assert "--split-by scene): 1 (val/images/v.png" in findings.text()
    assert findings.counts["duplicate"] == 0


def test_numbered_files_in_class_folders_are_split_by_file(tmp_path, paint):
    for name in ("fire", "normal"):
        for number in range(6):
            paint(tmp_path / name / f"{number:04d}.png")
    with pytest.raises(InputError, match=r"no image of the class (fire|normal) in .*--split-by file"):
        load(str(tmp_path), wants="labels", split_by="scene")
    assert len(load(str(tmp_path), wants="labels", val_fraction=0.4).train)
    assert not has_val_split(str(tmp_path))


def test_sources_without_annotations_bring_no_val(tmp_path, paint):
    paint(tmp_path / "cam/a.png")
    assert not has_val_split(str(tmp_path / "cam"))
    paint(tmp_path / "cam/train/a.png"), paint(tmp_path / "cam/val/a.png")
    assert has_val_split(str(tmp_path / "cam"))
    with pytest.raises(InputError, match="does not exist"):
        has_val_split(str(tmp_path / "gone"))


def test_a_class_that_only_val_has_is_reported(yolo):
    findings = load(str(yolo({"train/a": ["0 .5 .5 .2 .2"], "val/b": ["1 .5 .5 .2 .2"]}))).findings
    assert findings.first["absent in train"] == ["bus"] and not findings.counts["absent class"]


def test_labels_that_are_not_found_are_named(yolo):
    with pytest.raises(
        InputError, match="without a label file .*: 2 .train/images/a.png, .*looked for next to them"
    ):
        load(str(yolo({"train/a": None, "val/b": None})))
