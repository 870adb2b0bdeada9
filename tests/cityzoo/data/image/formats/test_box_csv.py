import numpy as np
import pytest

from cityzoo.data.image import load
from cityzoo.data.image.formats import box_csv as reader
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


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("path,x1,y1,x2,y2,class_name", "{},4,10,34,40,car"),
        ("filename,xmin,xmax,ymin,ymax,class", "{},4,34,10,40,car"),
        ("ymin,xmin,ymax,xmax,label,image", "10,4,40,34,car,{}"),
        ("path,x,y,width,height,class_name", "{},4,10,30,30,car"),
        ("class,file,cx,cy,w,h", "car,{},19,25,30,30"),
        ("ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax", "{},x,car,1,4,34,10,40"),
        ("image_name;left;top;right;bottom;category", "{};4;10;34;40;car"),
        ("img\tbbox_x\tbbox_y\tbbox_w\tbbox_h\tlabel", "{}\t4\t10\t30\t30\tcar"),
        ("filename,width,height,class,xmin,ymin,xmax,ymax", "{},64,48,car,4,10,34,40"),
        ("x0,y0,x1,y1,label_name,filepath", "4,10,34,40,car,{}"),
        ("Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId;Path", "64;48;4;10;34;40;car;{}"),
        ("img,top_left_x,top_left_y,bottom_right_x,bottom_right_y,class", "{},4,10,34,40,car"),
        ("img,x_top_left,y_top_left,w,h,tag", "{},4,10,30,30,car"),
        ("FILENAME, X_Min, Y_Min, X_Max, Y_Max, Object", "{}, 4, 10, 34, 40, car"),
    ],
)
def test_columns_are_read_by_their_names(tmp_path, write_lines, header, row):
    path = write_lines(tmp_path / "x.csv", header, row.format("a.png"), row.format("b.png"))
    found = reader.read(str(path))
    assert [image.path for image in found.images] == [str(tmp_path / "a.png"), str(tmp_path / "b.png")]
    assert [image.boxes for image in found.images] == [
        (((4, 10, 34, 40), "car", f":{line}", ""),) for line in (2, 3)
    ]
    assert found.notes == ()
    assert found.images[0].declared_hw == ((48, 64) if "idth" in header and "34" in row else None)


def test_without_a_header_the_assumed_columns_are_reported(tmp_path, write_lines):
    path = write_lines(tmp_path / "x.csv", "a.png,4,10,34,40,car")
    assert reader.read(str(path)).notes == (("assumed columns", str(path)),)


@pytest.mark.parametrize(
    ("header", "lacks"),
    [
        ("datei,links,oben,rechts,unten,klasse", "path"),
        ("path,x1,y1,x2,class_name,z", "complete box"),
        ("path,x1,y1,x2,y2,z", "class"),
    ],
)
def test_a_header_that_names_no_box_is_one_line(tmp_path, write_lines, header, lacks):
    path = write_lines(tmp_path / "x.csv", header, "a.png,1,2,3,4,car")
    with pytest.raises(InputError, match=f":1: the header {header} has no {lacks}: name the columns path,x1"):
        reader.read(str(path))


def test_boxes_in_0_to_1_are_relative_and_mixtures_are_refused(images, write_lines):
    rows = [f"img/{name}.png,0.25,0.5,0.75,1,car" for name in "abcdef"]
    path = write_lines(images / "roads.csv", "path,x1,y1,x2,y2,class_name", *rows)
    data = load(str(path))
    np.testing.assert_allclose(data.train.examples[0].boxes_xyxy, [[16, 24, 48, 48]])  # of 64 x 48
    assert data.findings.first["relative"] == ["roads.csv"]
    write_lines(path, *rows[:2], *[f"img/{name}.png,16,24,48,48,car" for name in "cdef"])
    with pytest.raises(InputError, match=r"2 of 6 boxes lie in 0..1 \(.*roads.csv:1\).*roads.csv:3"):
        load(str(path))


def test_a_long_field_does_not_hide_a_file(images, write_lines):
    polygon = " ".join(["1.5"] * 50_000)  # 200,000 characters
    rows = [f"img/{name}.png,1,2,30,40,car,{polygon}" for name in "abcdef"]
    data = load(str(write_lines(images / "roads.csv", "path,x1,y1,x2,y2,class_name,polygon", *rows)))
    assert len(data.train) + len(data.val) == 6


def test_rows_without_an_image_are_counted(images, write_lines):
    rows = [f"img/{name}.png,1,2,30,40,car" for name in "abcdef"]
    bad = ["1" * 200_000, "a\0.png,1,2,30,40,car", ",1,2,30,40,car"]
    path = write_lines(images / "roads.csv", *rows, *bad)
    with pytest.raises(
        InputError, match="3 of 9 boxes are bad .*rows that name no image: 3 .roads.csv:7, roads.csv:8"
    ):
        load(str(path))
    findings = load(str(path), labels="drop").findings
    assert findings.counts["bad row"] == 3 and sum(each["images"] for each in findings.splits.values()) == 6


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["car,0", "bus,0"], "class id 0 stands for two classes, 'car' and 'bus'"),
        (["car,0", "car,1"], "class 'car' stands for two ids, 0 and 1"),
    ],
)
def test_a_class_mapping_with_one_thing_twice(images, write_lines, lines, message):
    write_lines(images / "roads.csv", "img/a.png,1,2,30,40,car")
    write_lines(images / "classes.csv", *lines)
    with pytest.raises(InputError, match=message):
        load(str(images))


def test_a_csv_in_each_split_folder_and_names_without_folder_or_suffix(tmp_path, paint, write_lines):
    for split in ("train", "valid"):
        paint(tmp_path / split / "pics" / "Cam 1.png")
        rows = ["filename,width,height,class,xmin,ymin,xmax,ymax", "cam 1,64,48,car,4,10,34,40"]
        write_lines(tmp_path / split / "_annotations.csv", *rows)
    data = load(str(tmp_path))
    assert [each.path for each in (*data.train.examples, *data.val.examples)] == [
        str(tmp_path / split / "pics" / "Cam 1.png") for split in ("train", "valid")
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_encodings(tmp_path, encoding):
    (tmp_path / "x.csv").write_text("path,x1,y1,x2,y2,class_name\na.png,1,2,3,4,公交车\n", encoding)
    assert reader.read(str(tmp_path)).class_names == ("公交车",)


def test_another_encoding_is_one_line_rather_than_other_names(tmp_path):
    (tmp_path / "x.csv").write_text("a.png,1,2,3,4,car\nb.png,1,2,3,4,公交车\n", "gb2312")
    assert reader.matches(str(tmp_path))
    with pytest.raises(InputError, match="x.csv is not in UTF-8, after line"):
        reader.read(str(tmp_path))


def test_bad_first_rows_do_not_hide_a_file(images, write_lines):
    rows = [f"img/{name}.png,1,2,30,40,car" for name in "abcdef"]
    write_lines(images / "train.csv", "img/a.png,1,2,3,4,", "img/b.png,1,2,30,40", *rows)
    with pytest.raises(InputError, match="2 of 8 boxes are bad .*train.csv:1, train.csv:2"):
        load(str(images))


def test_one_image_under_two_spellings_is_one(tmp_path, write_lines):
    path = write_lines(tmp_path / "x.csv", "a.png,1,2,3,4,car", "./a.png,5,6,7,8,bus")
    (image,) = reader.read(str(path)).images
    assert [box.name for box in image.boxes] == ["car", "bus"]
