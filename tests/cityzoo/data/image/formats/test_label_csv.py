import pytest

from cityzoo.data.image import load
from cityzoo.data.image.formats import box_csv, label_csv
from cityzoo.errors import InputError


@pytest.fixture
def table(tmp_path, paint, write_lines):
    """Return a function that writes a CSV beside the images a.png ... f.png and returns its path."""
    for name in "abcdef":
        paint(tmp_path / f"img/{name}.png")
    return lambda *lines, name="roads.csv": str(write_lines(tmp_path / name, *lines))


def _seen(path):
    return {each.path[-5:]: (each.split, each.names) for each in label_csv.read(path).images}


def test_a_label_several_or_none(table):
    path = table(
        "path,label",
        "img/a.png,fire",
        "img/b.png,fire+smoke",
        "img/c.png,smoke; fire",
        "img/d.png,",
        "img/e.png,normal",
    )
    assert label_csv.read(path).class_names == ("fire", "normal", "smoke")
    assert _seen(path) == {
        "a.png": (None, ("fire",)),
        "b.png": (None, ("fire", "smoke")),
        "c.png": (None, ("smoke", "fire")),
        "d.png": (None, ()),
        "e.png": (None, ("normal",)),
    }


def test_a_column_a_class_in_their_order(table):
    path = table(
        "path,smoke,fire,split",
        "img/a.png,1,0,train",
        "img/b.png,1,1,val",
        "img/c.png,0,0,",
        "img/e.png,0,1,",
        "img/d.png,0,1,test",
    )
    data = load(path, wants="labels")
    assert data.train.class_names == ("smoke", "fire")
    assert {each.path[-5:]: each.target.tolist() for each in data.train.examples} == {
        "a.png": [1, 0],
        "c.png": [0, 0],
        "e.png": [0, 1],
    }
    assert _seen(path)["c.png"] == (None, ())
    assert _seen(path)["d.png"] == ("test", ("fire",))


def test_windows_line_ends_a_bom_and_blanks(tmp_path, table):
    path = table("x")
    rows = "\ufeffPath, Label ,SPLIT\r\nimg/a.png, car ,train\r\n\r\nimg/b.png,bus,train\r\n"
    rows += "img/c.png,car,VAL\r\n"
    (tmp_path / "roads.csv").write_bytes(rows.encode())
    data = load(path, wants="labels")
    assert (len(data.train), len(data.val), data.train.class_names) == (2, 1, ("bus", "car"))


def test_files_in_a_folder_are_the_splits(tmp_path, table):
    table("path,label", "img/a.png,car", "img/b.png,bus", name="train.csv")
    table("path,label", "img/c.png,car", "img/d.png,bus", name="val.CSV")
    data = load(str(tmp_path), wants="labels")
    assert (len(data.train), len(data.val)) == (2, 2)
    assert data.findings.format == "label_csv"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ("path,label,weather", "img/a.png,car,dry"),
            r"roads.csv:1: unknown column 'weather': write path,label",
        ),
        (("path,fire,Fire", "img/a.png,1,0"), r"roads.csv:1: two columns.*'Fire'"),
        (("path,split", "img/a.png,train"), r"roads.csv:1: no label column.*path,label"),
        (("path,fire,smoke", "img/a.png,1,0", "img/b.png,yes,0"), r"roads.csv:3: 'fire' is 'yes': write 1"),
        (("path,fire,smoke", "img/a.png,1,"), r"roads.csv:2: 'smoke' is '': write 1"),
        (("path,label", "img/a.png,car", "img/b.png"), r"roads.csv:3: 1 fields, expected 2"),
        (("path,label", ",car"), r"roads.csv:2: no path"),
        (
            ("path,label,split", "img/a.png,car,trian"),
            r"roads.csv:2: unknown split 'trian': write train, val",
        ),
        (("path,label",), r"no images \(label_csv\)"),
    ],
)
def test_what_cannot_be_used_is_named_with_file_and_line(table, lines, message):
    with pytest.raises(InputError, match=message) as raised:
        load(table(*lines), wants="labels")
    assert "\n" not in str(raised.value)


def test_a_path_that_does_not_exist(table):
    path = table("path,label", *(f"img/{name}.png,{name > 'c'}" for name in "abcdef"), "img/gone.png,True")
    with pytest.raises(
        InputError, match=r"missing images: 1 \(img/gone.png \(no such file\)\).*--bad-boxes drop"
    ):
        load(path, wants="labels")
    data = load(path, wants="labels", labels="drop")
    assert len(data.train) + len(data.val) == 6


def test_an_image_listed_twice(table):
    rows = [
        f"img/{name}.png,{'fire' if name < 'd' else 'smoke'},{'val' if name in 'cf' else 'train'}"
        for name in "abcdef"
    ]
    alike = table("path,label,split", *rows, "./img/a.png,fire,train")
    assert len(label_csv.read(alike).images) == 6
    path = table("path,label,split", *rows, "./img/a.png,smoke,train")
    message = r"contradictory labels: 1 \(img/a.png \(roads.csv:2 and 8\)\); correct them, or"
    for way in ("clip", "fail"):
        with pytest.raises(InputError, match=message):
            load(path, wants="labels", labels=way)
    data = load(path, wants="labels", labels="drop")
    assert [each.path[-5:] for each in data.train.examples] == ["b.png", "d.png", "e.png"]


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("path,x1,y1,x2,y2,class_name", "img/a.png,1,2,30,40,car"),
        ("path,xmin,ymin,xmax,ymax,label", "img/a.png,1,2,30,40,car"),
        ("img/b.png,,,,,", "img/a.png,1,2,30,40,car"),
    ],
)
def test_the_header_tells_boxes(table, head, row):
    path = table(head, row)
    assert box_csv.matches(path) and not label_csv.matches(path)


def test_the_header_tells_labels(table):
    path = table("path,fire,smoke,crash,flood,split", "img/a.png,1,0,0,0,train")  # six columns, as boxes have
    assert label_csv.matches(path) and not box_csv.matches(path)
    path = table("file,car", "a,b")
    assert not label_csv.matches(path)


@pytest.mark.parametrize(
    "lines",
    [
        ("filename,label", "img/a.png,fire", "img/b.png,"),
        ("class;image_path", "fire;img/a.png", ";img/b.png"),
        ("Split,Category,File", "train,fire,img/a.png", "train,,img/b.png"),
        ("filename, fire", "a.png, 1", "b.png, 0"),  # Roboflow's _classes.csv
    ],
)
def test_columns_are_found_by_usual_names(table, lines):
    path = table(*lines)
    assert label_csv.matches(path) and not box_csv.matches(path)
    split = "train" if "train" in lines[1] else None
    assert _seen(path) == {"a.png": (split, ("fire",)), "b.png": (split, ())}
