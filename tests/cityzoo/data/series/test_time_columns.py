import pytest

from cityzoo.data.series.time_columns import find_time_columns


@pytest.mark.parametrize(
    ("names", "row", "used", "others"),
    [
        (["station", "date", "time"], ("a", "2012-03-01", "00:05"), (1, 2), ()),
        (["utc", "local time"], (), (0,), (1,)),
        (["DatetimeBegin", "DatetimeEnd"], ("2012-03-01 00:00:00 +01:00",) * 2, (0,), (1,)),
        (["x", "when"], ("7", "2012-03-01 00:05"), (1,), ()),
        (["Datum", "Date Local", "Time Local", "Date GMT", "Time GMT"],
         ("WGS84", "2012-03-01", "00:05", "2012-03-01", "08:05"), (1, 2), (0, 3, 4)),
        (["year", "month", "day", "hour"], ("2012", "3", "1", "5"), (0, 1, 2, 3), ()),
        (["date", "hour of rain"], ("2012-03-01", "5"), (0,), ()),
    ],
)  # fmt: skip
def test_columns_with_times(names, row, used, others):
    assert find_time_columns(names, [row] if row else []) == (used, others)
