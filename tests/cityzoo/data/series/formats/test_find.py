import numpy as np
import pytest

from cityzoo.data.series import load_series
from cityzoo.data.series.formats import find, names, read
from cityzoo.data.series.raw import SeriesOptions
from cityzoo.errors import InputError

WIDE = ("time,a,b", "2012-03-01,1,2", "2012-03-02,3,4")
LONG = ("time,sensor,value", "2012-03-01,a,1", "2012-03-02,a,3")


@pytest.fixture
def write(tmp_path):
    def write_lines(name, *lines):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
        return str(tmp_path / name)

    return write_lines


def test_each_is_found_by_what_lies_there(write, tmp_path):
    assert find(write("a.csv", *WIDE))[0] == "wide" and find(write("b.csv", *LONG))[0] == "long"
    np.savez(tmp_path / "c.npz", data=np.ones((2, 2, 1)))
    assert find(str(tmp_path / "c.npz"))[0] == "npz"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("path,label", "a.jpg,car"), "has no series; expected CSV or Parquet, wide"),
        (("from,to,cost", "1,2,3"), "has no series"),
        (("sensor_id,latitude,longitude", "1,34.2,-118.3"), "has no series"),
        ((), "is an empty file"),
    ],
)
def test_what_is_no_series(write, lines, said):
    with pytest.raises(InputError, match=said):
        find(write("a.csv", *lines))


def test_another_encoding(tmp_path):
    (tmp_path / "a.csv").write_bytes("time,PM2.5 µg\n2012-03-01,5\n".encode("latin-1"))
    with pytest.raises(InputError, match="is not UTF-8 text: save it as UTF-8"):
        find(str(tmp_path / "a.csv"))


def test_names_of_formats_and_files(write, tmp_path):
    with pytest.raises(InputError, match="unknown format 'wid': did you mean 'wide'"):
        find(write("a.csv", *WIDE), "wid")
    with pytest.raises(InputError, match="has no series in the format long"):
        read(str(tmp_path / "a.csv"), SeriesOptions(), "long")
    with pytest.raises(InputError, match="does not exist"):
        find(str(tmp_path / "none.csv"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="is an empty folder"):
        find(str(tmp_path / "empty"))


def test_a_folder_of_two_kinds_or_two_tables(write, tmp_path):
    write("a.csv", *WIDE)
    write("b.csv", *WIDE)
    with pytest.raises(InputError, match=r"holds 2 tables \(a.csv, b.csv\): name one"):
        load_series(str(tmp_path))
    write("b.csv", *LONG)
    with pytest.raises(InputError, match="as long and wide: name one with --format long"):
        load_series(str(tmp_path))
    assert load_series(str(tmp_path), format="wide").series.sensors == ("a", "b")


def test_names_are_the_files():
    assert names() == ("hdf5", "long", "npz", "parquet", "pems_text", "wide")
