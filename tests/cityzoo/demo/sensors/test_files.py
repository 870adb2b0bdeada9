"""Files of simulated sensors, letter by letter."""

import numpy as np

from cityzoo.data.series.series import Series
from cityzoo.demo.sensors.files import write_long, write_wide

TIMES = np.array(["2026-01-05T06:00", "2026-01-05T07:00"], "datetime64[s]")


def series(**more):
    values = np.array([[[60.5, 1200], [np.nan, np.nan]], [[61, 1180], [55.25, 900]]])
    return Series(values, TIMES, ("a", "b"), ("speed", "flow"), ("km/h", "veh/h"), "Europe/Berlin", **more)


def test_wide_tables_to_the_letter(tmp_path):
    far = np.array([[0, 1.5], [np.inf, 0]])
    write_wide(
        tmp_path,
        series(adjacency=np.array([[1, 0.5], [0, 1]]), places=np.array([[50, 10], [50.01, 10]])),
        far,
    )
    assert (tmp_path / "speed.csv").read_text() == (
        "time,a,b\n2026-01-05T07:00:00+01:00,60.5,\n2026-01-05T08:00:00+01:00,61,55.2\n"
    )
    assert (tmp_path / "flow" / "flow.yaml").read_text() == (
        "timezone: Europe/Berlin\nstep: 60min\nchannel: flow\nunit: veh/h\n"
        "places: ../sensors.csv\nadjacency: ../adjacency.csv\n"
    )
    assert (tmp_path / "adjacency.csv").read_text() == "a,b\n1,0.5\n0,1\n"
    assert (tmp_path / "distances.csv").read_text() == "from,to,distance\na,b,1.500\n"


def test_long_tables_leave_out_rows_of_nothing(tmp_path):
    write_long(tmp_path, series())
    assert (tmp_path / "measurements.csv").read_text() == (
        "time,sensor,speed,flow\n2026-01-05T07:00:00+01:00,a,60.5,1200\n"
        "2026-01-05T08:00:00+01:00,a,61,1180\n2026-01-05T08:00:00+01:00,b,55.2,900\n"
    )
