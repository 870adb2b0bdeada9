import numpy as np
import pytest

from cityzoo.data.series import Series, sensor_quality
from cityzoo.data.series.findings import SeriesFindings
from cityzoo.errors import InputError

NAMES = tuple(f"s{number}" for number in range(20))


@pytest.fixture
def found():
    return SeriesFindings("roads.csv", "wide")


@pytest.fixture
def speeds():
    """Speeds of 20 sensors in mph over 600 rows, jams among them."""
    rng = np.random.default_rng(0)
    values = np.minimum(rng.normal(63, 4, (600, 20)), 70) * rng.uniform(0.95, 1.05, 20)
    values[100:160] *= rng.uniform(0.3, 1, (60, 20))
    return values[..., None].astype(np.float32)


def look(values, found, channel="speed", unit="mph"):
    times = np.arange(len(values)).astype("datetime64[s]")
    sensor_quality.find_suspects(Series(values, times, NAMES, (channel,), (unit,)), found)
    return found.first.get("factor", [])


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (1.609, "s3: speed 1.609 times the others' (mph or km/h?)"),
        (1 / 1.609, "s3: speed 1/1.609 of the others' (mph or km/h?)"),
        (1 / 2.237, "s3: speed 1/2.237 of the others' (m/s or mph?)"),
        (1 / 3.6, "s3: speed 1/3.6 of the others' (m/s or km/h?)"),
        (1000, "s3: speed 1000 times the others' (thousandths?)"),
    ],
)
def test_a_sensor_of_another_unit_is_named_with_its_factor(speeds, found, factor, said):
    speeds[:, 3] *= factor
    assert look(speeds, found) == [said]


def test_slow_roads_are_of_no_other_unit(speeds, found):
    assert look(speeds, found) == []
    slow = speeds.copy()
    slow[:, 3] = np.where(
        np.arange(600)[:, None] % 2 > 0, speeds[:, 3] / 2.5, speeds[:, 3] * 0.95
    )  # jammed half of the day
    slow[:, 4] *= 0.8  # a lower limit
    assert look(slow, found) == []


def test_flows_differ_by_much_and_thousandths_stand_out_all_the_same(found):
    rng = np.random.default_rng(0)
    flows = rng.poisson(rng.uniform(5, 200, 20), (600, 20))[..., None].astype(np.float32)
    assert look(flows, found, "flow", "") == look(flows, found, "value", "") == []
    flows[:, 0] *= 1000
    assert look(flows, found, "flow", "")[0].startswith("s0: flow 1000 times")


def test_a_share_among_per_cents(found):
    rng = np.random.default_rng(0)
    shares = rng.uniform(2, 20, (600, 20, 1)).astype(np.float32)
    shares[:, 2] /= 100
    assert look(shares, found, "occupancy", "") == ["s2: occupancy 1/100 of the others' (shares or percent?)"]


def test_constant_sensors(speeds, found):
    speeds[:, 5], speeds[9, 5] = 65, np.nan
    look(speeds, found)
    assert found.first["constant"] == ["s5: speed 65 mph"]


def test_silent_sensors(speeds, found):
    two = np.concatenate([speeds, speeds], 2)
    two[:, 1], two[:, 2, 1] = np.nan, np.nan
    assert np.flatnonzero(
        sensor_quality.sensors_without_data(two, NAMES, ("speed", "flow"), found)
    ).tolist() == [1]
    assert found.first == {"all missing": ["s1"], "channel missing": ["s2: flow"]}
    with pytest.raises(InputError, match="none of the 20 sensors of 'roads.csv' measured anything"):
        sensor_quality.sensors_without_data(two * np.nan, NAMES, ("speed", "flow"), found)


@pytest.mark.parametrize(
    ("channel", "missing", "gone", "kind"),
    [
        ("speed", "auto", 240, "zero"),
        ("speed", "none", 0, None),
        ("flow", "auto", 0, None),
        ("flow", "zero", 240, "zero"),
        ("value", "auto", 0, "zero?"),
    ],
)
def test_zeros_that_stand_apart_are_not_measured(speeds, found, channel, missing, gone, kind):
    speeds[50:62] = 0
    sensor_quality.drop_zeros(speeds, (channel,), ("",), missing, found)
    assert np.isnan(speeds).sum() == gone
    assert dict(found.counts) == ({kind: 240} if kind else {})
    if kind:
        assert found.first[kind] == [f"{channel}: 2.0%"]


def test_zeros_of_a_standing_jam_are_speeds(speeds, found):
    speeds[100:160, :, 0] = np.linspace(0, 10, 60)[:, None] // 1  # 0, 1, 2, ... mph
    sensor_quality.drop_zeros(speeds, ("speed",), ("mph",), "auto", found)
    assert not np.isnan(speeds).any() and not found.counts


def test_another_word(speeds, found):
    with pytest.raises(InputError, match="unknown value of missing 'zeros': did you mean 'zero'"):
        sensor_quality.drop_zeros(speeds, ("speed",), ("mph",), "zeros", found)
