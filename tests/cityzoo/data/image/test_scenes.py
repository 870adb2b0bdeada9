"""Names of scenes by folders, patterns and tables, and what is said of wrong ones."""

import pytest

from cityzoo.data.image.scenes import parse_slice_by
from cityzoo.errors import InputError

PATHS = ["roads/cam1/val/images/day_001.jpg", "roads/cam2/night_002.jpg", "roads/cam2/night_003.jpg"]


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("folder", ["cam1", "cam2", "cam2"]),
        (r"cam(\d)", ["1", "2", "2"]),
        (r"/(day|dusk)_", ["day", "other", "other"]),
        (r"(?:cam)(?P<light>2)?", ["other", "2", "2"]),
    ],
)
def test_folders_and_patterns(by, names):
    assert parse_slice_by(by)(PATHS) == names


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ("file,slice\nday_001.jpg,north\nnight_*.jpg,south\n", ["north", "south", "south"]),
        ("\ufeffnight_002.jpg,wet\n\n*night_*,dry", ["other", "wet", "dry"]),  # the first row that fits
        ("cam2/night_003.jpg, left\n./roads/cam2/night_002.jpg,right", ["other", "right", "left"]),
        ("images/*.jpg,here\nNIGHT_002.JPG,no", ["here", "other", "other"]),
    ],
)
def test_tables(tmp_path, rows, names):
    table = tmp_path / "cameras.csv"
    table.write_text(rows)
    assert parse_slice_by(str(table))(PATHS) == names


def test_what_is_wrong_is_said_in_a_line(tmp_path):
    table = tmp_path / "cameras.csv"
    table.write_text("file,slice\na.jpg,north\nb.jpg\n")
    one, three = tmp_path / "one.csv", tmp_path / "three.csv"
    one.write_text("nowhere.jpg,x\n")
    three.write_text("a.jpg,x,y\n")
    for by, words in {
        "cam(": "regular expression (missing ), unterminated subpattern",
        "cam": "has 0 groups, expected one",
        "(cam)(1)": "has 2 groups",
        str(table): "line 3 has 1 fields, expected two",
        str(three): "line 1 has 3 fields, expected two",
        str(tmp_path / "no.csv"): "cannot be read",
    }.items():
        with pytest.raises(InputError) as raised:
            parse_slice_by(by)
        assert words in str(raised.value) and "\n" not in str(raised.value)
    for by in (r"kerb(\d)", str(one)):
        with pytest.raises(InputError, match=r"none of 3 files, e.g. 'roads/cam1/val/images/day_001.jpg'"):
            parse_slice_by(by)(PATHS)
