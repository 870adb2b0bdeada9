"""The bill of materials: complete, and it notices changed packages."""

import json
import zipfile
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
    """And the requirements file holds what pip needs."""
    made = package(tmp_path / "site")
    monkeypatch.setattr(metadata, "distributions", lambda: [made, made])
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "some_lib-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("lib.py", "")
    sbom.write_sbom(None, str(tmp_path / "lock.txt"), str(wheels))
    bill = json.loads(capsys.readouterr().out)
    (digest,) = sbom.wheel_hashes(wheels)["some-lib", "1.0"]
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    (component,) = bill["components"]
    assert component["purl"] == "pkg:pypi/some-lib@1.0" and component["licenses"] == [{"expression": "MIT"}]
    assert component["hashes"] == [{"alg": "SHA-256", "content": digest}]
    assert (tmp_path / "lock.txt").read_text() == f"some-lib==1.0 --hash=sha256:{digest}\n"


def test_requirements_need_the_wheels(tmp_path):
    """Installed packages do not have the archives' hashes."""
    with pytest.raises(InputError, match="needs the wheels"):
        sbom.write_sbom(None, str(tmp_path / "lock.txt"), None)
    with pytest.raises(InputError, match="holds no wheels"):
        sbom.write_sbom(None, None, str(tmp_path))
