from cityzoo.data.series.columns import find_long_columns, select_channels


def test_where_things_are():
    found = find_long_columns(
        ["location", "utc", "local", "parameter", "value", "unit", "latitude", "longitude"]
    )
    assert (found.time, found.sensor, found.channel, found.values) == ((1,), 0, 3, (4,))
    assert (found.unit, found.places, sorted(found.text)) == (5, (6, 7), [0, 1, 3, 5])


def test_a_second_column_of_times_is_no_channel():
    assert find_long_columns(["station", "utc time", "local time", "pm25"]).values == (3,)
    assert find_long_columns(["date", "time", "station_id", "pm25"]).time == (0, 1)


def test_other_tables():
    assert find_long_columns(["time", "station"]) is None  # no values
    assert find_long_columns(["station", "pm25"]) is None  # no times
    assert find_long_columns([]) is None
    assert find_long_columns(["time", "773869", "767541"]) is None  # a wide table


def test_channels_are_selected_by_name():
    assert select_channels(("flow", "occupancy", "speed"), ("speed",)) == [2]
    assert select_channels(("flow", "speed"), None) == [0, 1]
