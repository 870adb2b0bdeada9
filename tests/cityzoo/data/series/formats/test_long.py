import numpy as np
import pytest

from cityzoo.data.series import load_series
from cityzoo.errors import InputError

BEIJING = "No,year,month,day,hour,PM2.5,TEMP,wd,WSPM,station"


def test_several_columns_of_values_are_channels(write_table):
    rows = [
        "2013-03-01 00:00,Aotizhong,4,-0.7",
        "2013-03-01 00:00,Tiantan,6,-0.5",
        "2013-03-01 01:00,Tiantan,7,",
    ]
    series, _ = load_series(write_table("time,station,pm25,temperature", *rows), unit={"pm25": "µg/m³"})
    assert (series.sensors, series.channels) == (("Aotizhong", "Tiantan"), ("pm25", "temperature"))
    np.testing.assert_allclose(series.values[0], [[4, -0.7], [6, -0.5]], rtol=1e-6)
    np.testing.assert_array_equal(series.values[1], [[np.nan, np.nan], [7, np.nan]])
    assert (series.units, series.step_seconds) == (("µg/m³", ""), 3600)


def test_a_column_of_channels(write_table):
    rows = [
        "2013-03-01 00:00,a,pm25,4,µg/m³,39.9,116.4",
        "2013-03-01 00:00,a,wind,2,m/s,39.9,116.4",
        "2013-03-01 00:00,b,wind,3,m/s,40.1,116.2",
        "2013-03-01 01:00,b,pm25,5,µg/m³,40.1,116.2",
    ]
    table = write_table("time,location,parameter,value,unit,latitude,longitude", *rows)
    series, findings = load_series(table)
    np.testing.assert_array_equal(series.values[0], [[4, 2], [np.nan, 3]])
    np.testing.assert_array_equal(series.values[1], [[np.nan, np.nan], [5, np.nan]])
    assert (series.channels, series.units) == (("pm25", "wind"), ("µg/m³", "m/s"))
    assert series.places.tolist() == [[39.9, 116.4], [40.1, 116.2]]
    assert not findings.counts["duplicate"]
    other = load_series(table, channel=("wind", "pm25")).series
    np.testing.assert_array_equal(other.values, series.values[..., ::-1])
    np.testing.assert_array_equal(
        load_series(table, channel="pm25", step="1h").series.values[..., 0], series.values[..., 0]
    )


def test_two_units_in_one_channel(write_table):
    rows = ["2013-03-01 00:00,a,4,ppb", "2013-03-01 01:00,a,5,µg/m³"]
    with pytest.raises(InputError, match="roads.csv:3: value is in 'µg/m³', in 'ppb' above: convert it"):
        load_series(write_table("time,station,value,unit", *rows))


def test_a_column_called_value_is_called_by_the_reader(write_table):
    table = write_table("time,sensor_id,value", "2013-03-01,7,4", "2013-03-02,7,5")
    assert load_series(table).series.channels == ("value",)
    assert load_series(table, channel="flow").series.channels == ("flow",)


def test_one_file_a_station_with_the_date_in_parts(write_table, tmp_path):
    write_table(
        BEIJING,
        "1,2013,3,1,0,4,-0.7,NNW,4.4,Aotizhong",
        "2,2013,3,1,1,8,-1.1,N,4.7,Aotizhong",
        name="city/a.csv",
    )
    second = write_table(
        BEIJING, "1,2013,3,1,0,6,-0.5,E,NA,Tiantan", "2,2013,3,1,1,9,x,E,2.1,Tiantan", name="city/b.csv"
    )
    series, findings = load_series(
        str(tmp_path / "city"), channel=("PM2.5", "WSPM"), timezone="Asia/Shanghai"
    )
    np.testing.assert_allclose(series.values[..., 0], [[4, 6], [8, 9]])
    assert (str(series.times[0]), series.sensors) == ("2013-02-28T16:00:00", ("Aotizhong", "Tiantan"))
    assert findings.first["not measured"] == ["b.csv:2, column 'WSPM'"]
    assert findings.first["unused column"] == ["'TEMP'", "'wd'"]
    with pytest.raises(InputError, match=r"b.csv:3, column 'TEMP': 'x' is not a number .* --channels PM2.5,"):
        load_series(str(tmp_path / "city"))  # `wd` has no number at all and is left out
    with pytest.raises(InputError, match=f"{second}:3, column 'TEMP': 'x' is not a number"):
        load_series(str(tmp_path / "city"), channel="TEMP")


def test_sorted_by_sensor_or_by_time_is_the_same(write_table):
    rows = [
        f"2013-03-01 0{hour}:00,{name},{hour}{number}"
        for hour in range(3)
        for number, name in enumerate("ab")
    ]
    by_time = load_series(write_table("time,node,flow", *rows)).series
    by_sensor = load_series(write_table("time,node,flow", *sorted(rows, key=lambda row: row[17]))).series
    np.testing.assert_array_equal(by_time.values, by_sensor.values)
    assert by_time.values[:, 1, 0].tolist() == [1, 11, 21]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["2013-03-01,a,1", "2013-03-02,,2"], "roads.csv:3, column 'sensor': no name"),
        (["2013-03-02,a,1", "2013-03-02,b,2", "2013-03-01,b,2"], "roads.csv:4: time goes backwards"),
        (["0,a,1", "1,a,2"], "numbers its rows and has no times"),
    ],
)
def test_what_cannot_be_used(write_table, rows, said):
    with pytest.raises(InputError, match=said):
        load_series(write_table("time,sensor,value", *rows))
