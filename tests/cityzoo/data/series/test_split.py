import numpy as np
import pytest

from cityzoo.data.series import days, split, windows
from cityzoo.errors import InputError


def test_seventy_ten_twenty_in_time():
    parts = split(34272)  # METR-LA
    assert [len(each) for each in parts] == [23990, 3427, 6855]
    assert [*parts.train, *parts.val, *parts.test] == list(range(34272))
    assert split(10) == (range(7), range(7, 8), range(8, 10))  # 0.7 + 0.1 is not quite 0.8
    assert split(2016, (0.8, 0.0, 0.2)).test == range(1612, 2016)  # as T-GCN: int(2016 * 0.8)


@pytest.mark.parametrize(
    ("rows", "shares", "said"),
    [
        (100, (0.7, 0.2, 0.2), "add up to 1"),
        (100, (0.8, 0.2), "are no split"),
        (2, (0.7, 0.1, 0.2), "2 rows cannot be split"),
    ],
)
def test_shares_that_are_no_split(rows, shares, said):
    with pytest.raises(InputError, match=said):
        split(rows, shares)


@pytest.mark.parametrize("reach_back", [True, False])
def test_no_target_lies_in_another_part_and_each_row_is_a_target(reach_back):
    parts = split(300)
    for part in parts:
        found = windows(300, part, 12, 12, reach_back)
        assert set(found.targets.ravel()) <= set(part)
        assert (found.targets[:, 0] == found.inputs[:, -1] + 1).all()
        assert (np.diff(found.inputs) == 1).all() and (np.diff(found.targets) == 1).all()
        assert found.inputs.min() >= 0
        first = part.start if reach_back and part.start else part.start + 12
        assert set(found.targets.ravel()) == set(range(first, part.stop))
        assert len(found.inputs) == part.stop - first - 11
    assert windows(300, parts.val).inputs[0].tolist() == list(range(198, 210))  # the history is train's
    assert windows(300, parts.test, reach_back=False).inputs.min() == parts.test.start


@pytest.mark.parametrize(
    ("rows", "history", "horizon", "said"),
    [
        (range(200, 210), 12, 12, "10 rows from row 200 on hold no window of 12 in and 12 out"),
        (range(0, 20), 12, 12, "20 rows from row 0 on hold no window"),
        (range(290, 310), 12, 12, "no rows of a series of 300"),
        (range(0, 300), 0, 12, "give 1 or more"),
    ],
)
def test_too_few_rows_for_a_window(rows, history, horizon, said):
    with pytest.raises(InputError, match=said):
        windows(300, rows, history, horizon)


def test_one_window_fits_exactly():
    found = windows(24, range(24))
    assert found.inputs.tolist() == [list(range(12))] and found.targets.tolist() == [list(range(12, 24))]


def test_days(series):
    week = series(np.zeros((2016, 1)))
    assert [len(days(week, number)) for number in (1, 2, 3)] == [288, 576, 864]
    assert days(week, 1, last=True) == range(1728, 2016)
    assert days(week, 0.5, rows=range(100, 1000)) == range(100, 244)
    with pytest.raises(InputError, match="8 days are 2304 rows of 300 seconds, 2016 are there"):
        days(week, 8)
