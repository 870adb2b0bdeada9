import json
import math

import numpy as np
import pytest

from cityzoo.data.image import load
from cityzoo.data.image.decode import read_image
from cityzoo.data.image.formats import coco as reader
from cityzoo.errors import InputError

CATEGORIES = [{"id": 7, "name": "bus"}, {"id": 3, "name": "car"}]


def _box(image_id, bbox, category_id=3, **more):
    return {"id": 100 + image_id, "image_id": image_id, "category_id": category_id, "bbox": bbox, **more}


def _image(image_id, name, size_hw=(48, 64)):
    return {"id": image_id, "file_name": name, "height": size_hw[0], "width": size_hw[1]}


def _write(path, images, annotations, categories=CATEGORIES):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"images": images, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def coco(tmp_path, paint):
    """COCO's own layout: three train images, one val image."""
    for name, box in {
        "train2017/a": (10, 6, 30, 42),
        "train2017/b": None,
        "train2017/c": None,
        "val2017/d": None,
    }.items():
        paint(tmp_path / f"{name}.png", box=box)
    annotations = [
        _box(11, [10, 6, 20, 36], 7),
        _box(11, [0, 0, 64, 48], iscrowd=1),
        _box(13, [1.5, 2.5, 3, 4]),
    ]
    images = [_image(11, "a.png"), _image(12, "b.png"), _image(13, "c.png")]
    _write(tmp_path / "annotations/instances_train2017.json", images, annotations)
    _write(tmp_path / "annotations/instances_val2017.json", [_image(5, "d.png")], [_box(5, [1, 1, 2, 2])])
    (tmp_path / "annotations/captions_train2017.json").write_text('{"images": [], "annotations": []}')
    return tmp_path


def test_usual_layout(coco, find_white):
    data = load(str(coco))
    assert data.train.class_names == ("car", "bus")  # in the order of the ids 3 and 7
    first, second, third = data.train.examples
    np.testing.assert_allclose(first.boxes_xyxy, [find_white(read_image(first.path))])
    assert first.labels.tolist() == [1]
    assert len(second.labels) == 0
    np.testing.assert_allclose(third.boxes_xyxy, [[1.5, 2.5, 4.5, 6.5]])
    assert len(data.val) == 1
    assert data.findings.counts["crowd"] == 1
    assert data.findings.first["crowd"] == ["annotations/instances_train2017.json annotation 111"]


@pytest.mark.parametrize("folder", ["", "images", "roads"])
def test_one_json_and_its_images(tmp_path, paint, folder):
    names = [f"{number}.png" for number in range(6)]
    inside = "roads/" if folder == "roads" else ""
    for name in names:
        paint(tmp_path / folder / name)
    images = [_image(number, inside + name) for number, name in enumerate(names)]
    path = _write(tmp_path / "roads.json", images, [_box(number, [1, 1, 9, 9]) for number in range(6)])
    for source in (path, tmp_path):
        data = load(str(source))
        assert len(data.train) + len(data.val) == 6
        assert min(len(data.train), len(data.val)) >= 1


def test_images_and_json_together_in_each_split_folder(tmp_path, paint):
    for split in ("train", "valid"):
        paint(tmp_path / split / "a.png")
        _write(tmp_path / split / "_annotations.coco.json", [_image(0, "a.png")], [_box(0, [1, 1, 9, 9])])
    data = load(str(tmp_path))
    assert (len(data.train), len(data.val)) == (1, 1)


@pytest.mark.parametrize(
    ("images", "annotations", "message"),
    [
        ([_image(1, "a.png")], [_box(9, [1, 1, 2, 2])], "image_id 9"),
        ([_image(1, "a.png")], [{"image_id": 1, "bbox": [1, 1, 2, 2]}], "lacks the key 'category_id'"),
        (
            [_image(1, "a.png")],
            [_box(1, [1, 1, 2, 2], 8)],
            "class that is not in the class list: .*annotation 101.*'8'",
        ),
        (
            [_image(1, "a.png")],
            [_box(1, [1, 1, 2])],
            "1 of 2 boxes are bad .*malformed boxes: 1 .*annotation 101",
        ),
        (
            [_image(1, "gone.png"), _image(2, "a.png")],
            [_box(2, [1, 1, 2, 2])],
            "missing images: 1 .*gone.png",
        ),
        ([], [], "no images.*coco"),
    ],
)
def test_bad_records_are_one_clear_line(tmp_path, paint, images, annotations, message):
    paint(tmp_path / "a.png")
    paint(tmp_path / "val/b.png")
    path = _write(tmp_path / "x.json", images, annotations)
    val = _write(tmp_path / "val/v.json", [_image(1, "b.png")], [_box(1, [1, 1, 9, 9])])
    with pytest.raises(InputError, match=message) as raised:
        load(str(path), val=str(val))
    assert "\n" not in str(raised.value)


