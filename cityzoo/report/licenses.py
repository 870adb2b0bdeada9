"""Licenses of a model's code, initial weights and data, as far as they are stated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cityzoo.data.files import confine, open_text
from cityzoo.data.markup import load_yaml
from cityzoo.demo import MARK
from cityzoo.errors import InputError
from cityzoo.report.number_format import format_text

OWN_LICENSE = "Apache-2.0"
IMAGENET = (
    "The backbone started from the ImageNet weights of Keras Applications. Their code is open source, but ImageNet's "
    "images are for non-commercial research and education: check whether that restricts your use."
)
FILE = "The weights started from your file ({}), under the license of its author."
RANDOM = "The weights started from random numbers: no third-party rights."
UNKNOWN = "{}: license unknown, ask its provider."
README = ("LICENSE*", "LICENCE*", "README*", "license*", "readme*")
STATED = re.compile(r"(?im)^[\W_]*licen[sc]e[\W_]*:[\s*_]*(\S[^\n]{0,80})")
COMMON = re.compile(
    r"CC0(?: 1\.0)?|CC[ -]BY(?:-(?:NC|SA|ND))*(?:[ -]\d\.\d)?|Creative Commons Attribution[\w -]{0,40}\d\.\d"
    r"|Apache License|MIT License|Open Database License|Public Domain"
)
MAX_CHARACTERS = 100_000  # read of a file that may state a license


def license_sentences(weights: Mapping[str, Any] | None, sources: Sequence[str | None]) -> Iterator[str]:
    """Yield a sentence on the license of the code, the initial weights and each data set.

    Args:
        weights: `kind` ("imagenet", "file" or "random") and `path`; None if unknown.
        sources: values of `--data`; None and repeated ones are skipped.

    Example:
        >>> list(license_sentences({"kind": "random"}, ["no/such/data"]))[2:]
        ['no/such/data: license unknown, ask its provider.']
    """
    yield f"cityzoo: {OWN_LICENSE}."
    kind = (weights or {}).get("kind")
    if kind:
        path = format_text((weights or {}).get("path"))
        yield {"imagenet": IMAGENET, "random": RANDOM}.get(kind, FILE.format(path))
    for source in dict.fromkeys(str(each) for each in sources if each):
        if is_synthetic(source):
            yield f"{source}, synthetic images by cityzoo: {OWN_LICENSE}."
            continue
        found = data_license(source)
        yield f"{source}: {found}." if found else UNKNOWN.format(source)


def is_synthetic(source: str | None) -> bool:
    """Return whether images are rendered by cityzoo.

    Example:
        >>> is_synthetic("no/such/folder"), is_synthetic(None)
        (False, False)
    """
    return bool(source) and Path(str(source), MARK).is_file()


def data_license(source: str) -> str | None:
    """Return the license stated in the roboflow section of `data.yaml`, a LICENSE or a README of a data set.

    Args:
        source: value of `--data`.

    Returns:
        The license and the file that states it; None if there is none.
    """
    path = Path(source).expanduser()
    folder = path if path.is_dir() else path.parent if path.is_file() else None
    if folder is None:
        return None
    candidates = [
        folder / "data.yaml",
        *(file for pattern in README for file in sorted(folder.glob(pattern))),
    ]
    for file in dict.fromkeys(candidates):
        if stated := _read_license(file):
            return f"{stated} ({file.name})"
    return None


def _read_license(file: Path) -> str | None:
    try:
        with confine(str(file.parent)), open_text(file, errors="replace") as opened:
            words = opened.read(MAX_CHARACTERS)
    except (OSError, InputError):  # missing, a folder, or not readable
        return None
    if file.suffix in (".yaml", ".yml"):
        return _roboflow_license(file)
    stated = STATED.search(words)
    if stated:
        return stated[1].strip(" *_`.")
    common = COMMON.search(words)
    return common[0] if common else None


def _roboflow_license(file: Path) -> str | None:
    try:
        found = load_yaml(file)
    except InputError:
        return None
    section = found.get("roboflow") if isinstance(found, dict) else None
    stated = section.get("license") if isinstance(section, dict) else None
    return str(stated) if stated else None
