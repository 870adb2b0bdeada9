"""A folder that `python -m cityzoo export` wrote: its documents, its file, and the check of its probes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError
from cityzoo.runtime import metadata, probes
from cityzoo.runtime.detection_outputs import restorer
from cityzoo.runtime.runtime_model import RuntimeModel, format_of, open_model

DESCRIPTION, PARITY, CARD = "preprocessing.json", "parity.json", "README.md"


def check(folder: Path) -> list[str]:
    """Run the probes of an exported folder in its runtime; return what is wrong, nothing if all is well.

    Raises:
        InputError: not an exported folder, or one without its files.
    """
    about, proof = (read_document(folder, name) for name in (DESCRIPTION, PARITY))
    file = open_model(folder / about["model"])
    changed = (
        [] if file.digest == proof["sha256"] else [f"{about['model']} is not the file that was exported"]
    )
    return changed + probes.failures(probes.differences(file, folder), proof["probes"])


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
    return open_model(path, restore=restore), about
