import numpy as np
import pytest

from cityzoo.data.series import load_series


@pytest.mark.parametrize(
    ("header", "first", "second"),
    [
        ("time,773869,767541", "2012-03-01 00:00,1.5,2", "2012-03-01 00:05,3,4"),
        ("Timestamp;773869;767541", "2012-03-01T00:00;1,5;2,0", "2012-03-01T00:05;3,0;4,0"),
        ("datetime\t773869\t767541", "03/01/2012 00:00\t1.5\t2", "03/13/2012 00:05\t3\t4"),
        (",773869,767541", "2012-03-01 00:00:00,1.5,2.0", "2012-03-01 00:05:00,3.0,4.0"),
        ("Date,Time,773869,767541", "2012-03-01,00:00,1.5,2", "2012-03-01,00:05,3,4"),
        ("time, 773869 ,767541", "1330560000, 1.5,2", "1330560300,3,4"),
        ('"time","773869","767541"', '"2012-03-01 00:00","1.5","2"', '"2012-03-01 00:05","3","4"'),
    ],
)
def test_ways_to_write_one(write_table, header, first, second):
    series, _ = load_series(write_table(header, first, second, name="a.csv"))
    assert series.sensors == ("773869", "767541")
    assert series.values[0, :, 0].tolist() == [1.5, 2] and series.values[-1, :, 0].tolist() == [3, 4]
    assert str(series.times[0]) == "2012-03-01T00:00:00"


WHEN = {"start": "2012-03-01", "step": "5min"}


@pytest.mark.parametrize("header", ["773869,767541", "index,773869,767541", "time,773869,767541"])
def test_without_times(write_table, header):
    counted = header.count(",") == 2
    rows = [f"{n}," * counted + f"{n + 1}.5,{n + 2}" for n in range(3)]
    series, _ = load_series(write_table(header, *rows), **WHEN)
    assert series.sensors == ("773869", "767541")
    np.testing.assert_array_equal(series.values[:, 0, 0], [1.5, 2.5, 3.5])


def test_without_a_header_sensors_are_called_by_their_number(write_table):
    series, findings = load_series(write_table("64.5,67.5", "62.5,61.5"), **WHEN)
    assert series.sensors == ("1", "2") and len(series) == 2
    assert findings.counts["no header"] == 1


def test_blank_lines_and_empty_rows(write_table):
    table = write_table("", "a,b", "1,2", "", ",", "5,6", "")
    series, findings = load_series(table, **WHEN)
    np.testing.assert_array_equal(series.values[:, 0, 0], [1, np.nan, 5])
    assert findings.first["not measured"] == ["roads.csv:5, column 'a'", "roads.csv:5, column 'b'"]
