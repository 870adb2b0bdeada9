"""What counts as a model, and what its documents say of it."""

import json

import pytest

from cityzoo.errors import InputError
from cityzoo.serve.model_folders import find_models, name_model, require_models, require_parity


def test_versions_are_numbered_folders(tmp_path):
    """In the order of numbers; hidden, unfinished and other folders are none."""
    for name in ("cars/1", "cars/10", "cars/2", "cars/.77.3", "cars/latest", "cars/0", ".git/1", "empty"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "cars" / "3").touch()
    assert {name: list(versions) for name, versions in find_models(tmp_path).items()} == {"cars": [1, 2, 10]}


def test_a_run_and_a_file_are_models(tmp_path):
    """Named by their task, else by themselves."""
    (tmp_path / "report.json").write_text("{}")
    (tmp_path / "spec.json").write_text('{"task": "vehicle_count"}')
    assert find_models(tmp_path) == {"vehicle_count": {1: tmp_path}}
    file = tmp_path / "my cars.onnx"
    file.touch()
    assert find_models(file) == {"my_cars": {1: file}}
    assert name_model(tmp_path / "x.keras") == "x"
    (tmp_path / "x.txt").touch()
    with pytest.raises(InputError, match="files end in .onnx, .tflite, .xml, .keras"):
        require_models(tmp_path / "x.txt")


def test_the_parity_gate_must_be_passed(tmp_path):
    """And its document be there; a run has none."""
    require_parity(tmp_path)
    (tmp_path / "preprocessing.json").write_text("{}")
    with pytest.raises(InputError, match="parity.json"):
        require_parity(tmp_path)
    for passed in (False, 1, "yes"):
        (tmp_path / "parity.json").write_text(json.dumps({"passed": passed, "metric": "AP", "loss": 0.1}))
        with pytest.raises(InputError, match="did not pass its parity gate"):
            require_parity(tmp_path)
    (tmp_path / "parity.json").write_text('{"passed": true}')
    require_parity(tmp_path)
