"""Tables with several modalities: cells, alignment in time, findings and mistakes."""

import re

import numpy as np
import pytest
from PIL import Image

from cityzoo.data.multimodal import load
from cityzoo.data.multimodal.cell_reader import read_columns
from cityzoo.errors import InputError
from tests.cityzoo.multimodal_town import write_rows

HEADER = "time,place,image,text,sensor,label,split\n"


@pytest.fixture
def table(tmp_path):
    """Return a function that writes a table, a series of ten rows and two images, and returns the table's path."""
    for number in range(2):
        pixels = np.random.default_rng(number).integers(0, 255, (24, 32, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    series = "\n".join(f"2026-01-01 0{row}:00,{row},{row / 2 if row else ''},word" for row in range(10))
    (tmp_path / "speed.csv").write_text(f"time,a,b,c\n{series}\n")

    def write(rows, name="rows.csv"):
        (tmp_path / name).write_text(HEADER + "\n".join(rows) + "\n")
        return str(tmp_path / name)

    return write


def test_cells_are_read(table, tmp_path):
    """A window by reference, by list and by rows of lists; files next to the table; empty cells are left out."""
    rows = [
        "2026-05-01T00:00:00Z,A,0.png,hello,speed.csv#2:4,x,train",
        '1777593600,A,,,"[1, 2, 3]",y,train',
        'bad,B,1.png,,"[[1, 2], [3, 4]]",x,val',
    ]
    rows[2] = rows[2].replace("bad", "2026-05-01T01:00:00Z")
    rows[1] = rows[1].replace("1777593600", "2026-05-01T00:30:00Z")
    data = load(table(rows))
    first, second = data.train.examples
    assert first.cells["image"] == str(tmp_path / "0.png") and first.cells["text"] == "hello"
    np.testing.assert_array_equal(first.cells["sensor"], [[2, 1], [3, 1.5]])
    np.testing.assert_array_equal(second.cells["sensor"], [[1], [2], [3]])
    np.testing.assert_array_equal(data.val.examples[0].cells["sensor"], [[1, 2], [3, 4]])
    assert set(second.cells) == {"sensor"} and second.time - first.time == 1800
    assert data.findings.modalities == {"image": 2, "text": 1, "sensor": 3}
    assert data.train.class_names == ("x", "y") and first.group == "A/2026-05-01"


def test_a_series_leaves_out_times_and_words(table, tmp_path):
    table([])
    found = read_columns(tmp_path / "speed.csv")
    assert found.shape == (10, 2) and np.isnan(found[0, 1]) and found[3].tolist() == [3, 1.5]


def test_what_is_not_used_is_counted(table):
    rows = [
        ",A,gone.png,one,,x,train",
        ",A,,two,speed.csv#9:3,y,train",
        ",A,,three,,x,val",
        ",A,,,,x,val",
        ",A,,four,,,val",
        ",A,0.png,one,,x,train",
        ",A,0.png,five,[1],y,val",
    ]
    found = load(table(rows)).findings.as_dict()["findings"]
    counts = {kind: each["count"] for kind, each in found.items()}
    assert counts == {
        "missing": 1,
        "broken": 1,
        "empty": 1,
        "no label": 1,
        "near duplicate": 1,
        "shared group": 1,
    }
    assert found["missing"]["first"] == ["rows.csv:2: gone.png"]


def test_parts_are_aligned_in_time(table, tmp_path):
    """Each row of a part goes to the nearest row of its place; the others are counted, with their places."""
    rows = [f"2026-05-01 0{hour}:00,{place},0.png,,,x,train" for hour in (1, 2) for place in "AB"]
    source = table([*rows, "2026-05-01 03:00,A,1.png,,,x,val"])
    calls = [
        "2026-05-01 01:00:20,A,,near,,,",
        "2026-05-01 01:00:10,A,,nearer,,,",
        "2026-05-01 02:00:50,B,,late,,,",
        "2026-05-01 03:00:05,,,anywhere,,,",
        "2026-05-01 03:00:05,C,,elsewhere,,,",
    ]
    part = table(calls, "calls.csv")
    data = load(source, parts=[part], within=30)
    texts = [row.cells.get("text") for side in (data.train, data.val) for row in side.examples]
    assert texts == ["nearer", None, None, None, "anywhere"]
    found = data.findings
    assert (found.counts["not aligned"], found.counts["aligned twice"], found.aligned) == (2, 1, {part: 2})
    assert found.first["not aligned"] == ["calls.csv:4", "calls.csv:6"]
    wide = load(source, parts=[part], within=60)
    assert wide.findings.counts["not aligned"] == 1


def test_groups_share_a_split(tmp_path):
    write_rows(tmp_path, [("rows", 60)])
    data = load(str(tmp_path / "rows.jsonl"))
    groups = [{row.group for row in side.examples} for side in (data.train, data.val)]
    assert groups[1] and not groups[0] & groups[1]


BAD = {
    "empty column": (
        ["a,A,,,gone.csv,x,train", "a,A,,hi,gone.csv,y,val"],
        "the column sensor is empty in all",
    ),
    "no label": ([",A,,hi,,,train"], "fill the column label"),
    "no val": ([",A,,hi,,x,train", ",A,,ho,,y,train"], "0 to validate|to validate"),
}


@pytest.mark.parametrize("name", BAD)
def test_mistakes_are_one_line(table, name):
    rows, said = BAD[name]
    with pytest.raises(InputError) as error:
        load(table([row.replace("a,A", ",A") for row in rows]))
    assert re.search(said, str(error.value)) and "\n" not in str(error.value)


def test_strict_refuses_what_is_not_used(table):
    rows = [",A,gone.png,one,,x,train", ",A,0.png,two,,y,train", ",A,,three,,x,val"]
    with pytest.raises(InputError, match="--strict"):
        load(table(rows), strict=True)


def test_rows_of_silent_sensors_are_counted(tmp_path):
    """FILE#FIRST:LAST counts every row: one without any value does not move the windows behind it."""
    (tmp_path / "speed.csv").write_text("a,b\n1,2\n,\n5,6\n")
    found = read_columns(tmp_path / "speed.csv")
    assert found.shape == (3, 2) and np.isnan(found[1]).all() and found[2].tolist() == [5, 6]
