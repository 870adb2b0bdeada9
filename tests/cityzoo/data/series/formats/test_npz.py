import numpy as np
import pytest

from cityzoo.data.series import load_series
from cityzoo.errors import InputError

WHEN = {"start": "2018-01-01", "step": "5min", "timezone": "America/Los_Angeles"}


@pytest.fixture
def pems(tmp_path):
    """An array as PEMS04 and PEMS08 have it: 30 rows, 4 sensors, flow, occupancy, speed."""

    def write(data=None, **more):
        if data is None:
            data = np.stack([np.arange(120.0), np.arange(120) / 1000, 70 - np.arange(120) / 2], 1).reshape(
                30, 4, 3
            )
        np.savez(tmp_path / "pems08.npz", data=data, **more)
        return str(tmp_path / "pems08.npz")

    return write


def test_three_channels_are_flow_occupancy_and_speed(pems):
    series, findings = load_series(pems(), **WHEN)
    assert series.channels == ("flow", "occupancy", "speed") and series.sensors == ("0", "1", "2", "3")
    assert series.values.shape == (30, 4, 3) and series.values[1, 2].tolist() == pytest.approx([6, 0.006, 67])
    assert str(series.times[0]) == "2018-01-01T08:00:00" and findings.format == "npz"


def test_channels_are_chosen_by_name(pems):
    series, _ = load_series(pems(), **WHEN, channel=("speed", "flow"))
    assert series.values[1, 2].tolist() == [67, 6]
    with pytest.raises(InputError, match="unknown channel 'sped': did you mean 'speed'"):
        load_series(pems(), **WHEN, channel="sped")


def test_one_channel_is_called_by_the_reader(pems):
    flow = np.arange(1, 121).reshape(30, 4, 1)
    assert load_series(pems(flow), **WHEN, channel="flow").series.channels == ("flow",)
    assert load_series(pems(flow[..., 0]), **WHEN).series.values.shape == (30, 4, 1)


def test_the_list_of_distances_that_comes_with_it(pems, tmp_path):
    (tmp_path / "PEMS08.csv").write_text("from,to,cost\n0,1,100\n1,2,300\n3,0,100\n")
    roads = load_series(pems(), **WHEN, adjacency=str(tmp_path / "PEMS08.csv")).series.adjacency
    scale = np.std([100, 300, 100])
    assert (
        roads[0, 1] == pytest.approx(np.exp(-((100 / scale) ** 2))) and roads[1, 0] == 0 and roads[1, 2] == 0
    )


def test_infinite_numbers_are_named(pems):
    data = np.ones((30, 4, 3))
    data[5, 2, 1] = -np.inf
    with pytest.raises(
        InputError, match=r"pems08.npz: row 6, column '2 occupancy': -inf is infinite \(1 such"
    ):
        load_series(pems(data), **WHEN)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (np.ones(5), r"float64 of shape \(5,\), expected numbers of \(time, sensor, channel\)"),
        (np.array([["a"]]), "expected numbers"),
        (np.array([[None]]), "cannot be read"),  # objects are pickled
    ],
)
def test_what_is_no_series(pems, data, said):
    with pytest.raises(InputError, match=said):
        load_series(pems(data), **WHEN)


def test_start_and_step_are_needed(pems):
    with pytest.raises(InputError, match="no time column: give --start and --step"):
        load_series(pems())
