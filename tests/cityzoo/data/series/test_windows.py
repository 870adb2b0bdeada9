"""Windows by hand: which rows go in, which come out, what is missing, in which order."""

import random
from dataclasses import replace

import numpy as np
import pytest

from cityzoo.data.series.join import join_series
from cityzoo.data.series.windows import (
    WindowSet,
    batches,
    join_windows,
    make_inputs,
    make_targets,
    windows_of,
)
from cityzoo.errors import InputError


def test_a_window_holds_the_rows_up_to_its_origin(series):
    """Two rows of history up to row 3; a value that was not measured is 0 and masked."""
    values = np.arange(12.0).reshape(6, 2)
    values[2, 1] = np.nan
    found = make_inputs(series(values), np.array([3]), 2)
    np.testing.assert_array_equal(found["series"][0, :, :, 0], [[4, 0], [6, 7]])
    np.testing.assert_array_equal(found["mask"][0, :, :, 0], [[1, 0], [1, 1]])
    assert found["time_of_day"].tolist() == [np.float32(15 / 1440)] and found["day_of_week"].tolist() == [0]
    assert {name: each.dtype.name for name, each in found.items()} == {
        **{"series": "float32", "mask": "float32", "time_of_day": "float32", "day_of_week": "int32"}
    }


def test_what_came_is_the_first_channel_after_the_origin(series):
    """Missing stays missing; past the end of the series nothing came, rather than the last value again."""
    values = np.arange(12.0).reshape(6, 1, 2)
    values[4, 0, 0] = np.nan
    found = make_targets(series(values), np.array([2, 4]), 3)
    np.testing.assert_array_equal(found[..., 0], [[6, np.nan, 10], [10, np.nan, np.nan]])


def test_a_history_never_holds_what_is_to_come(series):
    """Whatever lies after the origin, what goes in is the same."""
    values = np.random.default_rng(0).normal(size=(30, 3))
    changed = values.copy()
    changed[21:] = 1e6
    one, other = (make_inputs(series(each), np.array([20]), 12) for each in (values, changed))
    assert all((one[name] == other[name]).all() for name in one)


def test_batches_hold_each_window_once_in_an_order_that_a_seed_gives(series):
    """Another one in the next epoch; the same again from the same seed, also from a later epoch on."""
    data = series(np.arange(40.0)[:, None])
    windows = WindowSet("train", data, range(40), np.arange(4, 25), 3, 2)
    state = random.Random(0).getstate()

    def epochs(seed, first=0, last=2):
        read = list(batches(windows, 8, seed, state, first, last)())
        assert sorted(len(target) for _, target in read) == sorted([8, 8, 5] * (last - first))
        shown = np.concatenate([inputs["series"][:, -1, 0, 0] for inputs, _ in read])
        target = np.concatenate([target[:, :, 0] for _, target in read])
        np.testing.assert_array_equal(target, shown[:, None] + [1, 2])
        return [shown[21 * number : 21 * (number + 1)].tolist() for number in range(last - first)]

    first, second = epochs(3)
    assert sorted(first) == sorted(second) == list(range(4, 25)) and first != second
    assert epochs(3) == [first, second] and epochs(4) != [first, second]
    assert epochs(3, 1, 2) == [second]


def test_windows_keep_to_their_rows(series):
    """Targets within them; histories may reach back over the border, but not before the first row."""
    data = series(np.zeros((20, 1)))

    def origins(rows):
        return windows_of("train", data, rows, 3, 2).origins.tolist()

    assert origins(range(10)) == [2, 3, 4, 5, 6, 7]
    assert origins(range(10, 15)) == [9, 10, 11, 12]
    with pytest.raises(InputError, match="1 rows hold no window of 3 in and 2 out: give more rows"):
        origins(range(10, 11))


def test_a_split_knows_its_span_and_the_spread_of_the_target_before_it(series):
    """Of the rows before it alone; of all rows where there are none."""
    values = np.r_[np.tile([1.0, 3.0], 5), np.full(10, 99.0)][:, None]
    windows = windows_of("test", series(values, timezone="Europe/Berlin"), range(10, 20), 3, 2)
    assert windows.target_spread == 1.0
    assert windows.span() == {
        **{"first": 10, "last": 19, "from": "2024-05-06 02:50", "to": "2024-05-06 03:35"},
        "timezone": "Europe/Berlin",
    }
    assert windows_of("train", series(values), range(10), 3, 2).target_spread == np.std(values)


def test_windows_count_less_for_a_longer_horizon(series):
    """As the protocol says, and never more than there are."""
    windows = WindowSet(
        "test", series(np.zeros((20, 1))), range(20), np.arange(4), 3, 2, lambda horizon: 6 - horizon
    )
    assert [windows.count(horizon) for horizon in (1, 2, 3)] == [4, 4, 3]
    assert windows_of("train", windows.series, range(10), 3, 2).count(9) == 6


def test_joined_windows_are_those_of_each_table_and_see_nothing_behind_their_rows(series):
    """A table, a gap of two steps, another one with its sensors in another order; rows behind a split stay unseen."""
    earlier, later = series(np.arange(20.0).reshape(10, 2)), series(100 + np.arange(16.0).reshape(8, 2))
    later = replace(
        later,
        times=earlier.times[-1]
        + (later.times - later.times[0])
        + np.timedelta64(3 * earlier.step_seconds, "s"),
    )
    later = later.subset(later.sensors[::-1])
    sets = [
        windows_of("train", earlier, range(6), 2, 1),
        windows_of("train", later, range(5), 2, 1),
    ]
    found = join_windows([sets[0], *sets])
    assert len(found) == sum(map(len, (sets[0], *sets))) and found.rows == range(17)
    inputs = [make_inputs(each.series, each.origins, 2) for each in (found, *sets)]
    swapped = inputs[1]["series"][:, :, ::-1]
    np.testing.assert_array_equal(
        inputs[0]["series"], np.concatenate([swapped, swapped, inputs[2]["series"]])
    )
    np.testing.assert_array_equal(
        found.targets(),
        np.concatenate([*[sets[0].targets()[..., ::-1]] * 2, sets[1].targets()]),
    )
    assert np.isnan(found.series.values[6:12]).all() and np.isnan(found.series.values[17:]).all()


@pytest.mark.parametrize(
    "change",
    [{"sensors": ("a", "z")}, {"units": ("other",)}, {"timezone": "Asia/Shanghai"}, {"times": "half a step"}],
)
def test_tables_of_another_kind_are_not_joined(series, change):
    """One line that names what differs."""
    one = series(np.zeros((10, 2)))
    if "times" in change:
        change = {"times": one.times + np.timedelta64(one.step_seconds // 2, "s")}
    with pytest.raises(InputError, match="cannot be joined"):
        join_series([one, replace(one, **change)])
