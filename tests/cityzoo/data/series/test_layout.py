"""What the rows and columns of usual tables mean, whatever the columns are called."""

import numpy as np
import pandas
import pytest

from cityzoo.data.series import load_series
from cityzoo.errors import InputError

TIMES = [f"2023-03-01 {n // 12:02}:{n % 12 * 5:02}" for n in range(24)]


@pytest.mark.parametrize("by_sensor", [False, True])
@pytest.mark.parametrize("names", [("4011", "4012", "4013"), ("A", "B", "C")])
def test_a_column_of_sensors_is_found_by_its_content(write_table, by_sensor, names):
    rows = [f"{time},{name},{10 * k + n % 7}" for n, time in enumerate(TIMES) for k, name in enumerate(names)]
    rows = sorted(rows, key=lambda row: row.split(",")[1]) if by_sensor else rows
    series, findings = load_series(write_table("timestamp,apparatus,volume", *rows))
    assert (series.sensors, series.channels, findings.format) == (names, ("volume",), "long")
    assert series.values[8, :, 0].tolist() == [1, 11, 21]
    assert findings.first["sensor column"] == ["'apparatus'"] and not findings.counts["contradiction"]


def test_columns_that_do_not_tell_sensors_apart_are_refused(write_table):
    rows = [f"{time},{n},{n % 5},{k}.{n}" for n, time in enumerate(TIMES) for k in range(3)]
    with pytest.raises(InputError, match=r"--sensor-column NAME .* out of phase, code, x"):
        load_series(write_table("time,phase,code,x", *rows))
    rows = [f"{time},7,{k},{k}.{n}" for n, time in enumerate(TIMES) for k in range(3)]
    with pytest.raises(InputError, match="with other values .48 of 72 rows in all.*--sensor-column"):
        load_series(write_table("time,station,lane,x", *rows))


def test_columns_that_are_named_tell_sensors_apart(write_table):
    rows = [f"{time},7,{k},{k}.5" for time in TIMES for k in range(3)]
    table = write_table("when,road,gate,x", *rows)
    series, _ = load_series(table, sensor_column="road,gate", time_column="when")
    assert series.sensors == ("7-0", "7-1", "7-2") and series.values[5, :, 0].tolist() == [0.5, 1.5, 2.5]
    with pytest.raises(InputError, match="unknown column of --sensor-column 'rode': did you mean 'road'"):
        load_series(table, sensor_column="rode")


@pytest.mark.parametrize(
    ("header", "clock"),
    [
        ("Date Local,Time Local,Site ID,pm25", "%Y-%m-%d,%H:%M"),
        ("Datum;Uhrzeit;Messstelle;PM2,5", "%d.%m.%Y;%H:%M"),
        ("fecha,hora,estacion,pm25", "%d/%m/%Y,%H:%M:%S"),
        ("day,interval,detid,flow", "%Y-%m-%d,{seconds}"),
        ("date,hour,sensor,flow", "%Y%m%d,{hour}"),
        ("Date,Time,Counter,flow", "%m/%d/%Y,%I:%M %p"),
        ("date,time,id,flow", "%Y-%m-%d 00:00:00,%H:%M"),
    ],
)
@pytest.mark.parametrize("wide", [False, True])
def test_date_and_time_in_two_columns(write_table, header, clock, wide):
    mark = ";" if ";" in header else ","
    moments = pandas.date_range("2023-03-01", periods=26, freq="h")
    shown = [m.strftime(clock).format(hour=m.hour, seconds=m.hour * 3600) for m in moments]
    rows = [
        f"{t}{mark}{k}{mark}{n}{',5' if mark == ';' else '.5'}" for n, t in enumerate(shown) for k in "ab"
    ]
    if wide:
        header = mark.join([*header.split(mark)[:2], "Nord", "Sued"])
        rows = [f"{t}{mark}{n}{mark}{n}{',5' if mark == ';' else '.5'}" for n, t in enumerate(shown)]
    series, findings = load_series(write_table(header, *rows))
    np.testing.assert_array_equal(series.times, moments.to_numpy("datetime64[s]"))
    assert series.values.shape == (26, 2, 1) and series.values[5, 1, 0] == 5.5
    assert (
        series.sensors == (("Nord", "Sued") if wide else ("a", "b")) and not findings.counts["contradiction"]
    )


def test_midnight_as_24_o_clock_ends_the_day(write_table):
    rows = [f"01.03.2023;{hour:02}:00;{hour}" for hour in range(1, 25)]
    series, _ = load_series(write_table("Datum;Uhrzeit;Mitte", *rows))
    assert len(series) == 24 and str(series.times[-1]) == "2023-03-02T00:00:00"
    rows = [f"2023-03-01 {hour:02}:00:00,{hour}" for hour in range(1, 25)]
    assert str(load_series(write_table("time,a", *rows)).series.times[-1]) == "2023-03-02T00:00:00"


