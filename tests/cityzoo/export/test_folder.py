"""Runs exported into folders: what lies there, what the gate decides, what is refused."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

import evaluate as evaluate_script
from cityzoo import demo, tasks
from cityzoo.commands import export
from cityzoo.errors import InputError
from cityzoo.evaluation.evaluated_run import open_evaluated
from cityzoo.export import documents, exported_run, parity
from cityzoo.export.calibration import calibration_batches
from cityzoo.monitor.reference import make_reference
from cityzoo.runtime import exported_folder, probes

pytest.importorskip("tf2onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def exported(detector_run):
    """A detector exported with NMS."""
    make_reference([{"blur": [9.0]}] * 64).write(detector_run)
    assert export.main([str(detector_run), "--nms", "--limit", "4"]) == 0
    return detector_run / "exports" / "onnx-nms"


def test_the_folder_holds_all_that_a_program_needs(exported):
    names = {file.name for file in exported.iterdir()}
    assert names >= {
        "model.onnx",
        "preprocessing.json",
        "parity.json",
        "example.py",
        "probes.npz",
        "README.md",
    }
    about = json.loads((exported / "preprocessing.json").read_text())
    assert about["inputs"][0]["size_hw"] == [64, 64] and about["inputs"][0]["shape"] == [None, 64, 64, 3]
    assert about["inputs"][0]["resize"]["mode"] == "letterbox"
    assert [each["name"] for each in about["outputs"]] == ["boxes", "classes", "num_detections", "scores"]
    assert all(each["meaning"] for each in about["outputs"])
    proof = json.loads((exported / "parity.json").read_text())
    assert proof["passed"] and proof["n_images"] == 4 and proof["largest_difference"]["scores"] < 1e-4
    assert len(proof["worst_examples"]) == 4
    assert (exported / "reference.json").read_text() == (exported.parents[1] / "reference.json").read_text()
    assert not any(str(exported.parents[2]) in file.read_text() for file in exported.glob("*.json"))


def test_the_report_of_the_run_lists_its_files(exported, detector_run, tmp_path):
    run = open_evaluated(str(detector_run))
    proof = json.loads((exported / "parity.json").read_text())
    documents.add_to_report(run, "onnx-nms", proof)
    assert not (detector_run / "report.json").exists()  # its training was stopped
    copy = shutil.copytree(detector_run, tmp_path / "run", ignore=shutil.ignore_patterns("exports"))
    (copy / "report.json").write_text(json.dumps({"task": "vehicle_detect", "split": "val", "n_images": 5}))
    run = open_evaluated(str(copy))
    documents.add_to_report(run, "onnx-nms", proof)
    documents.add_to_report(run, "onnx-int8", {**proof, "passed": False})
    report = json.loads((copy / "report.json").read_text())
    assert [row["verdict"] for row in report["exports"].values()] == ["passed", "refused"]
    assert report["exports"]["onnx-nms"]["after"] == proof["figures"]["AP"]["this"]
    assert "onnx-int8" in (copy / "report.html").read_text()


def test_the_description_is_inside_the_file_too(exported):
    file, about = exported_folder.open_described(exported / "model.onnx")
    assert about == json.loads((exported / "preprocessing.json").read_text())
    assert file.inputs[0].shape[0] is None


def test_the_example_script_gives_what_the_file_gives(exported):
    answer = subprocess.run(
        [sys.executable, exported / "example.py"], capture_output=True, text=True, timeout=60, check=True
    )
    file, about = exported_folder.open_described(exported / "model.onnx")
    with np.load(exported / probes.NAME) as arrays:
        found = file.named_outputs(arrays["input."][:1])
    count = int((found["scores"][0] >= about["thresholds"].get("best F1", 0.3)).sum())
    assert len(answer.stdout.splitlines()) == count


def test_the_probes_are_run_again(exported, tmp_path, capsys):
    assert export.main(["--check", str(exported)]) == 0
    copy = shutil.copytree(exported, tmp_path / "copy")
    with np.load(copy / probes.NAME) as arrays:
        columns = dict(arrays)
    columns["answer.scores"] = columns["answer.scores"] + 0.1
    np.savez(copy / probes.NAME, **columns)
    assert export.main(["--check", str(copy)]) == 1
    with pytest.raises(InputError, match="no exported folder"):
        export.main(["--check", str(tmp_path)])


def test_evaluate_takes_the_file_as_a_run(exported, detector_run, tmp_path):
    data = str(detector_run.parent / "data")
    words = [
        str(exported / "model.onnx"),
        str(detector_run),
        "--data",
        data,
        "--out",
        str(tmp_path / "report"),
    ]
    assert evaluate_script.main(words) == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    (row,) = (found["figures"]["AP"] for found in report["compared"].values())
    assert row["difference"] == pytest.approx(0, abs=1e-6)
    assert report["exported"]["format"] == "onnx"
    with pytest.raises(InputError, match="--data"):
        evaluate_script.main([str(exported / "model.onnx")])
    with pytest.raises(InputError, match="run folder"):
        evaluate_script.main([str(exported / "model.onnx"), "--data", data, "--explain", "1"])


def test_predictions_of_two_files_are_kept_apart(exported, tmp_path):
    run = exported_run.open_any(str(exported / "model.onnx"))
    changed = shutil.copytree(exported, tmp_path / "changed") / "model.onnx"
    changed.write_bytes(changed.read_bytes() + b"\x7a\x00")
    assert exported_run.open_any(str(changed)).model.digest != run.model.digest


def test_a_file_that_answers_differently_is_refused(detector_run, monkeypatch, tmp_path):
    options = {"format": "onnx", "variant": "decoded", "precision": "float32"}
    monkeypatch.setattr(parity, "BOUNDS", {"float32": -1.0})
    proof = export.export(str(detector_run), tmp_path / "new", options, limit=2)
    assert not proof["passed"]
    assert not (tmp_path / "new").exists()
    assert (tmp_path / "new-refused" / "parity.json").is_file()
    assert "REFUSED" in (tmp_path / "new-refused" / "README.md").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "onx"], "did you mean 'onnx'"),
        (["--variant", "raws"], "did you mean 'raw'"),
        (["--fp16", "--int8"], "exclude each other"),
        (["--nms", "--variant", "raw"], "exclude each other"),
        (["--nms", "--format", "litert"], "no non-maximum suppression"),
        (["--format", "saved_model", "--fp16"], "--fp16 does not apply"),
    ],
)
def test_flags_that_cannot_be_used(detector_run, tmp_path, words, message):
    with pytest.raises(InputError, match=message):
        export.main([str(detector_run), "--out", str(tmp_path / "new"), *words])
    assert not (tmp_path / "new").exists() and not list(tmp_path.iterdir())


def test_folders_that_cannot_be_used(detector_run, exported, tmp_path):
    with pytest.raises(InputError, match="exists"):
        export.main([str(detector_run), "--nms"])
    empty = tmp_path / "run"
    empty.mkdir()
    shutil.copy(detector_run / "spec.json", empty)
    with pytest.raises(InputError, match=r"no model\.keras"):
        export.main([str(empty)])
    with pytest.raises(InputError, match="give a run folder"):
        export.main([])


def test_calibration_batches_are_network_inputs_of_the_training_split(detector_run, tmp_path):
    run = open_evaluated(str(detector_run))
    batches = calibration_batches(run, 4)
    assert np.concatenate(batches).shape == (4, 64, 64, 3)
    assert batches[0].dtype == np.float32 and 1 < batches[0].max() <= 255
    other = demo.write_demo(
        tasks.find("incident_classify").demo(), {"train": 2, "val": 2}, folder=tmp_path / "other"
    )
    with pytest.raises(InputError):
        calibration_batches(run, 4, str(other))
