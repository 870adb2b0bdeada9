import json
import logging

import numpy as np
import pytest

from cityzoo.data.series import load_series
from cityzoo.errors import InputError

CITY = "America/Los_Angeles"
SPRING = (("2012-03-11T01:00", "2012-03-11T02:00"), ("2012-03-11T03:00", "2012-03-11T04:00"))
AUTUMN = (("2012-11-04T00:00", "2012-11-04T02:00"), ("2012-11-04T01:00", "2012-11-04T03:00"))


def counts(findings):
    return {kind: number for kind, number in findings.counts.items() if number}


def test_spring_a_clock_that_jumps_leaves_no_gap(write_table, clock_rows):
    series, findings = load_series(write_table("time,a", *clock_rows(*SPRING)), timezone=CITY)
    assert series.values[:, 0, 0].tolist() == list(range(1, 25)) and not counts(findings)
    assert [str(series.times[0])[11:16], str(series.times[-1])[11:16]] == ["09:00", "10:55"]
    assert round(float(series.time_of_day[12]) * 24, 4) == 3


def test_spring_an_hour_of_zeros_that_never_occurs_is_left_out(write_table, clock_rows):
    numbers = [60] * 12 + [0] * 12 + [50] * 12
    table = write_table("time,a", *clock_rows(("2012-03-11T01:00", "2012-03-11T04:00"), values=numbers))
    series, findings = load_series(table, timezone=CITY)
    assert series.values[:, 0, 0].tolist() == [60] * 12 + [50] * 12
    assert counts(findings) == {"never, empty": 12}
    assert findings.first["never, empty"][0] == "roads.csv:14"


def test_spring_measurements_in_it_make_it_standard_time(write_table, clock_rows, caplog):
    table = write_table("time,a", *clock_rows(("2012-03-11T00:00", "2012-03-11T06:00"), step=60))
    series, findings = load_series(table, timezone=CITY)
    assert series.values[:, 0, 0].tolist() == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(
        series.time_of_day * 24, [0, 1, 3, 4, 5, 6], atol=1e-5
    )  # as people's clocks showed
    assert counts(findings) == {"no daylight saving": 4}
    assert "read as standard time: 4" in caplog.text


def test_autumn_an_hour_that_occurs_twice(write_table, clock_rows):
    series, findings = load_series(write_table("time,a", *clock_rows(*AUTUMN)), timezone=CITY)
    assert series.values[:, 0, 0].tolist() == list(range(1, 49)) and counts(findings) == {"twice": 24}
    assert [str(each)[11:16] for each in series.times[[0, 12, 24, 36]]] == [
        "07:00",
        "08:00",
        "09:00",
        "10:00",
    ]


def test_autumn_an_hour_that_was_written_once(write_table, clock_rows):
    rows = clock_rows(("2012-11-04T00:00", "2012-11-04T03:00"))
    series, findings = load_series(write_table("time,a", *rows), timezone=CITY)
    assert counts(findings) == {"twice once": 12, "gap": 12}
    assert np.isnan(series.values[24:36]).all() and series.values[36, 0, 0] == 25
    assert findings.first["gap"] == ["longest: 12 from 2012-11-04 01:00:00"]


def test_autumn_a_long_table_by_time(write_table):
    shown = ("00:30", "01:00", "01:00", "01:30", "01:30", "02:00")  # two passes, side by side
    rows = [f"2012-11-04 {time},{name},{n}" for n, time in enumerate(shown) for name in "ab"]
    series, findings = load_series(write_table("time,sensor,value", *rows), timezone=CITY)
    assert series.values[:, 0, 0].tolist()[:2] == [0, 1]
    assert series.values[:, 1, 0].tolist() == [0, 1, 3, 2, 4, 5]
    assert counts(findings) == {"twice": 8}


def test_utc_and_offsets_need_no_zone(write_table):
    rows = ["2012-11-04 01:30-07:00,1", "2012-11-04 01:30-08:00,2", "2012-11-04 02:30-08:00,3"]
    series, findings = load_series(write_table("time,a", *rows), timezone=CITY)
    assert series.values[:, 0, 0].tolist() == [1, 2, 3] and not counts(findings)
    np.testing.assert_allclose(series.time_of_day * 24, [1.5, 1.5, 2.5], atol=1e-5)
    assert load_series(write_table("time,a", *rows)).series.timezone == "UTC"


