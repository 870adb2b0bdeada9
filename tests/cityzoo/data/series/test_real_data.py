"""The Los Angeles loop detectors next to the repository, if present; expected numbers computed independently."""

from pathlib import Path

import numpy as np
import pytest

from cityzoo.data.series import load_series, split
from cityzoo.data.series.formats import find

FOLDER = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "traffic_speed"
FILE = FOLDER / "los_speed.csv"


@pytest.fixture(scope="module")
def los():
    if not FILE.is_file():
        pytest.skip(f"no real data at {FILE}")
    return load_series(
        str(FILE), start="2012-03-01", step="5min", timezone="America/Los_Angeles", unit="mph",
        adjacency=str(FOLDER / "los_adj.csv"), window=24,
    )  # fmt: skip


def test_it_is_read_as_it_stands(los):
    series, findings = los
    expected = np.loadtxt(FILE, delimiter=",", skiprows=1)
    np.testing.assert_allclose(series.values[..., 0], expected, rtol=1e-6)
    assert series.sensors == tuple(FILE.read_text().partition("\n")[0].split(","))
    assert (series.channels, series.units) == (("speed",), ("mph",))
    np.testing.assert_allclose(series.adjacency, np.loadtxt(FOLDER / "los_adj.csv", delimiter=","), rtol=1e-6)
    assert not findings.counts  # nothing is wrong with it, no sensor seems to be of another unit
    assert (series.time_of_day[0], series.day_of_week[0], series.day_of_week[-1]) == (0, 3, 2)


def test_a_folder_is_read_as_well():
    if not FOLDER.is_dir():
        pytest.skip(f"no real data at {FOLDER}")
    assert find(str(FOLDER))[0] == "wide"


def test_persistence_on_the_last_fifth(los):
    """Errors of the last value seen, averaged over all steps up to the horizon, as T-GCN's paper has them."""
    series, _ = los
    values = series.values[..., 0].astype(np.float64)
    test = split(series, (0.8, 0.0, 0.2)).test
    origins = np.arange(test.start + 11, test.stop - 12)  # history within the test rows too, as in the paper
    errors = np.abs(values[origins[:, None] + np.arange(1, 13)] - values[origins][:, None])
    maes = [errors[:, :steps].mean() for steps in (3, 6, 9, 12)]
    np.testing.assert_allclose(maes, [3.156, 3.632, 4.042, 4.433], atol=0.01)
