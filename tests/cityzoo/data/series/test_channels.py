import numpy as np
import pytest

from cityzoo.data.series.columns import channel_names, channel_units
from cityzoo.data.series.raw import Origin, RawSeries, SeriesOptions
from cityzoo.errors import InputError


def raw(channels, named, file="roads.csv"):
    return RawSeries(np.zeros((2, 1)), ("a",), channels, ("a",), named, Origin((file,)))


def test_the_sources_own_names_come_first():
    assert channel_names(raw(("pm25", "wind"), True, "speed.csv"), SeriesOptions()) == ("pm25", "wind")
    assert channel_names(raw(("value",), False), SeriesOptions()) == ("value",)
    assert channel_names(raw(("value",), False, "a_speed_flow.csv"), SeriesOptions()) == (
        "value",
    )  # which of them?
    with pytest.raises(InputError, match="--channel names speed,flow, 'roads.csv' has 1 unnamed"):
        channel_names(raw(("value",), False), SeriesOptions(channel=("speed", "flow")))


def test_units():
    assert channel_units(("pm25", "wind"), ("µg/m³", "m/s"), {}) == ("µg/m³", "m/s")
    assert channel_units(("pm25", "wind"), None, {"pm25": "ppb"}) == ("ppb", "")
    with pytest.raises(InputError, match="unknown channel of --unit 'wnd': did you mean 'wind'"):
        channel_units(("pm25", "wind"), {"wnd": "m/s"}, {})
