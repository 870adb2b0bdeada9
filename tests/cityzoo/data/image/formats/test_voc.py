import numpy as np
import pytest

from cityzoo.data.image import formats, load
from cityzoo.data.image.decode import read_image
from cityzoo.data.image.formats import voc as reader
from cityzoo.errors import InputError

OBJECT = """  <object>
    <name>{name}</name>
    <difficult>{difficult}</difficult>
    <bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox>
  </object>"""


def _xml(name, *objects, size_hw=(48, 64)):
    size = f"  <size><width>{size_hw[1]}</width><height>{size_hw[0]}</height><depth>3</depth></size>"
    return ["<annotation>", f"  <filename>{name}</filename>", size, *objects, "</annotation>"]


def _object(name, x1, y1, x2, y2, difficult=0):
    return OBJECT.format(name=name, x1=x1, y1=y1, x2=x2, y2=y2, difficult=difficult)


@pytest.fixture
def voc(tmp_path, paint, write_lines):
    """VOC's own layout: a, b train, c val, d in trainval alone, e nowhere."""
    for name in "abcde":
        paint(tmp_path / f"JPEGImages/{name}.png", box=(10, 6, 30, 42))
        # A rectangle over the pixels 10..29 and 6..41 counted from 0 is 11..30 and 7..42 counted from 1.
        boxes = [_object("car", 11, 7, 30, 42), _object("bus", 1, 1, 64, 48, difficult=1)]
        write_lines(tmp_path / f"Annotations/{name}.xml", *_xml(f"{name}.png", *boxes))
    for name, stems in {"train": "ab", "val": "c", "trainval": "abcd"}.items():
        write_lines(tmp_path / f"ImageSets/Main/{name}.txt", *stems)
    write_lines(tmp_path / "ImageSets/Main/car_train.txt", "a  1", "e -1")
    return tmp_path


def test_usual_layout_and_one_based_pixels(voc, find_white):
    data = load(str(voc))
    assert [each.path[-5:] for each in data.train.examples] == ["a.png", "b.png", "d.png"]
    assert [each.path[-5:] for each in data.val.examples] == ["c.png"]
    assert data.train.class_names == ("bus", "car")
    image = data.val.examples[0]
    np.testing.assert_array_equal(image.boxes_xyxy, [find_white(read_image(image.path)), [0, 0, 64, 48]])
    assert image.labels.tolist() == [1, 0]
    assert data.findings.counts["difficult"] == 4
    assert data.findings.first["difficult"][0] == "Annotations/a.xml:9"


def test_several_years_below_one_folder(voc, tmp_path_factory):
    devkit = tmp_path_factory.mktemp("devkit")
    (devkit / "VOCdevkit").mkdir()
    voc.rename(devkit / "VOCdevkit" / "VOC2007")
    assert len(load(str(devkit)).train) == 3


def test_xml_beside_images_in_split_folders(tmp_path, paint, write_lines):
    for split in ("train", "valid"):
        paint(tmp_path / split / "a.png")
        # The name inside is of another machine, as renaming leaves it.
        write_lines(tmp_path / split / "a.xml", *_xml("C:\\cam\\1.jpg", _object("car", 1, 1, 10, 10)))
    data = load(str(tmp_path))
    assert (len(data.train), len(data.val)) == (1, 1)
    np.testing.assert_array_equal(data.train.examples[0].boxes_xyxy, [[0, 0, 10, 10]])


def test_a_listed_image_without_xml_has_no_boxes(voc):
    (voc / "Annotations/b.xml").unlink()
    data = load(str(voc))
    assert [len(each.labels) for each in data.train.examples] == [2, 0, 2]
    assert data.findings.first["unlabelled"] == ["JPEGImages/b.png"]


def test_broken_xml_and_boxes_are_named(voc, write_lines):
    path = write_lines(voc / "Annotations/b.xml", *_xml("b.png", "<object><name>car</name>", "</object>"))
    with pytest.raises(InputError, match="malformed boxes: 1 \\(Annotations/b.xml:4\\)"):
        load(str(voc))
    path.write_text("<annotation><object>")
    with pytest.raises(InputError, match="b.xml is not valid XML"):
        load(str(voc))


@pytest.mark.parametrize(
    ("annotations", "images"),
    [
        ("annotations", "images"),
        ("Annotations", "JPEGImages"),
        ("xml", "pics"),
        ("labels", "images"),
        ("annotations/deep", "images/deep"),
        ("ANNOTATION", "."),
    ],
)
def test_images_are_found_in_any_usual_layout(tmp_path, paint, write_lines, annotations, images):
    paint(tmp_path / images / "A.JPG")
    xml = write_lines(tmp_path / annotations / "a.xml", *_xml("elsewhere.jpg", _object("car", 2, 3, 10, 10)))
    assert formats.find(str(tmp_path))[0] == "voc"
    (found,) = reader.read(str(tmp_path)).images
    assert (found.path, found.source) == (str((tmp_path / images / "A.JPG").resolve()), str(xml))
    assert [box[:2] for box in found.boxes] == [((1, 2, 10, 10), "car")]