def test_broken_json_is_one_clear_line(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"images": [], "annotations": [], "categories": [}')
    with pytest.raises(InputError, match="not valid JSON: .*column"):
        load(str(path))
    path.write_text('{"images": [], "annotations": []}')
    with pytest.raises(InputError, match="lacks the list 'categories'"):
        load(str(path))


def test_another_size_than_declared_is_said(tmp_path, paint):
    for split in ("train", "valid"):
        paint(tmp_path / split / "a.png")
        _write(
            tmp_path / split / "_annotations.coco.json",
            [_image(0, "a.png", (480, 640))],
            [_box(0, [1, 1, 9, 9])],
        )
    findings = load(str(tmp_path)).findings
    assert findings.counts["other size"] == 2
    assert findings.first["other size"][0] == "train/a.png (64 x 48, declared 640 x 480)"


def _cat(key, name):
    return {"id": key, "name": name}


@pytest.mark.parametrize(
    ("images", "annotations", "categories", "words"),
    [
        ([_image(1, "a.png"), _image(1, "b.png")], [], CATEGORIES, ["image id 1 ", "'a.png'", "'b.png'"]),
        ([_image(1, "a.png"), _image("1", "b.png")], [], CATEGORIES, ["image id 1 ", "'a.png'", "'b.png'"]),
        ([_image(1, "a.png"), _image(2, "./a.png")], [], CATEGORIES, ["'a.png'", " 1 and 2"]),
        ([], [], [_cat(1, "car"), _cat(1, "bus")], ["category id 1 ", "'car'", "'bus'"]),
        (
            [_image(1, "a.png")],
            [_box(1, [1, 1, 2, 2], 1), _box(1, [1, 1, 2, 2], 2)],
            [_cat(1, "car"), _cat(2, "car")],
            ["'car'", " 1 and 2"],
        ),
    ],
)
def test_ids_that_are_used_twice_are_refused_with_both_uses(tmp_path, images, annotations, categories, words):
    path = _write(tmp_path / "x.json", images, annotations, categories)
    with pytest.raises(InputError) as raised:
        reader.read(str(path))
    assert [word for word in words if word not in str(raised.value)] == []


def test_a_group_of_classes_with_the_name_of_one_of_them_is_no_second_class(tmp_path):
    path = _write(
        tmp_path / "x.json",
        [_image(1, "a.png")],
        [_box(1, [1, 1, 2, 2], 1)],
        [_cat(0, "car"), _cat(1, "car")],
    )
    assert reader.read(str(path)).class_names == ("car",)


def test_ids_and_sizes_may_be_text_or_floats(tmp_path):
    images = [_image("7", "a.png", ("48.0", 64.0)), _image("u-1", "b.png", (math.inf, [64]))]
    annotations = [_box(7, [1, 2, 3, 4], "10"), {**_box(0, [5, 6, 7, 8], "cat-a"), "image_id": "u-1"}]
    annotations[0]["image_id"] = 7.0
    categories = [_cat(10, "truck"), _cat("cat-a", "bus"), _cat("9", "car")]
    found = reader.read(str(_write(tmp_path / "x.json", images, annotations, categories)))
    assert found.class_names == ("car", "truck", "bus")  # by number, then text
    first, second = found.images
    assert (first.declared_hw, first.remarks, first.boxes[0][:2]) == ((48, 64), (), ((1, 2, 4, 6), "truck"))
    assert (second.declared_hw, second.remarks, second.boxes[0][:2]) == (
        None,
        ("no size",),
        ((5, 6, 12, 14), "bus"),
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"annotations": [None]}, "annotations[0] is None"),
        ({"annotations": [["x"]]}, "annotations[0] is ['x']"),
        ({"images": [[[]]]}, "images[0] is [[]]"),
        ({"categories": [{"id": 1}]}, "lacks the key 'name'"),
        ({"images": [_image({"a": 1}, "a.png")]}, "the id {'a': 1} is neither a number nor text"),
        ({"images": [_image(1, "a" * 5000)]}, "the file_name 'aaa"),
        ({"images": [_image(1, "a\0.png")]}, "the file_name 'a\\x00.png' is not a path"),
        ({"annotations": [_box(1, [1, 1, 2, 2], [3])]}, "the category_id [3] is neither"),
        (
            {"annotations": [{**_box(1, [1, 1, 2, 2]), "image_id": None}]},
            "image_id None, which 'images' does not",
        ),
        ({"annotations": [{**_box(1, [1, 1, 2, 2]), "image_id": "z" * 999}]}, "image_id 'zzz"),
    ],
)
def test_records_of_a_wrong_type_are_one_short_line(tmp_path, change, words):
    parts = {"images": [_image(1, "a.png")], "annotations": [], "categories": CATEGORIES} | change
    with pytest.raises(InputError) as raised:
        reader.read(str(_write(tmp_path / "x.json", *parts.values())))
    message = str(raised.value).removeprefix(str(tmp_path))
    assert words in message and "\n" not in message and len(message) < 200


