"""Contenders measured side by side, each in a process of its own."""

import json
import subprocess
import sys

import keras
import pytest

from cityzoo.commands import benchmark as command
from cityzoo.errors import InputError
from cityzoo.export import benchmark
from cityzoo.export.write import write

pytest.importorskip("onnxruntime")
pytest.importorskip("tf2onnx")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A small ONNX file with what an export writes about its metric."""
    folder = tmp_path_factory.mktemp("exported")
    x = keras.Input((8,), name="x")
    path = write(keras.Model(x, {"y": keras.layers.Dense(2)(x)}), "onnx", folder)
    proof = {"metric": "AP", "figures": {"AP": {"this": 0.4}}}
    (folder / "parity.json").write_text(json.dumps(proof))
    return path


def test_a_file_is_measured_with_several_numbers_of_threads(file, tmp_path, capsys):
    out = tmp_path / "speed"
    assert command.main([str(file), "--threads", "1,2", "--rounds", "2", "--out", str(out)]) == 0
    about = json.loads((out / "benchmark.json").read_text())
    assert [row["threads"] for row in about["rows"]] == [1, 2]
    for row in about["rows"]:
        assert 0 < row["p50_ms"] <= row["p95_ms"] and row["kind"] == "onnxruntime"
        assert row["size_mb"] == file.stat().st_size / 1e6
        assert row["peak_mb"] > 20 and row["cold_start_s"] > 0 and row["value"] == 0.4
    assert (out / "benchmark.png").read_bytes()[:4] == b"\x89PNG"
    assert "1.00x" in capsys.readouterr().out


def test_speeds_are_relative_to_the_first():
    row = dict.fromkeys(benchmark.COLUMNS, 1.0) | {"name": "a", "threads": 1}
    lines = benchmark.table([row | {"p50_ms": 30.0}, row | {"name": "b", "p50_ms": 10.0}]).splitlines()
    assert "1.00x" in lines[1] and "3.00x" in lines[2]


def test_what_cannot_be_measured(tmp_path):
    with pytest.raises(InputError, match="neither a run folder"):
        benchmark.contenders([str(tmp_path)], [1])
    (tmp_path / "a.onnx").write_bytes(b"damaged")
    with pytest.raises(InputError, match="cannot be run"):
        command.main([str(tmp_path / "a.onnx"), "--threads", "1"])
    with pytest.raises(InputError, match="does not exist"):
        benchmark.contenders([str(tmp_path / "b.onnx")], [1])


def test_the_memory_of_the_process_that_starts_it_does_not_count():
    """A notebook may hold gigabytes."""
    asked = "from cityzoo.export.benchmark_worker import peak_bytes; print(peak_bytes())"
    held = b"x" * 1_000_000_000
    ran = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < len(held)
