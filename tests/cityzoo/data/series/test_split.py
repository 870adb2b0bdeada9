import numpy as np
import pytest

from cityzoo.data.series import days, split
from cityzoo.data.series.windows import windows_of
from cityzoo.errors import InputError


def origins_of(rows, history=12, horizon=12):
    """The last row of history of each window with targets in some rows."""
    return windows_of("train", None, rows, history, horizon).origins


def test_seventy_ten_twenty_in_time():
    parts = split(34272)  # METR-LA
    assert [len(each) for each in parts] == [23990, 3427, 6855]
    assert [*parts.train, *parts.val, *parts.test] == list(range(34272))
    assert split(10) == (range(7), range(7, 8), range(8, 10))  # 0.7 + 0.1 is not quite 0.8
    assert split(2016) == (range(1411), range(1411, 1612), range(1612, 2016))
    assert split(2016, (0.8, 0.0, 0.2)).test == range(1612, 2016)  # as T-GCN: int(2016 * 0.8)


@pytest.mark.parametrize(
    ("rows", "shares", "said"),
    [
        (100, (0.7, 0.2, 0.2), "sum to 1"),
        (100, (0.8, 0.2), "do not sum"),
        (2, (0.7, 0.1, 0.2), "2 rows cannot be split"),
    ],
)
def test_shares_that_are_no_split(rows, shares, said):
    with pytest.raises(InputError, match=said):
        split(rows, shares)


def test_no_target_lies_in_another_part_and_each_row_is_a_target():
    parts = split(300)
    for part in parts:
        origins = origins_of(part, 12, 12)
        targets, inputs = origins[:, None] + np.arange(1, 13), origins[:, None] + np.arange(-11, 1)
        first = part.start or 12
        assert set(targets.ravel()) == set(range(first, part.stop)) <= set(part)
        assert (np.diff(origins) == 1).all() and inputs.min() >= 0
        assert len(origins) == part.stop - first - 11
    assert origins_of(parts.val)[0] == 209  # the history is train's


@pytest.mark.parametrize(
    ("rows", "history", "horizon", "said"),
    [
        (range(200, 210), 12, 12, "10 rows hold no window of 12 in and 12 out.*--split"),
        (range(0, 20), 12, 12, "20 rows hold no window"),
        (range(10, 11), 3, 2, "1 rows hold no window of 3 in and 2 out: give more rows"),
    ],
)
def test_too_few_rows_for_a_window(rows, history, horizon, said):
    with pytest.raises(InputError, match=said):
        origins_of(rows, history, horizon)


def test_windows_by_hand():
    assert origins_of(range(10), 3, 2).tolist() == [2, 3, 4, 5, 6, 7]
    assert origins_of(range(10, 15), 3, 2).tolist() == [9, 10, 11, 12]
    assert origins_of(range(24)).tolist() == [11]


def test_days(series):
    week = series(np.zeros((2016, 1)))
    assert [len(days(week, number)) for number in (1, 2, 3)] == [288, 576, 864]
    assert days(week, 1, last=True) == range(1728, 2016)
    assert days(week, 0.5, rows=range(100, 1000)) == range(100, 244)
    with pytest.raises(InputError, match="8 days are 2304 rows of 300 seconds, 2016 are available"):
        days(week, 8)
