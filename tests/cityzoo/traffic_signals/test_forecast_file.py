"""Forecasts in files: written, read again, refused with the line's number."""

from datetime import date

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.traffic_signals.forecast_file import read_forecasts, write_flows
from cityzoo.traffic_signals.junction import ARMS

DAY = date(2026, 1, 22)
UPPER = [f"{arm}_upper" for arm in ARMS]


def test_what_is_written_is_read(tmp_path):
    """Two days, with upper quantiles; one of them is the judged one."""
    flows = np.arange(2 * 24 * 8, dtype=float).reshape(2, 24, 8)
    write_flows(tmp_path / "f.csv", [date(2026, 1, 21), DAY], [*ARMS, *UPPER], flows)
    read = read_forecasts(str(tmp_path / "f.csv"), DAY, 60)
    assert sorted(read) == [date(2026, 1, 21), DAY]
    assert np.array_equal(read[DAY].flows, flows[1, :, :4]) and np.array_equal(
        read[DAY].upper, flows[1, :, 4:]
    )


def test_times_of_day_mean_the_judged_day_and_poisson_spreads(tmp_path):
    """400 veh/h are 100 in a quarter of an hour: 10 more or less, 1.28 times that, four times an hour."""
    rows = [f"{hour:02d}:{minute:02d},400,0,100,100" for hour in range(24) for minute in (0, 15, 30, 45)]
    (tmp_path / "f.csv").write_text("\n".join(["time,north,east,south,west", *rows]))
    forecast = read_forecasts(str(tmp_path / "f.csv"), DAY, 15)[DAY]
    assert forecast.flows.shape == (96, 4)
    assert forecast.upper[5, :2] == pytest.approx([400 + 1.2816 * 10 * 4, 0])


HEAD = "time,north,east,south,west\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column time"),
        ("time,north,south,west\n00:00,1,1,1\n", "no column east"),
        (HEAD + "00:00,1,1,1,many\n", "line 2, west: 'many'"),
        (HEAD + "00:00,1,nan,1,1\n", "line 2, east: nan"),
        (HEAD + "00:00,1,-3,1,1\n", "0 or more"),
        (HEAD + "00:00,1,1,1,1\n01:00,1,1,1\n", "line 3, west: None"),
        (HEAD + "noon,1,1,1,1\n", "line 2: time 'noon'"),
        (HEAD + "00:05,1,1,1,1\n", "not the start of a period of 60 minutes"),
        (HEAD + "00:00,1,1,1,1\n00:00,1,1,1,1\n", "line 3: 2026-01-22 00:00 is there twice"),
        (
            HEAD + "00:00,1,1,1,1\n02:00,1,1,1,1\n",
            "22 of 24 periods of 60 minutes of 2026-01-22 are missing, the first at 01:00",
        ),
    ],
)
def test_what_is_wrong_is_named(text, said, tmp_path):
    """Row and column."""
    file = tmp_path / "f.csv"
    file.write_text(text)
    with pytest.raises(InputError, match=said):
        read_forecasts(str(file), DAY, 60)


def test_no_file(tmp_path):
    """Or not text."""
    with pytest.raises(InputError, match="cannot be read"):
        read_forecasts(str(tmp_path / "none.csv"), DAY, 60)
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        read_forecasts(str(tmp_path / "b.csv"), DAY, 60)
