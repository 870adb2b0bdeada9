"""Stations of Caltrans PeMS: text without a header."""

import pytest

from cityzoo.data.series import load_series


def lines(day):
    """Three times, two stations; flow, occupancy and speed from the number of the row."""
    return [
        f"03/{day:02}/2023 {hour:02}:00:00,{station},7,5,S,ML,.27,50,100,{40 + hour},.0{hour},6{hour}.5,,,,,,,,,,"
        for hour in range(3)
        for station in (715898, 715900)
    ]


@pytest.mark.parametrize("channel", [None, "speed"])
def test_time_station_flow_occupancy_and_speed(write_table, tmp_path, channel):
    write_table(*lines(1), name="pems/d07_text_station_hour_2023_03_01.txt")
    write_table(*lines(2), name="pems/d07_text_station_hour_2023_03_02.txt")
    series, findings = load_series(str(tmp_path / "pems"), channel=channel, timezone="America/Los_Angeles")
    expected = [42, 0.02, 62.5]
    assert series.values[26, 1].tolist() == pytest.approx(expected if channel is None else expected[2:])
    assert series.channels == (("flow", "occupancy", "speed") if channel is None else ("speed",))
    assert series.sensors == ("715898", "715900") and str(series.local_times[26]) == "2023-03-02T02:00:00"
    assert findings.format == "pems_text" and findings.counts["unused column"] == (
        17 if channel is None else 19
    )
    assert findings.as_dict()["units"]["speed"] == "mph"
