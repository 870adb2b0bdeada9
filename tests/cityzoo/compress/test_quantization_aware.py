"""The command as people type it: fine-tune a run for int8, continue it, evaluate and export the result, misuse it."""

import json

import pytest

from cityzoo.model import is_fake_quantized, load
from tests.cityzoo.compress.street import COMMAND, SMALL, write_street

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(as_scripts, tmp_path_factory):
    """A folder with a run and a fine-tuned one, and what each command said: {name: (code, out, err)}."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    folder = tmp_path_factory.mktemp("place")
    write_street(folder / "street")
    train = ["--data", "street", *SMALL, "--augment", "light", "--views", "1"]
    export = ["--int8", "--variant", "raw", "--allow-loss", "1"]
    cases = {
        "train": ("train.py", [*train, "--phases", "backbone:1,C5:1", "--out", "run"]),
        "stopped": (COMMAND, ["quantize", "run", "--epochs", "2"], "run-int8/checkpoint.npz"),
        "continued": (COMMAND, ["quantize", "run", "--epochs", "2"]),
        "finished": (COMMAND, ["quantize", "run", "--epochs", "2"]),
        "twice": (COMMAND, ["quantize", "run-int8"]),
        "taken": (COMMAND, ["quantize", "run", "--out", "street"]),
        "longer": ("train.py", ["--resume", "run-int8", "--epochs", "3"]),
        "onnx": (COMMAND, ["export", "run-int8", "--format", "onnx", *export, "--out", "onnx"]),
        "plain": (COMMAND, ["export", "run", "--format", "onnx", *export, "--out", "plain"]),
    }
    return folder, as_scripts(folder, cases)


def test_a_fine_tuned_run_is_a_run(place):
    """It has no BatchNorm, its report compares it with the run before, and training goes on."""
    folder, said = place
    for name in ("train", "continued", "longer"):
        assert said[name][0] == 0, said[name][2]
    model = load(folder / "run-int8" / "model.keras")
    assert is_fake_quantized(folder / "run-int8" / "model.keras")
    assert not is_fake_quantized(folder / "run" / "model.keras")
    kinds = {type(layer).__name__ for layer in model.layers}
    assert {"FakeQuantConv2D", "FakeQuantize"} <= kinds and "BatchNormalization" not in kinds
    assert json.loads((folder / "run-int8" / "quantization.json").read_text())["run"] == "run"
    assert len((folder / "run-int8" / "history.csv").read_text().splitlines()) == 1 + 3


def test_its_file_computes_as_it_does(place):
    """The learned ranges are in the file: no calibration, and nearly the same outputs."""
    folder, said = place
    assert said["onnx"][0] == 0, said["onnx"][2]
    proof = json.loads((folder / "onnx" / "parity.json").read_text())
    assert proof["quantization"] == {"recipe": "learned ranges, int8 weights per channel"}
    assert proof["largest_difference"]["scores"] < 0.01
    found = json.loads((folder / "plain" / "parity.json").read_text())["quantization"]
    assert found["attempts"][0]["recipe"] == "int7 weights per channel, min-max calibration"


@pytest.mark.parametrize(
    ("name", "words"), [("finished", "is finished"), ("twice", "already"), ("taken", "exists")]
)
def test_misuse(place, name, words):
    """One line with the next step."""
    code, _, err = place[1][name]
    assert code == 2 and words in err and "Traceback" not in err
