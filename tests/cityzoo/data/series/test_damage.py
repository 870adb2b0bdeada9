"""Damaged and hostile files of numbers: one line, whatever is wrong, and no memory for what is not there."""

import io
import random
import zipfile

import h5py
import numpy as np
import pandas
import pytest

from cityzoo.data.series import load_series
from cityzoo.data.series.damage import require_bounded
from cityzoo.errors import InputError

TIMES = pandas.date_range("2012-03-01", periods=24, freq="h")
WIDE = "time,a,b\n" + "".join(f"{time},{n}.5,{n}\n" for n, time in enumerate(TIMES))
LONG = "Datum;Uhrzeit;station;PM\n" + "".join(
    f"{t:%d.%m.%Y;%H:%M};{k};{t.hour},5\n" for t in TIMES for k in "ab"
)
PEMS = "".join(
    f"{t:%m/%d/%Y %H:%M:%S},{k},7,5,S,ML,.27,50,100,40,.01,65.9\n" for t in TIMES for k in (71, 72)
)
PARTS = "No,year,month,day,hour,pm2.5,TEMP\n" + "".join(f"{n},2012,3,1,{n},{n}.5,3\n" for n in range(24))
SIDE = (
    "start: 2012-03-01\nstep: 5min\ntimezone: UTC\nchannel: [speed]\nunit: {speed: mph}\nmissing: [-9, 99]\n"
)
TOKENS = [
    "-999",
    "1e400",
    "nan",
    "\0",
    "\xff",
    '"',
    ",",
    ";",
    "\n",
    "2012-13-45",
    "9" * 20,
    "inf",
    "[",
    "{",
    "5",
]
TOKENS += ["24:00", "0001-01-01", "*a", "9999-12-31", "1" * 3000]


def npz_bytes():
    stream = io.BytesIO()
    np.savez_compressed(stream, data=np.arange(360.0).reshape(30, 4, 3))
    return stream.getvalue()


def hdf5_bytes():
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        group = file.create_group("df")
        group.attrs["pandas_type"] = np.bytes_(b"frame")
        group["axis0"] = group["block0_items"] = np.array([b"a", b"b"])
        group["axis1"] = TIMES.to_numpy("datetime64[ns]").astype(np.int64)
        group.create_dataset("block0_values", data=np.ones((24, 2)), chunks=(8, 2), compression="gzip")
    return stream.getvalue()


def parquet_bytes():
    pytest.importorskip("pyarrow")
    stream = io.BytesIO()
    pandas.DataFrame({"time": TIMES, "a": np.arange(24.0)}).to_parquet(stream, index=False)
    return stream.getvalue()


SEEDS = {  # name of a file -> its valid content
    "wide.csv": WIDE.encode,
    "long.csv": LONG.encode,
    "pems.txt": PEMS.encode,
    "parts.csv": PARTS.encode,
    "a.npz": npz_bytes,
    "a.h5": hdf5_bytes,
    "a.parquet": parquet_bytes,
    "side.yaml": SIDE.encode,
}


def mutate(rng, content):
    """Return content with a few bytes changed, removed, repeated, zeroed, or replaced by an odd word."""
    found = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4))):
        spot = rng.randrange(max(len(found), 1))
        end = spot + rng.choice((1, 4, 16))
        token = rng.choice(TOKENS).encode("latin-1")
        part = found[spot:end]
        found[spot:end] = rng.choice(
            (b"", part * 3, bytes(len(part)), rng.randbytes(len(part)), token, token)
        )
    return bytes(found)


def load(folder, name, content):
    """Load a file, or, if it is a sidecar, a table next to it."""
    path = folder / name
    path.write_bytes(content)
    if path.suffix == ".yaml":
        path = path.with_suffix(".csv")
        path.write_text("a,b\n" + "1.5,2\n" * 30)
    return load_series(str(path), assumed=("2012-03-01", "5min"))


def fuzz(folder, name, count):
    """Load damaged variants of a file; anything but InputError, and any message of several lines, fails."""
    content, rng = SEEDS[name](), random.Random(name)
    load(folder, name, content)
    for _ in range(count):
        try:
            load(folder, name, mutate(rng, content))
        except InputError as error:
            assert "\n" not in str(error) and len(str(error)) < 1500


@pytest.mark.parametrize("name", SEEDS)
def test_damaged_files_are_refused_in_one_line(tmp_path, name):
    fuzz(tmp_path, name, 15)


@pytest.mark.slow
@pytest.mark.parametrize("name", SEEDS)
def test_many_damaged_files_are_refused_in_one_line(tmp_path, name):
    fuzz(tmp_path, name, 1500)


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
