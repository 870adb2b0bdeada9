"""The benchmark of new sensors: what is held out, which rows are known, what the table says."""

import numpy as np
import pytest

from benchmarks import new_sensor
from cityzoo.data.series import Series
from cityzoo.data.series.load import load_series
from cityzoo.data.series.split import split


def test_sensors_are_parted_by_a_seed():
    """Each on one side; another seed draws others."""
    known, new = new_sensor.parted(207, 20, 0)
    assert len(new) == 20 and sorted(known + new) == list(range(207))
    assert new_sensor.parted(207, 20, 0) == (known, new) != new_sensor.parted(207, 20, 1)


@pytest.mark.parametrize("days", new_sensor.DAYS)
def test_the_last_days_end_where_the_test_rows_begin(days):
    """As train.py's own split reads the shares; the test rows are those of the whole series."""
    start, shares = new_sensor.last_days(2016, 300, days)
    parts = split(2016 - start, tuple(float(f"{share:.12f}") for share in shares))
    assert start + parts.test.start == 1612 and len(parts.test) == 404
    assert len(parts.train) + len(parts.val) == 288 * days and len(parts.val) == 72 * days


def test_what_is_written_is_read_again(tmp_path):
    """A few sensors from a row on; what is missing stays missing."""
    values = np.arange(120.0, dtype=np.float32).reshape(40, 3, 1) + 0.25
    values[9, 2] = np.nan
    times = np.datetime64("2024-01-01", "s") + 300 * np.arange(40)
    whole = Series(values, times, ("a", "b", "c"), ("speed",), ("",))
    read = load_series(str(new_sensor.written(whole, [0, 2], 5, tmp_path / "x.csv"))).series
    assert read.sensors == ("a", "c") and read.times[0] == times[5]
    np.testing.assert_array_equal(read.values, values[5:, [0, 2]])


def test_the_table_has_a_row_a_way():
    row = {"1": {"mae_15min": 2.5, "mae_60min": 3.0, "rmse_15min": 5.0}}
    lines = new_sensor.page(
        "Of toys.", ["15min", "60min"], {"persistence": row, "from zero": row}
    ).splitlines()
    assert lines[-4:] == [
        *("| way | 1 day |", "|---|---|", "| persistence | 2.500 / 3.000 (5.000) |"),
        "| from zero | 2.500 / 3.000 (5.000) |",
    ]
