"""A CSV of measurements: what a model gets of it, and one line for what is wrong."""

import numpy as np
import pytest

from cityzoo.serve.http_errors import HttpError
from cityzoo.serve.series_window import parse_window

ABOUT = {
    "series": {
        "sensors": ["a", "b"],
        "channels": ["speed"],
        "units": ["km/h"],
        "timezone": "Europe/Berlin",
        "step_seconds": 900,
        "history": 3,
        "horizon": 2,
        "quantiles": [0.1, 0.5, 0.9],
    }
}
CSV = "time,b,a\n2026-07-06T08:00,1,2\n2026-07-06T08:15,,4\n2026-07-06T08:30,5,6\n"


def test_columns_by_name_and_missing_cells():
    feeds, last = parse_window(CSV, ABOUT)
    np.testing.assert_array_equal(feeds["series"][0, :, :, 0], [[2, 1], [4, 0], [6, 5]])
    np.testing.assert_array_equal(feeds["mask"][0, :, :, 0], [[1, 1], [1, 0], [1, 1]])
    assert feeds["time_of_day"] == pytest.approx([8.5 / 24])
    assert feeds["day_of_week"].tolist() == [0]
    assert last.isoformat() == "2026-07-06T08:30:00"


def test_times_with_a_zone_are_those_of_the_sensors():
    text = CSV.replace("2026-07-06T", "2026-07-05T").replace("08:", "23:").replace(",1,", "Z,1,")
    text = text.replace(",,", "Z,,").replace(",5,", "Z,5,")
    feeds, _ = parse_window(text, ABOUT)  # 23:30 UTC on Sunday is 1:30 on Monday in Berlin
    assert feeds["time_of_day"] == pytest.approx([1.5 / 24])
    assert feeds["day_of_week"].tolist() == [0]


def test_channels_are_named_after_their_sensor():
    about = {"series": {**ABOUT["series"], "channels": ["speed", "count"]}}
    feeds, _ = parse_window(CSV.replace("time,b,a", "time,b:count,a:speed"), about)
    np.testing.assert_array_equal(feeds["series"][0, 0], [[2, 0], [0, 1]])
    np.testing.assert_array_equal(feeds["mask"][0, 0], [[1, 0], [0, 1]])


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        (CSV.replace("time", "b"), "first column"),
        (CSV.replace(",a\n", ",c\n"), "'c'"),
        (CSV.replace(",a\n", ",b\n"), "two columns"),
        (CSV + "2026-07-06T08:45,1,2\n", "4 rows"),
        (CSV.replace("5,6", "5"), "2 cells"),
        (CSV.replace("5,6", "5,six"), "'six'"),
        (CSV.replace("5,6", "5,inf"), "'inf'"),
        (CSV.replace("08:30", "08:31"), "apart"),
        (CSV.replace("08:30", "half past"), "cannot be read"),
        (CSV.replace("08:30", "08:30Z"), "cannot be read"),
        ("time,a\n2026-07-06T08:00,\n2026-07-06T08:15,\n2026-07-06T08:30,\n", "not one measurement"),
    ],
)
def test_what_is_wrong_is_named(text, word):
    with pytest.raises(HttpError) as error:
        parse_window(text, ABOUT)
    assert error.value.status == 422
    assert word in error.value.message