def test_images_of_one_name_in_several_folders_go_with_their_own_annotations(tmp_path, paint, write_lines):
    for split in ("train", "val", "x"):
        paint(tmp_path / f"images/{split}/a.png")
        write_lines(tmp_path / f"annotations/{split}/a.xml", *_xml("a.png", _object(split, 1, 1, 10, 10)))
    found = reader.read(str(tmp_path)).images
    assert {(each.path, each.split, each.boxes[0].name) for each in found} == {
        (str(tmp_path / f"images/{name}/a.png"), {"x": None}.get(name, name), name)
        for name in ("train", "val", "x")
    }


def test_two_annotations_of_one_image_are_refused(tmp_path, paint, write_lines):
    paint(tmp_path / "images/a.png")
    for folder in ("one", "two"):
        write_lines(tmp_path / folder / "a.xml", *_xml("a.png", _object("car", 1, 1, 10, 10)))
    with pytest.raises(InputError, match="images/a.png' stands for two files, .*one/a.xml' and .*two/a.xml'"):
        reader.read(str(tmp_path))


@pytest.mark.parametrize(
    "line", ["north gate 1", "north gate 1  1", "north gate 1 -1", "JPEGImages/north gate 1.png"]
)
def test_names_in_lists_may_have_blanks(tmp_path, paint, write_lines, line):
    paint(tmp_path / "JPEGImages/north gate 1.png")
    write_lines(tmp_path / "Annotations/north gate 1.xml", *_xml("x.png", _object("car", 1, 1, 10, 10)))
    write_lines(tmp_path / "ImageSets/Main/train.txt", line)
    (found,) = reader.read(str(tmp_path)).images
    assert (found.path, len(found.boxes), found.split) == (
        str(tmp_path / "JPEGImages/north gate 1.png"),
        1,
        "train",
    )


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("gb2312", "gb2312"),
        ("gbk", "GBK"),
        ("gb18030", "gb2312"),
        ("utf-16", "utf-16"),
        ("utf-16-le", ""),
        ("utf-8-sig", "utf-8"),
        ("utf-8", ""),
        ("utf-8", "utf-16"),
        ("big5", "Big5"),
    ],
)
def test_encodings(tmp_path, paint, encoding, declared):
    paint(tmp_path / "a.png")
    head = f'<?xml version="1.0" encoding="{declared}"?>\n' if declared else ""
    (tmp_path / "a.xml").write_text(head + "\n".join(_xml("a.png", _object("大巴", 1, 1, 10, 10))), encoding)
    assert reader.matches(str(tmp_path))
    assert reader.read(str(tmp_path)).class_names == ("大巴",)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ('<?xml version="1.0" encoding="no-such"?>', "cannot be read in its encoding no-such"),
        ('<?xml version="1.0" encoding="base64"?>', "cannot be read in its encoding base64"),
        ("", "cannot be read in its encoding utf-8 .*name its encoding"),
    ],
)
def test_what_cannot_be_decoded_is_one_line(tmp_path, paint, head, message):
    paint(tmp_path / "a.png")
    (tmp_path / "a.xml").write_text(head + "\n".join(_xml("a.png", _object("公交车", 1, 1, 9, 9))), "gb2312")
    with pytest.raises(InputError, match=message) as raised:
        load(str(tmp_path))
    assert "\n" not in str(raised.value)


def test_an_annotation_that_begins_late_is_read_and_other_xml_is_not(tmp_path, paint, write_lines):
    paint(tmp_path / "a.png"), paint(tmp_path / "b.png")
    comment = f"<!-- {'licence ' * 500} -->"
    write_lines(tmp_path / "a.xml", comment, *_xml("a.png", _object("car", 1, 1, 10, 10)))
    write_lines(tmp_path / "b.xml", "<annotations><image/></annotations>")
    assert [image.source for image in reader.read(str(tmp_path)).images] == [str(tmp_path / "a.xml")]


def test_boxes_in_0_to_1_are_relative(tmp_path, paint, write_lines):
    for name in "ab":
        paint(tmp_path / f"{name}.png")
        write_lines(tmp_path / f"{name}.xml", *_xml(f"{name}.png", _object("car", 0.25, 0.5, 0.75, 1)))
    data = load(str(tmp_path))
    np.testing.assert_allclose(data.train.examples[0].boxes_xyxy, [[16, 24, 48, 48]])  # of 64 x 48
    assert data.findings.counts["relative"] == 1
