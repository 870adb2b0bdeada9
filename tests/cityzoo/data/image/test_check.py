"""The data check on whole data sets: turned boxes, bad ones, bad images, and --bad-boxes."""

import numpy as np
import pytest
from PIL import Image

from cityzoo.data.image import load
from cityzoo.data.image.decode import read_image
from cityzoo.errors import InputError

BOX = "0 0.5 0.5 0.25 0.5"  # of 64 x 48: 24, 12, 40, 36


def _many(count):
    return {f"train/{number}": [BOX] for number in range(count)}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("way", ["auto by declared size", "said", "as seen"])
def test_boxes_turn_with_exif_rotated_images(tmp_path, write_lines, find_white, orientation, way):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored_box = (5, 9, 30, 20)
    for name in ("a", "b", "c"):
        image = Image.new("RGB", (64, 48), (ord(name), 0, 0))
        image.paste((255, 255, 255), stored_box)
        image.save(tmp_path / f"{name}.png", exif=exif)
    box = find_white(read_image(tmp_path / "a.png")) if way == "as seen" else stored_box
    # The size in the annotation tells only where a side turn changes it; the other turns must be said.
    if way == "auto by declared size" and orientation >= 5:
        for name in ("a", "b", "c"):
            lines = ["<annotation><size><width>64</width><height>48</height></size><object><name>car</name>"]
            corners = zip(
                ("xmin", "ymin", "xmax", "ymax"), (box[0] + 1, box[1] + 1, box[2], box[3]), strict=True
            )
            lines += ["<bndbox>", *(f"<{tag}>{value}</{tag}>" for tag, value in corners), "</bndbox>"]
            write_lines(tmp_path / f"{name}.xml", *lines, "</object></annotation>")
        data = load(str(tmp_path))
    else:
        rows = [f"{name}.png,{','.join(map(str, box))},car" for name in ("a", "b", "c")]
        write_lines(tmp_path / "roads.csv", *rows)
        data = load(str(tmp_path), exif="auto" if way == "as seen" else "stored")
    assert len(data.train) + len(data.val) == 3
    for example in (*data.train.examples, *data.val.examples):
        pixels = read_image(example.path)
        assert example.size_hw == pixels.shape[:2] == ((64, 48) if orientation >= 5 else (48, 64))
        assert example.boxes_xyxy.tolist() == [find_white(pixels)]
    assert data.findings.counts["rotated"] == (0 if orientation == 1 else 3)


def test_relative_boxes_turn_too(tmp_path, write_lines, find_white):
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("a", "b"):
        image = Image.new("RGB", (64, 48), (ord(name), 0, 0))
        image.paste((255, 255, 255), (16, 12, 32, 24))
        (tmp_path / "images").mkdir(exist_ok=True)
        image.save(tmp_path / f"images/{name}.jpg", exif=exif, quality=95, subsampling=0)
        write_lines(tmp_path / f"labels/{name}.txt", "0 0.375 0.375 0.25 0.25")
    write_lines(tmp_path / "classes.txt", "car")
    example = load(str(tmp_path), exif="stored").train.examples[0]
    assert example.boxes_xyxy.tolist() == [find_white(read_image(example.path))]


def test_bad_boxes_up_to_a_hundredth_are_left_out_and_said(yolo):
    labels = _many(100) | {"val/v": [BOX]}
    labels["train/7"] = ["0 0.5 0.5 0 0.5"]  # 1 of 101
    data = load(str(yolo(labels)))
    assert sum(len(each.labels) for each in data.train.examples) == 99
    assert data.findings.first["no area"] == ["train/labels/7.txt:1"]
    assert "boxes without area (skipped): 1 (train/labels/7.txt:1)" in data.findings.text()


def test_more_bad_boxes_stop_it_and_name_the_flag(yolo):
    labels = _many(100) | {"val/v": [BOX, "1 nan 0.5 0.1 0.1"], "train/7": [BOX, "0 0.5 0.5 -0.1 0.5"]}
    folder = str(yolo(labels))
    with pytest.raises(InputError) as raised:
        load(folder)
    assert str(raised.value) == (
        "2 of 103 boxes are bad (1.9%): boxes with non-finite coordinates: 1 (val/labels/v.txt:2); inverted boxes: 1 "
        "(train/labels/7.txt:2); correct the data, or skip them with --bad-boxes drop"
    )
    data = load(folder, labels="drop")
    assert sum(len(each.labels) for each in data.train.examples) == 100


def test_fail_stops_at_one_bad_box(yolo):
    labels = _many(200) | {"val/v": [BOX]}
    labels["train/7"] = ["0 2.5 0.5 0.1 0.1"]
    folder = str(yolo(labels))
    load(folder)
    with pytest.raises(InputError, match=r"1 of 201 boxes are bad \(0.5%\): boxes outside the image: 1"):
        load(folder, labels="fail")


@pytest.mark.parametrize("labels", ["clip", "drop", "fail"])
def test_overhang_by_rounding_is_clipped(yolo, labels):
    folder = yolo({"train/a": ["0 0.49 0.5 1.0 1.0"], "val/b": [BOX]})  # 0.64 pixels over the left edge
    data = load(str(folder), labels=labels)
    np.testing.assert_allclose(data.train.examples[0].boxes_xyxy, [[0, 0, 63.36, 48]], atol=1e-4)
    assert data.findings.counts["clipped"] == 1


def test_a_class_id_outside_the_names(yolo):
    folder = str(yolo({"train/a": [BOX, "2 0.5 0.5 0.1 0.1"], "val/b": [BOX]}))
    message = (
        r"class that is not in the class list: 1 \(train/labels/a.txt:2 \(class '2'\)\); .*--bad-boxes drop"
    )
    for labels in ("clip", "fail"):
        with pytest.raises(InputError, match=message):
            load(folder, labels=labels)
    assert load(folder, labels="drop").train.examples[0].labels.tolist() == [0]


def test_a_corrupt_image_among_good_ones(yolo):
    folder = yolo(_many(5) | {"val/v": [BOX]})
    broken = folder / "train/images/3.png"
    broken.write_bytes(broken.read_bytes()[:-40])
    with pytest.raises(
        InputError, match=r"unreadable images: 1 \(train/images/3.png .*\); .*--bad-boxes drop"
    ):
        load(str(folder))
    data = load(str(folder), labels="drop")
    assert len(data.train) == 4
    assert data.findings.counts["unreadable"] == 1


def test_a_missing_image(yolo, write_lines):
    folder = yolo(_many(3) | {"val/v": [BOX]})
    write_lines(folder / "list.txt", "train/images/0.png", "train/images/gone.png")
    write_lines(folder / "data.yaml", "train: list.txt", "val: val/images", "names: [car, bus]")
    with pytest.raises(InputError, match=r"missing images: 1 \(train/images/gone.png \(no such file\)\)"):
        load(str(folder))
    assert len(load(str(folder), labels="drop").train) == 1


def test_only_corrupt_images_are_no_split(yolo):
    folder = yolo({"train/a": [BOX], "val/b": [BOX]})
    (folder / "val/images/b.png").write_bytes(b"x")
    with pytest.raises(InputError, match="val split"):
        load(str(folder), labels="drop")
