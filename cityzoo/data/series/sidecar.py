"""What a small file beside a series says of it: `roads.yaml` or `roads.json` beside `roads.csv`.

start: 2012-03-01          # where the table has no times
step: 5min
timezone: America/Los_Angeles
channel: speed
unit: mph
adjacency: roads_adj.csv   # relative to this file
"""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

from cityzoo.data.series.channels import names_of
from cityzoo.data.series.raw import SeriesOptions
from cityzoo.errors import InputError, unknown

SUFFIXES = (".yaml", ".yml", ".json")
_FILES = ("adjacency", "places")


def read_beside(source: str) -> SeriesOptions:
    """Return what is said beside a file, or in a folder beside a file of it; nothing where there is no such file.

    Raises:
        InputError: a file that cannot be parsed, or says what nobody asks for.
    """
    file = _file_of(Path(source))
    if file is None:
        return SeriesOptions()
    said = _parsed(file)
    allowed = [item.name for item in fields(SeriesOptions)]
    for key in said:
        if key not in allowed:
            raise unknown(f"key in {file}", str(key), allowed)
    for key in _FILES:
        if said.get(key) is not None:
            said[key] = str(file.parent / str(said[key]))
    for key in ("start", "timezone", "missing", "step"):  # YAML makes dates and numbers of them
        if said.get(key) is not None:
            said[key] = str(said[key])
    if isinstance(said.get("unit"), list):
        said["unit"] = tuple(map(str, said["unit"]))
    if said.get("channel") is not None:
        said["channel"] = names_of(said["channel"])
    return SeriesOptions(**said)


def _file_of(path: Path) -> Path | None:
    if path.is_file():
        candidates = [path.with_suffix(suffix) for suffix in SUFFIXES]
    else:
        stems = {each.stem for each in path.glob("*") if each.suffix not in SUFFIXES}
        candidates = [
            each for each in sorted(path.glob("*")) if each.suffix in SUFFIXES and each.stem in stems
        ]
    return next((each for each in candidates if each.is_file() and each != path), None)


def _parsed(file: Path) -> dict:
    import yaml

    try:
        text = file.read_text("utf-8")
        said = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
    except (yaml.YAMLError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {' '.join(str(error).split())[:120]}") from error
    if said is not None and not isinstance(said, dict):
        raise InputError(f"{file} holds no keys: write lines such as start: 2012-03-01")
    return said or {}
