import sys

import numpy as np
import pandas
import pytest

from cityzoo.data.series import load_series
from cityzoo.errors import InputError

TIMES = pandas.date_range("2012-03-01", periods=3, freq="5min")


@pytest.fixture
def write(tmp_path):
    pytest.importorskip("pyarrow")

    def write_frame(frame, **more):
        frame.to_parquet(tmp_path / "roads.parquet", engine="pyarrow", **more)
        return str(tmp_path / "roads.parquet")

    return write_frame


def test_wide_by_the_index_and_by_a_column(write):
    frame = pandas.DataFrame({"773869": [1.5, None, 3], "767541": [4, 5, 6]}, index=TIMES)
    for table in (frame, frame.rename_axis("time").reset_index()):
        series, findings = load_series(write(table))
        np.testing.assert_array_equal(series.values[..., 0], [[1.5, 4], [np.nan, 5], [3, 6]])
        assert series.sensors == ("773869", "767541") and str(series.times[1]) == "2012-03-01T00:05:00"
        assert findings.first["not measured"] == ["roads.parquet: row 2, column '773869'"]


def test_a_zone_that_is_stored(write):
    frame = pandas.DataFrame({"a": [1.0, 2, 3]}, index=TIMES.tz_localize("Asia/Hong_Kong"))
    series = load_series(write(frame)).series
    assert (series.timezone, str(series.times[0])) == ("Asia/Hong_Kong", "2012-02-29T16:00:00")


def test_long(write):
    frame = pandas.DataFrame(
        {"time": TIMES.repeat(2), "station": list("ab") * 3, "pm25": range(6), "wind": range(6, 12)}
    )
    series = load_series(write(frame, index=False)).series
    assert series.values[1].tolist() == [[2, 8], [3, 9]] and series.channels == ("pm25", "wind")


def test_text_is_named_with_its_row(write):
    frame = pandas.DataFrame({"time": TIMES, "a": ["1", "x", "3"]})
    with pytest.raises(InputError, match="roads.parquet: row 2, column 'a': 'x' is not a number"):
        load_series(write(frame, index=False))


def test_a_missing_package_is_named(write, monkeypatch):
    path = write(pandas.DataFrame({"a": [1.0, 2, 3]}, index=TIMES))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r'pyarrow: pip install "cityzoo\[parquet\]"'):
        load_series(path)


def test_what_is_no_parquet(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "roads.parquet").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="roads.parquet cannot be read, it may be damaged"):
        load_series(str(tmp_path / "roads.parquet"))
