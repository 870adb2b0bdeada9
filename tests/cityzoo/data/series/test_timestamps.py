import numpy as np
import pandas
import pytest

from cityzoo.data.series.raw import Origin
from cityzoo.data.series.timestamps import read_parts, read_times
from cityzoo.errors import InputError

ORIGIN = Origin(("roads.csv",), np.arange(2, 99), by_line=True)


def read(*texts):
    found = read_times(pandas.Series(texts), ORIGIN, "time")
    return None if found.times is None else [str(each) for each in found.times], found.zoned, found.notes


@pytest.mark.parametrize(
    ("text", "read_as", "zoned"),
    [
        ("2012-03-01 00:05", "2012-03-01T00:05:00", False),
        ("2012-03-01T00:05:30.6", "2012-03-01T00:05:31", False),
        ("2012/3/1 7:05", "2012-03-01T07:05:00", False),
        ("2012-03-01", "2012-03-01T00:00:00", False),
        ("2012-03-01T00:05Z", "2012-03-01T00:05:00", True),
        ("2012-03-01 00:05:00-08:00", "2012-03-01T08:05:00", True),
        ("2012-03-01 00:05+0530", "2012-02-29T18:35:00", True),
        ("3/25/2012 11:05 PM", "2012-03-25T23:05:00", False),
        ("25.03.2012 11:05", "2012-03-25T11:05:00", False),
        ("1330560300", "2012-03-01T00:05:00", True),
        ("1330560300000", "2012-03-01T00:05:00", True),
        ("201203010005", "2012-03-01T00:05:00", False),
        ("20120301", "2012-03-01T00:00:00", False),
    ],
)
def test_ways_to_write_a_time(text, read_as, zoned):
    assert read(text)[:2] == ([read_as], zoned)


def test_offsets_may_change_with_the_clock():
    assert read("2012-03-11 01:55-08:00", "2012-03-11 03:00-07:00")[0] == [
        "2012-03-11T09:55:00",
        "2012-03-11T10:00:00",
    ]


def test_the_order_of_day_and_month_is_the_one_of_even_steps():
    days = [f"0{number}/03/2012" for number in range(1, 6)]
    assert read(*days)[0][-1] == "2012-03-05T00:00:00" and read(*days)[2] == ("day first",)
    months = [f"03/0{number}/2012" for number in range(1, 6)]
    assert read(*months)[0][-1] == "2012-03-05T00:00:00" and read(*months)[2] == ("month first",)


def test_one_day_that_can_be_read_in_two_ways_is_refused():
    with pytest.raises(
        InputError, match=r"roads.csv:2, column 'time': '01/03/2012 00:00' can be read as day/month or"
    ):
        read("01/03/2012 00:00", "01/03/2012 00:05")


def test_a_column_that_counts_rows_is_no_time():
    assert read("0", "1", "2")[0] is None
    assert read_times(pandas.Series([0, 1, 2]), ORIGIN, "").times is None


@pytest.mark.parametrize("text", ["noon", "5", "", "2012-02-30", "2012-03-01 25:00", "31/31/2012"])
def test_what_is_no_time_is_named(text):
    with pytest.raises(InputError, match=f"roads.csv:3, column 'time': '{text}' is not a time: .*2012-03-01"):
        read("2012-03-01 00:00", text)


def test_offsets_in_some_rows_alone():
    with pytest.raises(InputError, match="roads.csv:3.*has no offset from UTC while others"):
        read("2012-03-01T00:00Z", "2012-03-01T00:05")


def test_what_pandas_has_read_already():
    stamps = pandas.Series(pandas.date_range("2012-03-01", periods=2, freq="h", tz="Asia/Hong_Kong"))
    found = read_times(stamps, ORIGIN, "time")
    assert (str(found.times[0]), found.zoned, found.timezone) == (
        "2012-02-29T16:00:00",
        True,
        "Asia/Hong_Kong",
    )


def test_parts():
    parts = pandas.DataFrame({"year": [2013, 2013], "month": [3, 3], "day": [1, 1], "hour": [0, 23]})
    assert str(read_parts(parts, ORIGIN).times[1]) == "2013-03-01T23:00:00"
    with pytest.raises(
        InputError, match="roads.csv:3, column 'year-month-day-hour': '2013-3-1-25' is not a time"
    ):
        read_parts(parts.assign(hour=[0, 25]), ORIGIN)
