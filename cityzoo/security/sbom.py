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

WHEEL = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)(-[^-]+){3,4}\.whl")
BLOCK = 1 << 20


def write_sbom(out: str | None, requirements: str | None, wheels: str | None) -> None:
    """Write what is installed here as CycloneDX 1.6, and by choice a requirements file with hashes.

    Args:
        out: file, None for the standard output.
        requirements: file of `NAME==VERSION --hash=sha256:...` lines, one for each of the wheels, which
            `pip install --require-hashes` takes.
        wheels: folder of the wheels that are installed (pip download), whose hashes only the archives have.

    Raises:
        InputError: --requirements without wheels.
    """
    hashes = wheel_hashes(Path(wheels)) if wheels else {}
    if requirements:
        if not hashes:
            raise InputError(
                f"--requirements {requirements} needs the wheels, whose hashes an installed package does not have: "
                "python -m pip download --dest WHEELS PACKAGES, then --wheels WHEELS"
            )
        _write(Path(requirements), format_requirements(hashes))
    text = json.dumps(make_sbom(hashes), indent=1) + "\n"
    if out:
        _write(Path(out), text)
    else:
        sys.stdout.write(text)


def make_sbom(hashes: dict[tuple[str, str], list[str]]) -> dict[str, Any]:
    """Return the bill of this environment, in CycloneDX 1.6's JSON.

    Args:
        hashes: as `wheel_hashes` returns them.
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


def wheel_hashes(folder: Path) -> dict[tuple[str, str], list[str]]:
    """Return the SHA-256 of wheels by normalized name and version.

    Raises:
        InputError: none there.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for file in sorted(folder.glob("*.whl")):
        if match := WHEEL.fullmatch(file.name):
            key = normalize_name(match["name"]), match["version"]
            found.setdefault(key, []).append(hashlib.sha256(file.read_bytes()).hexdigest())
    if not found:
        raise InputError(f"'{folder}' holds no wheels: python -m pip download --dest {folder} PACKAGES")
    return found


def format_requirements(hashes: dict[tuple[str, str], list[str]]) -> str:
    """Return lines for `pip install --require-hashes -r`.

    Example:
        >>> format_requirements({("numpy", "2.0"): ["ab", "cd"]})
        'numpy==2.0 --hash=sha256:ab --hash=sha256:cd\\n'
    """
    lines = (
        " ".join((f"{name}=={version}", *(f"--hash=sha256:{digest}" for digest in digests)))
        for (name, version), digests in sorted(hashes.items())
    )
    return "".join(f"{line}\n" for line in lines)


def _component(
    name: str, package: metadata.Distribution, hashes: dict[tuple[str, str], list[str]]
) -> dict[str, Any]:
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
    if (name, version) in hashes:
        component["hashes"] = [{"alg": "SHA-256", "content": digest} for digest in hashes[name, version]]
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


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(path) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"'{path}' cannot be written ({error.strerror}): give another file") from error
