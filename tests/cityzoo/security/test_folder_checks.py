"""Folders with one weakness each, and one without."""

import json
import os
import zipfile

import pytest

from cityzoo.errors import InputError
from cityzoo.security.encrypted_folder import encrypt_folder
from cityzoo.security.encryption_keys import EncryptionKeys
from cityzoo.security.folder_checks import check_folder, check_robustness
from cityzoo.security.signing import SIGNATURE, sign_folder

pytest.importorskip("cryptography")
KEYS = EncryptionKeys((bytes(32),))


@pytest.fixture
def model(tmp_path, signer_file):
    """A signed, exported folder without weaknesses but that it is plain and robustness was not measured."""
    folder = tmp_path / "MODELS" / "vehicle_detect" / "1"
    folder.mkdir(parents=True)
    for name, content in {
        "preprocessing.json": {},
        "parity.json": {"passed": True},
        "report.json": {},
    }.items():
        (folder / name).write_text(json.dumps(content))
    (folder / "model.onnx").write_bytes(b"weights")
    sign_folder(folder, signer_file)
    return folder


def states(folder, key=None, most_loss=0.5):
    """State by the name of the check."""
    return {finding.check: finding.state for finding in check_folder(folder, key, most_loss)}


def test_a_good_folder_passes(model, public_file):
    """Alone, and as a version in a folder of models."""
    good = {
        "permissions": "ok",
        "secrets": "ok",
        "code in files": "ok",
        "local paths": "ok",
        "encryption": "warning",
    }
    alone = {"signature": "ok", "parity gate": "ok", "robustness": "warning"}
    assert states(model, public_file) == good | alone
    inside = {f"{name} vehicle_detect/1": state for name, state in alone.items()}
    assert states(model.parents[1], public_file) == good | inside


@pytest.mark.parametrize(
    "weaken, check, state",
    [
        (lambda f: (f / "model.onnx").write_bytes(b"other"), "signature", "failed"),
        (lambda f: (f / SIGNATURE).unlink(), "signature", "failed"),
        (lambda f: os.chmod(f / "model.onnx", 0o666), "permissions", "failed"),
        (lambda f: os.chmod(f, 0o777), "permissions", "failed"),
        (lambda f: (f / "link").symlink_to("/etc/passwd"), "permissions", "failed"),
        (lambda f: (f / ".env").write_text("A=1"), "secrets", "failed"),
        (lambda f: (f / "notes.txt").write_text("-----BEGIN EC PRIVATE KEY-----"), "secrets", "failed"),
        (lambda f: (f / "notes.md").write_text(f"key czk_12345678_{'a' * 43}"), "secrets", "failed"),
        (lambda f: (f / "old.pkl").write_bytes(b"x"), "code in files", "failed"),
        (lambda f: (f / "model.keras").write_bytes(b"no zip"), "code in files", "failed"),
        (lambda f: (f / "spec.json").write_text('{"data": "/home/anna/images"}'), "local paths", "warning"),
        (lambda f: (f / "parity.json").write_text('{"passed": false}'), "parity gate", "failed"),
        (lambda f: (f / "parity.json").write_text('{"passed": 1}'), "parity gate", "failed"),
    ],
)
def test_each_weakness_is_found(model, public_file, weaken, check, state):
    """And only the signature notices it, too."""
    before = states(model, public_file)
    weaken(model)
    after = states(model, public_file)
    assert after[check] == state
    assert {name for name in after if after[name] != before.get(name)} <= {check, "signature"}


def test_a_lambda_layer_is_code(tmp_path):
    """And an ordinary model is not."""
    for name, layer in (("a", "Dense"), ("b", "Lambda")):
        (tmp_path / name).mkdir()
        with zipfile.ZipFile(tmp_path / name / "model.keras", "w") as archive:
            archive.writestr("config.json", json.dumps({"layers": [{"class_name": layer}]}))
    found = [states(tmp_path / name)["code in files"] for name in "ab"]
    assert found == ["ok", "failed"]


def test_encrypted_folders_are_recognized(model, public_file):
    """What cannot be checked in them is not called good; with the key it is checked in memory."""
    encrypt_folder(model, KEYS)
    inside = {each.check: each.state for each in check_folder(model, public_file, 0.5, KEYS)}
    assert inside["signature"] == inside["parity gate"] == "ok"
    found = states(model, None)
    assert found["encryption"] == "ok" and found["signature"] == "warning" and "parity gate" not in found


@pytest.mark.parametrize(
    "section, state",
    [
        ({"fog": {"mean_relative_loss": 0.2}, "snow": {"mean_relative_loss": 0.49}}, "ok"),
        ({"fog": {"mean_relative_loss": 0.2}, "snow": {"mean_relative_loss": 0.6}}, "failed"),
        ({"fog": {"mean_relative_loss": "much"}}, "warning"),
        ([], "warning"),
    ],
)
def test_the_robustness_gate_reads_the_report(section, state):
    """More than half of the metric lost in snow."""
    finding = check_robustness({"robustness": {"corruptions": section}}, 0.5)
    assert finding.state == state
    assert state != "failed" or finding.detail == "snow costs 60% (allowed: 50%)"


def test_a_target_that_is_no_folder_is_one_line(tmp_path):
    """What was received, what is allowed."""
    with pytest.raises(InputError, match="is not a folder: give a run"):
        check_folder(tmp_path / "missing", None, 0.5)
