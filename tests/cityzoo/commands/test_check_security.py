"""The command check-security."""

import json

import pytest

from cityzoo.__main__ import main
from cityzoo.security import package_checks


@pytest.fixture(autouse=True)
def no_packages(monkeypatch):
    """Hashing all installed files takes long."""
    monkeypatch.setattr(package_checks, "installed_packages", lambda: iter(()))


def test_a_failed_check_ends_with_code_1_on_one_page(tmp_path, capsys):
    """And an unsigned folder without more is a warning."""
    (tmp_path / "model.onnx").write_bytes(b"x")
    assert main(["check-security", str(tmp_path)]) == 0
    (tmp_path / "keys.pkl").write_bytes(b"x")
    assert main(["check-security", str(tmp_path)]) == 1
    page = capsys.readouterr().out
    assert "FAILED   code in files" in page and "Not checked:" in page and len(page.splitlines()) < 80


def test_programs_read_json(tmp_path, capsys):
    """The same findings."""
    assert main(["check-security", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (
        found["failed"] == 0
        and {"check", "state", "detail"} == set(found["findings"][0])
        and found["unchecked"]
    )