def test_a_file_of_many_faults_is_put_right_and_told(write_table, caplog):
    rows = [f"2012-03-01 {n // 12:02}:{n % 12 * 5:02},{60 + n % 7},{55 - n % 5},50," for n in range(48)]
    del rows[30:34], rows[20]
    rows[5] = rows[5].replace("00:25", "00:26")
    rows[8] = rows[8].replace(",55", ",NaN").replace(",52", ",NaN")
    rows.insert(11, rows[10])
    rows.insert(15, rows[14].replace(",50,", ",70,"))
    table = write_table("time,a,b,c,d", *rows)
    with caplog.at_level(logging.INFO):
        series, findings = load_series(table, timezone="Europe/Berlin", channel="speed", unit="km/h")
    assert (series.values.shape, series.sensors) == ((48, 3, 1), ("a", "b", "c"))
    assert counts(findings) == {
        "not measured": 46, "snapped": 1, "duplicate": 1, "contradiction": 1, "gap": 5, "all missing": 1,
    }  # fmt: skip
    assert findings.text().splitlines() == [
        f"data: {table} (wide)",
        "  48 rows, one every 5 min, 2012-03-01 00:00:00 to 2012-03-01 03:55:00 (Europe/Berlin), 3 sensors, "
        "speed [km/h]",
        "  sensors without measurements, dropped: 1 (d)",
        "  duplicate rows with the same values, averaged: 1 (roads.csv:13)",
        "  duplicate rows with different values, the last kept: 1 (roads.csv:17)",
        "  rows off the grid, moved to the nearest time: 1 (roads.csv:7 by 60 s)",
        "  missing rows, inserted without values: 5 (longest: 4 from 2012-03-01 02:30:00, 1 from 2012-03-01 01:40:00)",
        "  missing values: 46 (roads.csv:2, column 'd', roads.csv:3, column 'd', roads.csv:4, column 'd', "
        "roads.csv:5, column 'd', roads.csv:6, column 'd', ...)",
    ]
    assert findings.text() in caplog.text
    assert [record.levelname for record in caplog.records].count("WARNING") == 2  # all missing, contradiction
    report = json.loads(json.dumps(findings.as_dict()))
    assert (report["timezone"], report["units"], report["step_seconds"]) == (
        "Europe/Berlin",
        {"speed": "km/h"},
        300,
    )
    assert report["findings"]["gap"]["count"] == 5 and report["format"] == "wide"


def test_missing_rows_at_the_border_of_a_sensor_lie_where_they_belong(write_table):
    rows = ["2012-03-01 00:00,a,1", "2012-03-01 00:05,a,2", "2012-03-01 00:10,a,3", "2012-03-01 00:10,b,9"]
    series, _ = load_series(write_table("time,sensor,value", *rows))
    np.testing.assert_array_equal(series.values[..., 0], [[1, np.nan], [2, np.nan], [3, 9]])


def test_constant_sensors_and_other_units_are_warned_of(write_table, caplog):
    rng = np.random.default_rng(0)
    speeds = rng.normal(60, 3, (50, 8))
    speeds[:, 2] *= 1.609
    speeds[:, 4] = 60
    table = write_table("a,b,c,d,e,f,g,h", *(",".join(f"{each:.2f}" for each in row) for row in speeds))
    load_series(table, start="2012-03-01", step="5min", channel="speed", unit="mph")
    assert "c: speed 1.609 times the others' (mph or km/h?)" in caplog.text
    assert "constant value, kept: 1 (e: speed 60 mph)" in caplog.text


def test_zeros_are_said(write_table):
    speeds = np.random.default_rng(0).normal(60, 3, (50, 8))
    speeds[3:5] = 0
    table = write_table(
        "a,b,c,d,e,f,g,h", *(",".join(f"{each:.2f}" for each in row) for row in speeds), name="speed.csv"
    )
    when = {"start": "2012-03-01", "step": "5min"}
    series, findings = load_series(table, **when)
    assert series.channels == ("speed",) and np.isnan(series.values).sum() == 16
    assert "zeros read as missing values: 16 (speed: 4.0%)" in findings.text()
    assert not np.isnan(load_series(table, **when, missing="none").series.values).any()


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("abc", r"roads.csv:4, column 'b': 'abc' is not a number \(1 such fields in all\): correct it"),
        ("inf", "roads.csv:4, column 'b': 'inf' is infinite"),
        ("-Infinity", "roads.csv:4, column 'b': '.*inf.*' is infinite"),
        ("NNW", "column 'b': 'NNW' is not a number"),
        ("5 mph", "column 'b': '5 mph' is not a number"),
    ],
)
def test_what_is_no_number_is_named_with_row_and_column(write_table, cell, said):
    table = write_table(
        "time,a,b", "2012-03-01 00:00,1,2", "2012-03-01 00:05,,2", f"2012-03-01 00:10,3,{cell}"
    )
    with pytest.raises(InputError, match=said):
        load_series(table)


@pytest.mark.parametrize("cell", ["NaN", "nan", "", "NA", "null"])
def test_what_says_that_nothing_was_measured_is_named_and_counted(write_table, cell):
    table = write_table("time,a,b", "2012-03-01 00:00,1,2", f"2012-03-01 00:05,3,{cell}")
    series, findings = load_series(table)
    assert np.isnan(series.values[1, 1, 0])
    assert findings.line("not measured") == "missing values: 1 (roads.csv:3, column 'b')"


