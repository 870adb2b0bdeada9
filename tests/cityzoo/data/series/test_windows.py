"""Windows by hand: which rows go in, which come out, what is missing, in which order."""

import numpy as np

from cityzoo.data.series.windows import Windows, make_inputs, truth


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
    found = truth(series(values), np.array([2, 4]), 3)
    np.testing.assert_array_equal(found[..., 0], [[6, np.nan, 10], [10, np.nan, np.nan]])


def test_a_history_never_holds_what_is_to_come(series):
    """Whatever lies after the origin, what goes in is the same."""
    values = np.random.default_rng(0).normal(size=(30, 3))
    changed = values.copy()
    changed[21:] = 1e6
    one, other = (make_inputs(series(each), np.array([20]), 12) for each in (values, changed))
    assert all((one[name] == other[name]).all() for name in one)


def test_batches_hold_each_window_once_in_an_order_that_a_seed_gives(series):
    """Another one in the next epoch; the same again from the same seed."""
    data = series(np.arange(40.0)[:, None])

    def epochs(seed):
        batches = Windows(data, np.arange(4, 25), 3, 2, 8, seed)
        assert len(batches) == 3
        orders = []
        for _ in range(2):
            read = [batches[number] for number in range(3)]
            assert [len(came) for _, came in read] == [8, 8, 5]
            last = np.concatenate([history["series"][:, -1, 0, 0] for history, _ in read])
            came = np.concatenate([came[:, :, 0] for _, came in read])
            np.testing.assert_array_equal(came, last[:, None] + [1, 2])
            orders.append(last.tolist())
            batches.on_epoch_end()
        return orders

    first, second = epochs(3)
    assert sorted(first) == sorted(second) == list(range(4, 25)) and first != second
    assert epochs(3) == [first, second] and epochs(4) != [first, second]
