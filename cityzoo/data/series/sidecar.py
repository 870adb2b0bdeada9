"""Options in a file next to the data: `roads.yaml` or `roads.json` next to `roads.csv`.

start: 2012-03-01          # if the table has no times
step: 5min
timezone: America/Los_Angeles
channel: speed
unit: mph
adjacency: roads_adj.csv   # relative to this file
"""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

from cityzoo.data.files import require_file
from cityzoo.data.markup import load_json, load_yaml
from cityzoo.data.series.raw import SeriesOptions
from cityzoo.errors import InputError, unknown

SUFFIXES = (".yaml", ".yml", ".json")
_FILES = ("adjacency", "places", "leave_out")


def read_sidecar(source: str) -> SeriesOptions:
    """Return the options in the sidecar of a file, or of a file in a folder; empty options if there is none.

    Raises:
        InputError: a file that cannot be parsed, or has unknown keys.
    """
    file = _find_sidecar(Path(source))
    if file is None:
        return SeriesOptions()
    found = _parse(file)
    allowed = [item.name for item in fields(SeriesOptions)]
    for key in found:
        if key not in allowed:
            raise unknown(f"key in {file}", str(key), allowed)
    for key in _FILES:
        if found.get(key) is not None:
            found[key] = str(file.parent / str(found[key]))
            if os.path.exists(found[key]):
                require_file(found[key])
    for key in ("start", "timezone", "missing", "step"):  # YAML parses dates and numbers
        if found.get(key) is not None:
            found[key] = str(found[key])
    if isinstance(found.get("unit"), list):
        found["unit"] = tuple(map(str, found["unit"]))
    return SeriesOptions(**found)


def _find_sidecar(path: Path) -> Path | None:
    if path.is_file():
        candidates = [path.with_suffix(suffix) for suffix in SUFFIXES]
    else:
        files = sorted(path.glob("*"))
        stems = {each.stem for each in files if each.suffix not in SUFFIXES}
        candidates = [each for each in files if each.suffix in SUFFIXES and each.stem in stems]
    return next((each for each in candidates if each.is_file() and each != path), None)


def _parse(file: Path) -> dict:
    found = load_json(file) if file.suffix == ".json" else load_yaml(file)
    if found is not None and not isinstance(found, dict):
        raise InputError(f"{file} has no keys: write lines such as start: 2012-03-01")
    return found or {}
