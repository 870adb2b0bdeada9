import numpy as np
import pytest

from cityzoo.data.series import resample
from cityzoo.data.series.findings import SeriesFindings
from cityzoo.data.series.raw import Origin, RawSeries
from cityzoo.errors import InputError

START = np.datetime64("2012-03-01", "s")


def lay(seconds, values, step=300, timezone="UTC"):
    values = np.array(values, np.float64).reshape(len(seconds), -1)
    names = tuple(f"s{number}" for number in range(values.shape[1]))
    raw = RawSeries(
        values, names, ("speed",), names, False, Origin(("roads.csv",), np.arange(2, 99), by_line=True)
    )
    findings = SeriesFindings("roads.csv", "wide")
    times = START + np.array(seconds)
    return *resample.to_regular_grid(raw, times, np.arange(len(times)), step, findings, timezone), findings


def test_gaps_are_filled_counted_and_the_longest_is_named_first():
    values, times, findings = lay([0, 600, 900, 2100], [1, 2, 3, 4], timezone="America/Los_Angeles")
    np.testing.assert_array_equal(values[:, 0, 0], [1, np.nan, 2, 3, np.nan, np.nan, np.nan, 4])
    assert values.dtype == np.float32 and (np.diff(times).astype(int) == 300).all()
    assert findings.line("gap") == (
        "missing rows, inserted without values: 4 (longest: 3 from 2012-02-29 16:20:00, 1 from 2012-02-29 16:05:00)"
    )


def test_rows_off_the_step_go_to_the_nearest_time():
    values, times, findings = lay([0, 310, 600, 890, 1200], [1, 2, 3, 4, 5])
    assert values[:, 0, 0].tolist() == [1, 2, 3, 4, 5] and str(times[3])[11:] == "00:15:00"
    assert findings.line("snapped") == (
        "rows off the grid, moved to the nearest time: 2 (roads.csv:3 by 10 s, roads.csv:5 by 10 s)"
    )


def test_the_grid_begins_where_most_rows_lie():
    _, times, findings = lay([120, 420, 720], [1, 2, 3])
    assert str(times[0])[11:] == "00:02:00" and not findings.counts


def test_copies_that_agree_are_averaged_and_others_give_way_to_the_later():
    values, _, findings = lay(
        [0, 0, 300, 300, 600], [[60, np.nan], [60.02, 5], [10, 7], [20, np.nan], [1, 1]]
    )
    np.testing.assert_allclose(values[:, :, 0], [[60.01, 5], [20, 7], [1, 1]], rtol=1e-6)
    assert findings.line("duplicate").endswith("averaged: 1 (roads.csv:3)")
    assert findings.line("contradiction").endswith("the last kept: 1 (roads.csv:5)")


def test_a_date_far_off_is_refused():
    with pytest.raises(
        InputError, match=r"roads.csv:4: 2112-03-02 .* UTC comes \d+ steps of 5 min after 2012-03-01 00:05"
    ):
        lay([0, 300, 36525 * 86400], [1, 2, 3])


def test_time_that_goes_backwards_is_named():
    raw = RawSeries(
        np.zeros((3, 1)), ("a",), ("speed",), ("a",), False, Origin(("roads.csv",), [2, 3, 4], by_line=True)
    )
    times, free = START + np.array([0, 600, 300]), np.zeros(3, bool)
    with pytest.raises(
        InputError,
        match=r"roads.csv:4: time goes backwards, 2012-03-01 00:05:00 after 2012-03-01 00:10:00 \(1 ",
    ):
        resample.require_forward(raw, times, np.zeros(3, int), free)
    resample.require_forward(raw, times, np.array([0, 1, 0]), free)  # another sensor's row


@pytest.mark.parametrize(
    ("seconds", "asked", "step"),
    [
        ([0, 300, 600, 1800], None, 300),
        ([0, 297, 604, 899, 1203], None, 300),
        ([0, 41, 97, 500], 300, 300),
        ([0], 60, 60),
    ],
)
def test_the_step_is_found(seconds, asked, step):
    assert (
        resample.find_step(START + np.array(seconds), np.zeros(len(seconds), int), asked, "roads.csv") == step
    )


@pytest.mark.parametrize(
    ("seconds", "asked", "said"),
    [
        ([0, 300, 600], 60, r"5 min apart, .* step is 1 min"),
        ([0, 41, 97, 500, 3000], None, r"\(41 to 2500 seconds apart\).*--step 5min"),
        ([0], None, "only one time"),
    ],
)
def test_no_step_to_be_found(seconds, asked, said):
    with pytest.raises(InputError, match=said):
        resample.find_step(START + np.array(seconds), np.zeros(len(seconds), int), asked, "roads.csv")
