import json

import numpy as np
import pytest

from cityzoo.data.series import load_series
from cityzoo.data.series.sidecar import read_sidecar
from cityzoo.errors import InputError

SAID = {
    "start": "2012-03-01",
    "step": "5min",
    "timezone": "America/Los_Angeles",
    "unit": "mph",
    "channel": "speed",
    "adjacency": "los_adj.csv",
    "places": "where.csv",
}


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_a_file_beside_says_what_the_table_does_not(write_table, suffix):
    table = write_table("a,b", "64.5,67.5", "62.5,61.5", name="los.csv")
    write_table("1,0.5", "0,1", name="los_adj.csv")
    write_table("sensor_id,latitude,longitude", "b,34.2,-118.5", name="where.csv")
    lines = [f"{key}: {value}" for key, value in SAID.items()] if suffix == ".yaml" else [json.dumps(SAID)]
    write_table(*lines, name=f"los{suffix}")
    series, findings = load_series(table)
    assert (series.channels, series.units, series.timezone) == (("speed",), ("mph",), "America/Los_Angeles")
    assert str(series.times[1]) == "2012-03-01T08:05:00"
    assert series.adjacency.tolist() == [[1, 0.5], [0, 1]]
    np.testing.assert_array_equal(series.places, [[np.nan, np.nan], [34.2, -118.5]])
    assert load_series(table, unit="km/h", step=60).series.units == ("km/h",)  # what is said counts more


def test_a_folder(write_table, tmp_path):
    write_table("a,b", "64.5,67.5", "62.5,61.5", name="city/los.csv")
    write_table("1,0.5", "0,1", name="city/los_adj.csv")  # no measurements, by its name
    write_table(
        "start: 2012-03-01 06:00:00",
        "step: 300",
        "unit: {speed: mph}",
        "channel: [speed]",
        name="city/los.yaml",
    )
    series, _ = load_series(str(tmp_path / "city"))
    assert (str(series.times[0]), series.units) == ("2012-03-01T06:00:00", ("mph",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("begin: 2012", "unknown key in .*roads.yaml 'begin'"),
        ("- start", "has no keys"),
        ("a: [", "not valid YAML"),
    ],
)
def test_what_nobody_asks_for(write_table, text, said):
    table = write_table("a", "1", "2")
    write_table(text, name="roads.yaml")
    with pytest.raises(InputError, match=said):
        read_sidecar(table)
