"""Software bill of materials: each installed package with its version, license and hash, and whether it was changed."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import uuid
from collections.abc import Iterator
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError
from cityzoo.replace_file import replace_file

BLOCK = 1 << 20


def write_sbom(out: str | None, report: str | None = None) -> None:
    """Write what is installed here as CycloneDX 1.6.

    Args:
        out: file, None for the standard output.
        report: of `pip install --report`, which has the hashes of the archives that were installed.

    Raises:
        InputError: the report cannot be read, or the file not be written.
    """
    text = json.dumps(make_sbom(read_archive_hashes(Path(report)) if report else {}), indent=1) + "\n"
    if not out:
        sys.stdout.write(text)
        return
    try:
        with replace_file(Path(out)) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"'{out}' cannot be written ({error.strerror}): give another --out") from error


def make_sbom(hashes: dict[str, str]) -> dict[str, Any]:
    """Return the bill of this environment, in CycloneDX 1.6's JSON.

    Args:
        hashes: as `read_archive_hashes` returns them.
    """
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid4()}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "component": {"type": "platform", "name": "python", "version": sys.version.split()[0]},
        },
        "components": [_component(name, each, hashes) for name, each in installed_packages()],
    }


def installed_packages() -> Iterator[tuple[str, metadata.Distribution]]:
    """Yield normalized name and distribution, sorted, each once."""
    found: dict[str, metadata.Distribution] = {}
    for each in metadata.distributions():
        if each.metadata["Name"]:
            found.setdefault(normalize_name(each.metadata["Name"]), each)
    yield from sorted(found.items())


def normalize_name(name: str) -> str:
    """Return a package's name as indexes write it.

    Example:
        >>> normalize_name("Open_CV.python")
        'open-cv-python'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def changed_files(package: metadata.Distribution) -> list[str]:
    """Return the files of an installed package that differ from its RECORD, or are gone.

    Compiled files (.pyc), which have no hash there, are left out.
    """
    changed = []
    for file in package.files or ():
        if file.hash is None or file.hash.mode != "sha256":
            continue
        try:
            same = _urlsafe_digest(Path(str(file.locate()))) == file.hash.value.rstrip("=")
        except OSError:
            same = False
        if not same:
            changed.append(str(file))
    return changed


def read_archive_hashes(report: Path) -> dict[str, str]:
    """Return the SHA-256 of installed archives by "name==version", from pip's report.

    Raises:
        InputError: not such a report.
    """
    try:
        rows = json.loads(report.read_text(encoding="utf-8"))["install"]
        found = {}
        for row in rows:
            about = row["metadata"]
            hashes = row["download_info"].get("archive_info", {}).get("hashes", {})
            found[f"{normalize_name(about['name'])}=={about['version']}"] = hashes.get("sha256", "")
        return found
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(
            f"'{report}' is not a report of pip ({type(error).__name__}): write one by pip install --report FILE ..."
        ) from error


def _component(name: str, package: metadata.Distribution, hashes: dict[str, str]) -> dict[str, Any]:
    version = package.version
    purl = f"pkg:pypi/{name}@{version}"
    changed = changed_files(package)
    properties = {"cityzoo:files-changed-since-installation": str(len(changed))}
    record = package.read_text("RECORD")
    if record:
        properties["cityzoo:sha256-of-RECORD"] = hashlib.sha256(record.encode()).hexdigest()
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
    }
    component["properties"] = [{"name": key, "value": value} for key, value in properties.items()]
    if digest := hashes.get(f"{name}=={version}"):
        component["hashes"] = [{"alg": "SHA-256", "content": digest}]
    about = package.metadata.json
    if expression := about.get("license_expression"):
        component["licenses"] = [{"expression": expression}]
    elif license := str(about.get("license") or "").strip().partition("\n")[0]:
        component["licenses"] = [{"license": {"name": license[:100]}}]
    return component


def _urlsafe_digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
