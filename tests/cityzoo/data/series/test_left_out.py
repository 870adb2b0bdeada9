"""Measurements that a table says are wrong: what is left out, and what such a table must look like."""

import numpy as np
import pytest

from cityzoo.data.series.findings import SeriesFindings
from cityzoo.data.series.left_out import leave_out
from cityzoo.data.series.series import Series
from cityzoo.errors import InputError

HEAD = "sensor,start,end,use\n"


@pytest.fixture
def series():
    """Two sensors, six hours from 22:00 UTC, which is midnight in Berlin."""
    times = np.datetime64("2024-05-05T22:00", "s") + 3600 * np.arange(6)
    values = np.arange(12, dtype=np.float32).reshape(6, 2, 1)
    return Series(values, times, ("a", "b"), ("speed",), ("km/h",), "Europe/Berlin")


def test_times_are_local_and_the_end_is_excluded(series, tmp_path):
    """From one to three o'clock in Berlin: rows 1 and 2 of that sensor alone; answers of yes and none keep theirs."""
    file, findings = tmp_path / "days.csv", SeriesFindings("roads.csv", "wide")
    file.write_text(
        HEAD
        + "b,2024-05-06 01:00,2024-05-06 03:00,no\na,2024-05-06,2024-05-07,yes\na,2024-05-06,2024-05-07,\n"
        + "a,2030-01-01,2030-01-02,no\n"
    )
    found = leave_out(series, str(file), findings)
    assert np.argwhere(~found.mask[..., 0]).tolist() == [[1, 1], [2, 1]] and series.mask.all()
    assert findings.counts["left out"] == 2


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("sensor,start,end\n", "use"),
        (HEAD + "c,2024-05-06,2024-05-07,no\n", "'c'"),
        (HEAD + "a,2024-05-06,2024-05-07,maybe\n", "maybe"),
        (HEAD + "a,yesterday,2024-05-07,no\n", "yesterday"),
        (HEAD + "a,2024-05-07,2024-05-06,no\n", "not after"),
        (HEAD + "a\n", "not a time"),
    ],
)
def test_what_is_no_such_table_is_refused_with_its_place(series, tmp_path, text, word):
    """One line that names the file."""
    file = tmp_path / "days.csv"
    file.write_text(text)
    with pytest.raises(InputError, match=word) as error:
        leave_out(series, str(file), SeriesFindings("roads.csv", "wide"))
    assert "days.csv" in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_missing_is_refused(series, tmp_path):
    """One line."""
    with pytest.raises(InputError, match="none.csv"):
        leave_out(series, str(tmp_path / "none.csv"), SeriesFindings("roads.csv", "wide"))