@pytest.mark.parametrize(
    ("lines", "wishes", "said"),
    [
        (("time,a", "2012-03-01 00:05,1", "2012-03-01 00:00,2"), {}, "roads.csv:3: time goes backwards"),
        (
            ("a,b", "1,2", "3,4"),
            {},
            "no time column: give --start and --step, e.g. --start 2012-03-01",
        ),
        (("a,b", "1,2", "3,4"), {"start": "2012-03-01"}, "give --step"),
        (("a,b", "1,2", "3,4"), {"start": "soon", "step": "5min"}, "time 'soon' is not understood"),
        (
            ("a,b", "1,2", "3,4"),
            {"start": "2012-03-01", "step": "5min", "window": 24},
            "has 2 rows, one window .* needs 24",
        ),
        (
            ("a,b", "1,2", "3,4"),
            {"start": "2012-03-01", "step": "5min", "adjacency": np.eye(3)},
            "3 x 3, the series has 2 sensors",
        ),
        (("a,b", ",", ","), {"start": "2012-03-01", "step": "5min"}, "none of the 2 sensors"),
        (("a,a", "1,2", "3,4"), {"start": "2012-03-01", "step": "5min"}, "two columns are called 'a'"),
        (("time,a", "2012-03-01,1", "2012-03-02,1,2"), {}, "roads.csv:3: 3 fields, expected 2"),
        (
            ("time,a", "2012-03-01,1", "2012-03-02,2"),
            {"step": "1h"},
            "1 d apart, .* step is 1 h",
        ),
        (
            ("time,a", "2012-03-01,1", "2012-03-02,2"),
            {"timezone": "Berlin"},
            "unknown time zone 'Berlin': did you mean",
        ),
        (("time,a", "2012-03-01,1", "2012-03-02,2"), {"unit": ("mph", "km/h")}, "2 units .* for 1 channels"),
        (
            ("time,sensor,pm25", "2012-03-01,a,1", "2012-03-02,a,2"),
            {"channel": "pm10"},
            "unknown channel 'pm10': did you mean",
        ),
        (("time,a", "2012-03-01,1"), {"step": "5min"}, "1 row, expected two"),
    ],
)
def test_what_cannot_be_used(write_table, lines, wishes, said):
    with pytest.raises(InputError, match=said) as raised:
        load_series(write_table(*lines), **wishes)
    assert "\n" not in str(raised.value)


def test_no_times_but_a_start_and_a_step(write_table):
    table = write_table("773869,767541", "64.5,67.5", "62.5,61.5")
    series, _ = load_series(table, start="2012-03-01", step="5min", timezone=CITY, unit="mph")
    assert [str(each) for each in series.times] == ["2012-03-01T08:00:00", "2012-03-01T08:05:00"]
    assert (series.sensors, series.step_seconds) == (("773869", "767541"), 300)


def test_a_start_that_is_assumed_is_told(write_table, caplog):
    table = write_table("773869,767541", "64.5,67.5", "62.5,61.5")
    series, _ = load_series(table, assumed=("2012-03-01", "5min"))
    assert str(series.times[1]) == "2012-03-01T00:05:00"
    assert "give --start and --step: 1 (2012-03-01, 5min)" in caplog.text
    series, findings = load_series(table, start="2013-01-01", step="1h", assumed=("2012-03-01", "5min"))
    assert series.step_seconds == 3600 and not findings.counts
    timed = write_table("time,a", "2014-03-01,1", "2014-03-02,2")
    assert not load_series(timed, assumed=("2012-03-01", "5min")).findings.counts


def test_a_start_is_not_used_where_there_are_times(write_table):
    table = write_table("time,a", "2012-03-01,1", "2012-03-02,2")
    series, findings = load_series(table, start="2020-01-01", step="1d")
    assert str(series.times[0])[:4] == "2012" and findings.first["unused start"] == ["2020-01-01"]


def test_sensors_that_are_left_out_leave_the_roads_too(write_table):
    roads = np.array([[1, 0.2, 0.3], [0.4, 1, 0.5], [0.6, 0.7, 1]])
    table = write_table("time,a,b,c", "2012-03-01,1,,3", "2012-03-02,4,,6")
    series, findings = load_series(table, adjacency=roads)
    np.testing.assert_allclose(series.adjacency, [[1, 0.3], [0.6, 1]])
    assert findings.as_dict()["adjacency"]["roads"] == 2
    with pytest.raises(InputError, match="2 x 2, the series has 3 sensors, expected 3 x 3"):
        load_series(table, adjacency=np.eye(2))


def test_files_of_a_folder_that_are_not_used_are_counted(write_table, tmp_path):
    for name in ("notes.txt", "old.bak", ".hidden", "roads_adj.csv"):
        write_table("not", "a table", name=f"city/{name}")
    write_table("unit: mph", name="city/roads.yaml")
    write_table("time,a", "2012-03-01,1", "2012-03-02,2", name="city/roads.csv")
    findings = load_series(str(tmp_path / "city")).findings
    assert findings.first["unused file"] == ["notes.txt", "old.bak", "roads_adj.csv"]


@pytest.mark.parametrize("timezone", [None, "UTC"])
def test_a_clock_put_back_asks_for_the_time_zone(write_table, clock_rows, timezone):
    with pytest.raises(
        InputError, match="roads.csv:26: time goes backwards.*put back: give --timezone"
    ) as raised:
        load_series(write_table("time,a", *clock_rows(*AUTUMN)), timezone=timezone)
    assert "sort" not in str(raised.value)
