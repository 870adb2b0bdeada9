"""The bill of materials: complete, and it notices changed packages."""

import json
from importlib import metadata

import pytest

from cityzoo.errors import InputError
from cityzoo.security import sbom


def package(folder, name="some-lib", content="x = 1\n"):
    """An installed package of one file, with its RECORD."""
    import base64
    import hashlib

    digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
    about = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "lib.py").write_text(content)
    (about / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nLicense-Expression: MIT\n"
    )
    (about / "RECORD").write_text(f"lib.py,sha256={digest},6\nlib.pyc,,\n{about.name}/RECORD,,\n")
    return metadata.Distribution.at(about)


def test_changed_and_missing_files_are_found(tmp_path):
    """Against RECORD."""
    made = package(tmp_path)
    assert sbom.changed_files(made) == []
    (tmp_path / "lib.py").write_text("import evil\n")
    assert sbom.changed_files(made) == ["lib.py"]
    (tmp_path / "lib.py").unlink()
    assert sbom.changed_files(made) == ["lib.py"]


def test_the_bill_lists_packages_with_license_and_hash(tmp_path, monkeypatch, capsys):
    """Each once; the archive's hash is that of pip's report."""
    made = package(tmp_path / "site")
    monkeypatch.setattr(metadata, "distributions", lambda: [made, made])
    digest = "ab" * 32
    row = {"metadata": {"name": "Some_Lib", "version": "1.0"}}
    row["download_info"] = {"archive_info": {"hashes": {"sha256": digest}}}
    (tmp_path / "report.json").write_text(json.dumps({"install": [row]}))
    sbom.write_sbom(None, str(tmp_path / "report.json"))
    bill = json.loads(capsys.readouterr().out)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    (component,) = bill["components"]
    assert component["purl"] == "pkg:pypi/some-lib@1.0" and component["licenses"] == [{"expression": "MIT"}]
    assert component["hashes"] == [{"alg": "SHA-256", "content": digest}]
    assert {"name": "cityzoo:files-changed-since-installation", "value": "0"} in component["properties"]


@pytest.mark.slow
def test_a_file_that_is_no_report_of_pip_is_one_line(tmp_path):
    """And a folder that cannot be written."""
    (tmp_path / "report.json").write_text("[]")
    with pytest.raises(InputError, match="is not a report of pip"):
        sbom.write_sbom(None, str(tmp_path / "report.json"))
    with pytest.raises(InputError, match="cannot be written"):
        sbom.write_sbom(str(tmp_path / "missing" / "sbom.json"))
