"""Whatever lies in a source and is not used is counted, with its place."""

import json

import pytest

from cityzoo import tasks
from cityzoo.data.image import load
from cityzoo.errors import InputError
from cityzoo.fit.fine_tune import load_task_data

BOX = "0 0.5 0.5 0.25 0.5"
UNUSED = ("unlisted image", "orphan label", "other file", "absent class")


def _unused(findings):
    return {kind: findings.first[kind] for kind in UNUSED if findings.counts[kind]}


def test_everything_is_used_in_a_clean_data_set(yolo, write_lines):
    folder = yolo({"train/a": [BOX, BOX.replace("0", "1", 1)], "train/b": None, "val/c": [BOX]})
    write_lines(folder / "README.dataset.txt", "x"), write_lines(folder / "train/labels.cache", "x")
    write_lines(folder / ".hidden", "x"), write_lines(folder / "LICENSE", "x")
    findings = load(str(folder)).findings
    assert _unused(findings) == {}
    findings.require_all_used()


def test_yolo(yolo, paint, write_lines):
    folder = yolo({"train/a": [BOX], "val/b": [BOX]})
    write_lines(folder / "train/labels/gone.txt", BOX)
    paint(folder / "spare/c.png"), write_lines(folder / "notes.json", "{}")
    findings = load(str(folder)).findings
    assert _unused(findings) == {
        "unlisted image": ["spare/c.png"],
        "orphan label": ["train/labels/gone.txt"],
        "other file": ["notes.json"],
        "absent class": ["bus"],
    }
    with pytest.raises(InputError, match="--strict.*spare/c.png.*gone.txt.*notes.json.*bus") as raised:
        findings.require_all_used()
    assert "\n" not in str(raised.value)


def test_strict_is_a_flag_of_every_task(yolo, write_lines):
    folder = yolo({"train/a": [BOX], "val/b": [BOX]}, names="[car]")
    for task in ("vehicle_detect", "traffic_flow"):
        assert tasks.find(task).make_spec({"strict": True}).run.strict
    spec = tasks.find("vehicle_detect").make_spec({"data": str(folder), "strict": True})
    assert len(load_task_data(spec)[1].train) == 1
    write_lines(folder / "train/labels/gone.txt", BOX)
    with pytest.raises(InputError, match="--strict.*label files without an image.*1 .train/labels/gone.txt"):
        load_task_data(spec)


def test_coco(tmp_path, paint):
    for name in "abc":
        paint(tmp_path / f"images/{name}.png")
    records = [{"id": number, "file_name": f"{name}.png"} for number, name in enumerate("ab")]
    boxes = [{"image_id": number, "category_id": 1, "bbox": [1, 1, 9, 9]} for number in (0, 1)]
    categories = [{"id": 1, "name": "car"}]
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"images": records, "annotations": boxes, "categories": categories}))
    (tmp_path / "captions_x.json").write_text('{"images": [], "annotations": []}')
    assert _unused(load(str(tmp_path)).findings) == {
        "unlisted image": ["images/c.png"],
        "other file": ["captions_x.json"],
    }
    # Of one file, only images next to its own are missed.
    assert [place[-5:] for place in _unused(load(str(path)).findings)["unlisted image"]] == ["c.png"]


def test_voc_and_kitti(tmp_path, paint, write_lines):
    box = "<xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax>"
    xml = f"<annotation><object><name>car</name><bndbox>{box}</bndbox>"
    for name in "abc":
        paint(tmp_path / f"voc/JPEGImages/{name}.png")
        write_lines(tmp_path / f"voc/Annotations/{name}.xml", f"{xml}</object></annotation>")
    (
        write_lines(tmp_path / "voc/ImageSets/Main/train.txt", "a"),
        write_lines(tmp_path / "voc/ImageSets/Main/val.txt", "b"),
    )
    assert _unused(load(str(tmp_path / "voc")).findings) == {
        "unlisted image": ["JPEGImages/c.png"],
        "orphan label": ["Annotations/c.xml"],
    }
    for name in "ab":
        paint(tmp_path / f"kitti/training/image_2/{name}.png")
        write_lines(tmp_path / f"kitti/training/label_2/{name}.txt", "Car 0 0 1 1 1 9 9 1 1 3 1 1 9 0")
    paint(tmp_path / "kitti/testing/image_2/c.png"), write_lines(tmp_path / "kitti/training/label_2/d.txt")
    assert _unused(load(str(tmp_path / "kitti")).findings) == {
        "unlisted image": ["testing/image_2/c.png"],
        "orphan label": ["training/label_2/d.txt"],
    }


def test_csv_and_class_folders(tmp_path, paint, write_lines):
    for name in "abc":
        paint(tmp_path / f"csv/{name}.png")
    rows = [f"{name}.png,1,1,9,9,car" for name in "ab"]
    write_lines(tmp_path / "csv/boxes.csv", "path,x1,y1,x2,y2,class", *rows)
    write_lines(tmp_path / "csv/classes.csv", "car,0", "bus,1")
    for source in ("csv", "csv/boxes.csv"):
        assert _unused(load(str(tmp_path / source)).findings) == {
            "unlisted image": ["c.png"],
            "absent class": ["bus"],
        }
    for number in range(4):
        paint(tmp_path / f"folders/{('fire', 'normal')[number % 2]}/{number}.png")
    write_lines(tmp_path / "folders/fire/x.txt", "x"), (tmp_path / "folders/smoke").mkdir()
    findings = load(str(tmp_path / "folders"), wants="labels", to_train=False).findings
    assert _unused(findings) == {"other file": ["fire/x.txt"], "absent class": ["smoke"]}


def test_splits_that_are_replaced(yolo, tmp_path):
    own = yolo({"train/a": [BOX], "val/b": [BOX]}, names="[car]")
    other = yolo({"train/c": [BOX], "val/d": [BOX]}, names="[car]", folder=tmp_path / "other")
    findings = load(str(own), val=str(other)).findings
    assert findings.counts["other split"] == 1
    with pytest.raises(InputError, match="val split of --data, which --val replaces"):
        findings.require_all_used()
