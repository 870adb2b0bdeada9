"""Damaged and hostile files of numbers: one line, whatever is wrong, and no memory for what is not there."""

import io
import zipfile

import h5py
import numpy as np
import pandas
import pytest

from cityzoo.data.series import load_series
from cityzoo.data.series.damage import require_bounded
from cityzoo.errors import InputError

TIMES = pandas.date_range("2012-03-01", periods=24, freq="h")


def hdf5_bytes():
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        group = file.create_group("df")
        group.attrs["pandas_type"] = np.bytes_(b"frame")
        group["axis0"] = group["block0_items"] = np.array([b"a", b"b"])
        group["axis1"] = TIMES.to_numpy("datetime64[ns]").astype(np.int64)
        group.create_dataset("block0_values", data=np.ones((24, 2)), chunks=(8, 2), compression="gzip")
    return stream.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "start: 2012-13-45",
        "channel: 5",
        "step: 99999999999",
        "unit: {2012-03-01: mph}",
        "step: []",
        "unit: 5",
    ],
)
def test_side_files_of_odd_values(tmp_path, text):
    with pytest.raises(InputError, match=r"side|channel|step|start|time") as raised:
        load_series(load_table(tmp_path, text))
    assert "\n" not in str(raised.value)


def load_table(folder, text):
    (folder / "side.yaml").write_text(text)
    (folder / "side.csv").write_text("a,b\n1,2\n3,4\n")
    return str(folder / "side.csv")


def test_an_array_that_its_file_does_not_hold_takes_no_memory(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = file.create_group("df")
        group["axis0"] = group["block0_items"] = np.array([b"a"])
        group["axis1"] = TIMES.to_numpy("datetime64[ns]").astype(np.int64)
        group.create_dataset("block0_values", (1 << 40, 1), "f8", chunks=(1024, 1))
    with pytest.raises(InputError, match="'block0_values' would take 8.19e[+]03 GiB in memory from 0 bytes"):
        load_series(str(tmp_path / "a.h5"))
    with (
        zipfile.ZipFile(tmp_path / "b.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("data.npy", "w") as entry,
    ):
        np.lib.format.write_array_header_1_0(
            entry, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40, 4, 3)}
        )
    with pytest.raises(InputError, match="b.npz: the array 'data' cannot be read, it may be damaged"):
        load_series(str(tmp_path / "b.npz"))
    require_bounded(3 << 30, 1 << 27, "measurements that are compressed well")


def test_arrays_of_other_files_are_not_read(tmp_path):
    (tmp_path / "a.h5").write_bytes(hdf5_bytes())
    (tmp_path / "other.h5").write_bytes(hdf5_bytes())
    with h5py.File(tmp_path / "a.h5", "a") as file:
        del file["df/axis0"]
        file["df/axis0"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "df/axis0")
    with pytest.raises(InputError, match="'axis0' is not an array in this file"):
        load_series(str(tmp_path / "a.h5"))


def test_a_frame_without_rows_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = file.create_group("df")
        group["axis0"] = group["block0_items"] = np.array([b"a"])
        group["axis1"], group["block0_values"] = np.zeros(0, np.int64), np.zeros((0, 1))
    with pytest.raises(InputError, match="has no rows or no sensors"):
        load_series(str(tmp_path / "a.h5"))
