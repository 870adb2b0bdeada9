"""Files by pandas and PyTables themselves (tests/golden/make_frames.py), and the same layout by h5py."""

import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest

from cityzoo.data.series import load_series
from cityzoo.errors import InputError

GOLDEN = Path(__file__).resolve().parents[4] / "golden"
VALUES = np.arange(4.0)[:, None] + np.arange(3) / 10
TIMES = np.datetime64("2012-03-01", "ns") + np.timedelta64(300, "s") * np.arange(4)


def test_as_pandas_writes_metr_la():
    series, findings = load_series(
        str(GOLDEN / "frame_df.h5"), timezone="America/Los_Angeles", channel="speed"
    )
    np.testing.assert_allclose(series.values[..., 0], VALUES, rtol=1e-6)
    assert (series.sensors, series.channels) == (("773869", "767541", "767542"), ("speed",))
    assert str(series.times[0]) == "2012-03-01T08:00:00" and findings.format == "hdf5"


def test_as_pandas_writes_pems_bay():
    series, _ = load_series(str(GOLDEN / "frame_speed.h5"))
    np.testing.assert_allclose(series.values[:, [0, 2], 0], VALUES[:, [0, 2]], rtol=1e-6)
    assert series.values[:, 1, 0].tolist() == [0, 1, 2, 3]  # a block of its own
    assert (series.sensors, series.channels) == (("400001", "400017", "400030"), ("speed",))
    assert (series.timezone, str(series.times[0])) == ("America/Los_Angeles", "2012-03-01T08:00:00")


@pytest.fixture
def frame(tmp_path):
    """Return a function that writes METR-LA's layout by h5py."""

    def write(times=TIMES, values=VALUES, kind=b"datetime64", group="df", **more):
        path = tmp_path / "metr-la.h5"
        with h5py.File(path, "w") as file:
            for name, data in {
                "axis0": np.array([b"773869", b"767541", b"767542"]),
                "axis1": times.astype(np.int64),
                "block0_items": np.array([b"773869", b"767541", b"767542"]),
                "block0_values": values,
                **more,
            }.items():
                file[f"{group}/{name}"] = data
            file[group].attrs["pandas_type"] = np.bytes_(b"frame")
            file[f"{group}/axis1"].attrs["kind"] = np.bytes_(kind)
        return str(path)

    return write


@pytest.mark.parametrize(
    ("times", "kind"),
    [(TIMES, b"datetime64"), (TIMES.astype("datetime64[us]"), b"datetime64[us]"), (TIMES, b"datetime64[ns]")],
)
def test_times_of_older_and_newer_pandas(frame, times, kind):
    series = load_series(frame(times, kind=kind)).series
    np.testing.assert_array_equal(series.times, TIMES.astype("datetime64[s]"))


def test_zeros_are_what_metr_la_writes_for_missing(frame):
    rng = np.random.default_rng(0)
    times = np.datetime64("2012-03-01", "ns") + np.timedelta64(300, "s") * np.arange(200)
    values = rng.normal(60, 4, (200, 3))
    values[20:60] = 0
    series, findings = load_series(frame(times, values))
    assert (series.values[20:60] == 0).all() and findings.counts[
        "zero?"
    ] == 120  # nobody said that it is speed
    series, findings = load_series(frame(times, values), unit="mph")
    assert np.isnan(series.values[20:60]).all() and findings.counts["zero"] == 120


def test_an_index_that_counts_takes_a_start(frame):
    table = frame(np.arange(4), kind=b"integer")
    assert load_series(table, start="2012-03-01", step="5min").series.values.shape == (4, 3, 1)
    with pytest.raises(InputError, match="the index has no times"):
        load_series(frame(np.arange(4) * 7, kind=b"integer"))


def test_pickled_attributes_are_left_shut(frame, tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    path = frame()
    with h5py.File(path, "a") as file:
        for name in ("tz", "freq", "name"):
            file["df/axis1"].attrs[name] = np.bytes_(pickle.dumps(Trap(), protocol=0))
    assert load_series(path).series.timezone == "UTC"
    assert not (tmp_path / "sprung").exists()


def test_other_layouts(frame, tmp_path):
    path = frame()
    with h5py.File(path, "a") as file:
        file.copy("df", "other")
    with pytest.raises(InputError, match="holds 2 frames .metr-la.h5/df and metr-la.h5/other."):
        load_series(path)
    with h5py.File(path, "w") as file:
        file.create_group("df").attrs["pandas_type"] = np.bytes_(b"frame_table")
    with pytest.raises(InputError, match=r"pandas' format 'table': write it as CSV: pandas.read_hdf"):
        load_series(path)
    with h5py.File(path, "w") as file:
        file["weights"] = np.ones(3)
    with pytest.raises(InputError, match="has no series"):
        load_series(path)
    Path(path).write_bytes(b"nonsense")
    with pytest.raises(InputError, match="has no series"):
        load_series(path)
