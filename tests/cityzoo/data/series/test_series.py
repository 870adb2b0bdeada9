import numpy as np
import pytest

from cityzoo.data.series import Series
from cityzoo.errors import InputError

TIMES = np.arange("2012-03-01", "2012-03-02", 300, dtype="datetime64[s]")


def make(values=None, times=TIMES, sensors=("a", "b"), channels=("speed",), units=("mph",), **more):
    values = np.ones((len(times), len(sensors), len(channels))) if values is None else values
    return Series(values, times, sensors, channels, units, **more)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"values": np.ones((288, 3, 1))}, r"shape \(288, 3, 1\), expected .* = \(288, 2, 1\)"),
        ({"units": ()}, "0 units for 1 channels"),
        ({"sensors": ("a", "a")}, "two sensors are called 'a'"),
        ({"values": np.full((288, 2, 1), np.inf)}, "infinite"),
        ({"times": TIMES[:1]}, "T of 2 or more"),
        ({"times": TIMES[[0, 1, 3]]}, "300 to 600 seconds apart"),
        ({"times": TIMES[::-1]}, "above 0"),
        ({"timezone": "America/Los_Angles"}, "did you mean 'America/Los_Angeles'"),
        ({"adjacency": np.eye(3)}, r"adjacency has the shape \(3, 3\), expected \(2, 2\)"),
        ({"adjacency": -np.eye(2)}, "none below 0"),
        ({"places": [[34.1, -118.3], [91, 0]]}, "latitude within 90"),
    ],
)
def test_what_does_not_fit_is_refused(changed, said):
    with pytest.raises(ValueError, match=said):
        make(**changed)


def test_types_and_mask():
    values = np.ones((288, 2, 1))
    values[3, 1] = np.nan
    series = make(values)
    assert (series.values.dtype, series.times.dtype) == (np.float32, np.dtype("datetime64[s]"))
    assert np.argwhere(~series.mask).tolist() == [[3, 1, 0]]
    assert (len(series), series.step_seconds) == (288, 300)


def test_time_of_day_is_that_of_the_local_clock_on_both_sides_of_a_change():
    hours = np.arange("2012-03-11T08", "2012-03-11T13", 3600, dtype="datetime64[s]")
    series = make(times=hours, timezone="America/Los_Angeles")
    np.testing.assert_allclose(series.time_of_day * 24, [0, 1, 3, 4, 5], atol=1e-5)
    assert series.time_of_day.dtype == np.float32
    assert series.day_of_week.tolist() == [6] * 5  # a Sunday
    assert make(times=hours).day_of_week.tolist() == [6] * 5
    assert make(times=hours[:2] - np.timedelta64(1, "h"), timezone="America/Los_Angeles").day_of_week[0] == 5


def test_a_subset_keeps_the_roads_between_its_sensors():
    roads = np.array([[1, 0.2, 0.3], [0.4, 1, 0.5], [0.6, 0.7, 1]])
    places = [[1, 2], [3, 4], [5, 6]]
    values = np.broadcast_to(np.arange(3.0)[:, None], (288, 3, 1))
    series = make(values, sensors=("a", "b", "c"), adjacency=roads, places=places)
    part = series.subset(("c", "a"))
    assert part.values[0, :, 0].tolist() == [2, 0]
    np.testing.assert_allclose(part.adjacency, [[1, 0.6], [0.3, 1]])
    assert part.places.tolist() == [[5, 6], [1, 2]]
    with pytest.raises(InputError, match="unknown sensor 'd'"):
        series.subset(("d",))
