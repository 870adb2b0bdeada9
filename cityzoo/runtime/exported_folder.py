"""A folder that `python -m cityzoo export` wrote: its documents, its file, and the check of its probes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError
from cityzoo.runtime import metadata, probes
from cityzoo.runtime.detection_outputs import restorer
from cityzoo.runtime.runtime_model import RuntimeModel, format_of, open_model
from cityzoo.runtime.text_input import differing_probes, paddings

DESCRIPTION, PARITY, CARD = "preprocessing.json", "parity.json", "README.md"


def check(folder: Path) -> list[str]:
    """Run the probes of an exported folder in its runtime; return what is wrong, nothing if all is well.

    Raises:
        InputError: not an exported folder, or one without its files.
    """
    about, proof = (read_document(folder, name) for name in (DESCRIPTION, PARITY))
    file = open_model(folder / about["model"], padding=paddings(about))
    return find_failures(file, folder, about, proof)


def find_failures(
    file: RuntimeModel, folder: Path, about: Mapping[str, Any], proof: Mapping[str, Any]
) -> list[str]:
    """Return what is wrong with an opened file of an exported folder, nothing if all is well.

    Args:
        file: of the folder.
        folder: that was exported.
        about: its preprocessing.json.
        proof: its parity.json.
    """
    digests = {about["model"]: proof["sha256"], **proof.get("companions", {})}
    found = {name: file.digest if name == about["model"] else digest(folder / name) for name in digests}
    changed = [
        f"{name} is not the file that was exported" for name in digests if found[name] != digests[name]
    ]
    if changed:
        return changed
    return probes.failures(probes.differences(file, folder), proof["probes"]) + _check_sources(folder, about)


def _check_sources(folder: Path, about: Mapping[str, Any]) -> list[str]:
    sources, given = probes.read_sources(folder)
    return [] if sources is None or given is None else differing_probes(about, folder, sources, given)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file; "" if it is not there."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def read_document(folder: Path, name: str) -> dict[str, Any]:
    """Return a JSON document of an exported folder.

    Raises:
        InputError: it is not there or damaged.
    """
    try:
        return json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"'{folder}' is no exported folder ({name}: {error}): give one that python -m cityzoo export wrote"
        ) from error


def open_described(path: Path) -> tuple[RuntimeModel, dict[str, Any]]:
    """Open an exported file so that it answers as the Keras model did, with its description.

    Raises:
        InputError: not an exported file of cityzoo, or its runtime is missing.
    """
    about = metadata.read(path, format_of(path))
    restore = restorer(about["variant"], len(about["class_names"]))
    return open_model(path, restore=restore, padding=paddings(about)), about
