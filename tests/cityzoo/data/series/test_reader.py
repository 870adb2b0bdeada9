"""The reader of series: its fields are flags, and options of loading."""

import numpy as np
import pytest

from cityzoo import tasks
from cityzoo.data.series.reader import SeriesReader
from cityzoo.errors import InputError
from tests.cityzoo.series_town import town, written


def test_its_fields_reach_the_loader(tmp_path):
    """Channel, unit and time zone as given; the format is found."""
    file = written(tmp_path / "roads.csv", town(sensors=2, days=1))
    series, findings = SeriesReader(channels="speed", unit="km/h", timezone="Europe/Berlin")(file, 25)
    assert (series.channels, series.units, series.timezone) == (("speed",), ("km/h",), "Europe/Berlin")
    assert series.sensors == ("s0", "s1") and len(series) == 288
    assert findings.as_dict()["format"] == "wide"


def test_what_the_data_says_is_the_default(tmp_path):
    series = SeriesReader()(written(tmp_path / "roads.csv", town(sensors=2, days=1)), 25).series
    assert series.timezone == "UTC" and series.times[0] == np.datetime64("2024-05-06")


def test_fewer_rows_than_a_window_are_refused(tmp_path):
    file = written(tmp_path / "roads.csv", town(sensors=2, days=1)[:20])
    with pytest.raises(InputError, match="roads.csv"):
        SeriesReader()(file, 25)


def test_tasks_on_series_have_its_flags():
    """The earlier name of one of them as well."""
    for name in ("traffic_flow", "air_quality"):
        flags = {item.name: item.metadata["was"] for item in tasks.find(name).flags["reader"]}
        columns = {"sensor_column", "time_column", "channels"}
        assert {"start", "step", "timezone", "unit", "adjacency", "missing", "leave_out"} | columns == set(
            flags
        )
        assert flags["channels"] == "channel"