def test_a_box_beyond_any_float_is_malformed_and_nested_json_is_one_line(tmp_path):
    path = _write(tmp_path / "x.json", [_image(1, "a.png")], [_box(1, [10**400, 1, 2, 2])])
    assert [box.problem for box in reader.read(str(path)).images[0].boxes] == ["malformed"]
    path.write_text('{"images": ' + "[" * 100_000 + "]" * 100_000 + ', "annotations": [], "categories": []}')
    with pytest.raises(InputError, match="nested too deeply"):
        reader.read(str(path))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_json_is_found_wherever_its_keys_are(tmp_path, encoding):
    content = {
        "info": "x" * 200_000,
        "images": [_image(1, "a.png")],
        "annotations": [],
        "categories": CATEGORIES,
    }
    (tmp_path / "x.json").write_text(json.dumps({**content, "licenses": "y" * 200_000}), encoding)
    assert reader.matches(str(tmp_path))
    assert len(reader.read(str(tmp_path)).images) == 1


def test_boxes_in_0_to_1_are_read_as_relative(tmp_path, paint):
    names = [f"{number}.png" for number in range(6)]
    for name in names:
        paint(tmp_path / name)
    images = [_image(number, name) for number, name in enumerate(names)]
    boxes = [_box(number, [0.25, 0.5, 0.5, 0.25]) for number in range(6)]
    path = _write(tmp_path / "x.json", images, boxes)
    data = load(str(path))
    np.testing.assert_allclose(data.train.examples[0].boxes_xyxy, [[16, 24, 48, 36]])  # of 64 x 48
    assert data.findings.first["relative"] == ["x.json"]
    _write(path, images, [*boxes[:3], *[_box(number, [16, 24, 32, 12]) for number in (3, 4, 5)]])
    with pytest.raises(InputError, match=r"3 of 6 boxes lie in 0..1 \(.* annotation 100\).*annotation 103"):
        load(str(path))


def test_ids_that_differ_between_files_keep_their_names(tmp_path):
    for split, name in {"train": "car", "valid": "bus"}.items():
        images, boxes = [_image(1, "a.png")], [_box(1, [1, 1, 9, 9], 1)]
        _write(tmp_path / split / "_annotations.coco.json", images, boxes, [_cat(1, name)])
    found = reader.read(str(tmp_path))
    assert found.class_names == ("car", "bus")
    assert [image.boxes[0].name for image in found.images] == ["car", "bus"]


def test_images_in_an_unusual_folder_are_found_by_the_end_of_their_paths(tmp_path, paint):
    paint(tmp_path / "cam/north/a.png"), paint(tmp_path / "cam/south/a.png")
    names = ["/home/me/cam/north/a.png", "C:\\cam\\south\\a.png"]
    path = _write(tmp_path / "annotations/x.json", [_image(n, name) for n, name in enumerate(names)], [])
    assert [image.path for image in reader.read(str(path)).images] == [
        str(tmp_path / f"cam/{name}/a.png") for name in ("north", "south")
    ]