@pytest.mark.parametrize(
    "header",
    [
        "No,year,month,day,hour,pm2.5,DEWP,TEMP,PRES,cbwd",
        "created_at,PM2.5_CF1_ug/m3,Temperature_F,Humidity_%,Pressure_hpa,name",
    ],
)
def test_quantities_of_one_station_are_channels(write_table, header):
    parts = header.startswith("No")
    times = [
        f"{n},2023,3,{1 + n // 24},{n % 24}" if parts else f"2023-03-01 {n:02}:00:00 UTC" for n in range(24)
    ]
    rows = [f"{time},{30 + n},{-5},{10.5},1013,NW" for n, time in enumerate(times)]
    names = header.split(",")[-5:-1]
    series, findings = load_series(write_table(header, *rows, name="mitte.csv"))
    assert (series.sensors, list(series.channels)) == (("mitte",), names)
    assert series.values[3, 0].tolist() == [33, -5, 10.5, 1013]
    assert findings.counts["one station"] == 1
    assert findings.first["unused column"] == [f"'{header.split(',')[-1]}'"]
    chosen = load_series(str(write_table(header, *rows, name="mitte.csv")), channel=names[2].lower()).series
    assert chosen.channels == (names[2],) and chosen.values[3, 0].tolist() == [10.5]


def test_what_is_no_quantity_of_a_station_is_forecast_only_if_named(write_table):
    rows = [f"{time},{900 + n},{n},{30 + n},20" for n, time in enumerate(TIMES)]
    table = write_table("created_at,entry_id,UptimeMinutes,PM2.5_ATM,Temperature_F", *rows)
    series, findings = load_series(table)
    assert series.channels == ("PM2.5_ATM", "Temperature_F") and series.values[3, 0, 0] == 33
    assert findings.first["unused column"] == ["'entry_id'", "'UptimeMinutes'"]
    assert load_series(table, channel="UptimeMinutes").series.channels == ("UptimeMinutes",)


def test_quantities_of_several_stations_and_among_sensors_are_refused(write_table):
    rows = [f"{time},1,2,3,4" for time in TIMES]
    with pytest.raises(
        InputError, match="quantities of 2 stations .*: write a row for each time and station"
    ):
        load_series(write_table("time,Nord PM10,Nord TEMP,Sued PM10,Sued TEMP", *rows))
    rows = [f"{time},1,2,3,4,5" for time in TIMES]
    with pytest.raises(InputError, match="'temp' looks like a quantity, 'A1' like a sensor"):
        load_series(write_table("time,temp,humidity,A1,A2,A3", *rows))


@pytest.mark.parametrize(
    "header", ["time,speed 1,speed 2,speed 3", "time,CO,NY,WY", "time,PM10 Nord,PM10 Sued,PM10 West"]
)
def test_sensors_of_one_quantity_stay_sensors(write_table, header):
    series, _ = load_series(write_table(header, *(f"{time},1,2,3" for time in TIMES)))
    assert series.sensors == tuple(header.split(",")[1:]) and len(series.channels) == 1


def test_simulated_seconds_take_a_start(write_table):
    names = ("begin", "end", "flow", "id", "occupancy", "speed")
    rows = [
        f"{60 * n}.00;{60 * n + 60}.00;{n};{k};1.5;{-1 if n == 3 else 13.9}" for n in range(9) for k in "ab"
    ]
    table = write_table(";".join(f"interval_{name}" for name in names), *rows, name="e1.csv")
    series, findings = load_series(table, start="2023-03-01 06:00")
    assert series.sensors == ("a", "b") and str(series.times[1]) == "2023-03-01T06:01:00"
    assert series.channels == ("interval_flow", "interval_occupancy", "interval_speed")
    assert np.isnan(series.values[3, :, 2]).all() and findings.counts["code"] == 2  # -1: no vehicle
    with pytest.raises(InputError, match="count from the start of a simulation: give --start"):
        load_series(table)
    assert load_series(table, assumed=("2012-03-01", "5min")).findings.first["assumed"] == ["2012-03-01"]


def test_air_quality_as_the_eea_has_it(write_table):
    header = (
        "Countrycode,AirQualityStationEoICode,AirPollutant,Concentration,UnitOfMeasurement,DatetimeBegin,"
    )
    when = [(f"2013-01-01 0{n}:00:00 +01:00", f"2013-01-01 0{n + 1}:00:00 +01:00") for n in range(4)]
    rows = [f"DE,DEBB021,PM2.5,{n}.5,µg/m3,{b},{e},{-1 if n == 2 else 1}" for n, (b, e) in enumerate(when)]
    series, findings = load_series(write_table(header + "DatetimeEnd,Validity", *rows))
    np.testing.assert_array_equal(series.values[:, 0, 0], np.float32([0.5, 1.5, np.nan, 3.5]))
    assert (series.sensors, series.channels, series.units) == (("DEBB021",), ("PM2.5",), ("µg/m3",))
    assert str(series.times[0]) == "2012-12-31T23:00:00" and findings.first["not valid"] == ["roads.csv:4"]


def test_empty_rows_and_columns_at_the_end(write_table):
    rows = [f"13/03/2004;{n:02}.00.00;2,{n};{n};;" for n in range(18, 24)]
    series, findings = load_series(write_table("Date;Time;CO(GT);NO2(GT);;", *rows, ";;;;;", ";;;;;"))
    assert series.values[1, 0].tolist() == pytest.approx([2.19, 19]) and len(series) == 6
    assert findings.first["empty row"] == ["roads.csv:8", "roads.csv:9"]
