"""Under which licences a model's code, beginning weights and data stand, as far as it can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cityzoo.demo import MARK
from cityzoo.report.number_format import text

OWN_LICENCE = "Apache-2.0"
IMAGENET = (
    "The backbone began with the ImageNet weights of Keras Applications. The code that made them is free, but "
    "ImageNet's images are for non-commercial research and teaching: check whether that binds your use."
)
FILE = "The weights began from a file of yours ({}): its licence is that of whoever made it."
RANDOM = "The weights began from random numbers: nobody else has rights in them."
UNKNOWN = "The licence of {} is not known: ask who gave it to you."
README = ("LICENSE*", "LICENCE*", "README*", "license*", "readme*")
STATED = re.compile(r"(?im)^[\W_]*licen[sc]e[\W_]*:[\s*_]*(\S[^\n]{0,80})")
COMMON = re.compile(
    r"CC0(?: 1\.0)?|CC[ -]BY(?:-(?:NC|SA|ND))*(?:[ -]\d\.\d)?|Creative Commons Attribution[\w -]{0,40}\d\.\d"
    r"|Apache License|MIT License|Open Database License|Public Domain"
)
READ_AT_MOST = 100_000  # bytes of a file that may state a licence


def licences(weights: Mapping[str, Any] | None, sources: Sequence[str | None]) -> Iterator[str]:
    """Yield a sentence for the code, the weights that a run began with, and each data set.

    Args:
        weights: `kind` ("imagenet", "file" or "random") and `path`; None: not known.
        sources: of the data, as `--data` takes them; None and repeated ones are passed over.

    Example:
        >>> list(licences({"kind": "file", "path": "own.h5"}, ["no/such/data"]))[1:]  # doctest: +NORMALIZE_WHITESPACE
        ['The weights began from a file of yours (own.h5): its licence is that of whoever made it.',
         'The licence of no/such/data is not known: ask who gave it to you.']
    """
    yield f"cityzoo, which made it: {OWN_LICENCE}."
    kind = (weights or {}).get("kind")
    if kind:
        yield {"imagenet": IMAGENET, "random": RANDOM}.get(kind, FILE.format(text(weights.get("path"))))
    for source in dict.fromkeys(str(each) for each in sources if each):
        if is_drawn(source):
            yield f"The images of {source} were drawn by cityzoo: {OWN_LICENCE}."
            continue
        licence = data_licence(source)
        yield f"{source}: {licence}." if licence else UNKNOWN.format(source)


def is_drawn(source: str | None) -> bool:
    """Tell whether images are cityzoo's own drawings.

    Example:
        >>> is_drawn("no/such/folder"), is_drawn(None)
        (False, False)
    """
    return bool(source) and Path(source, MARK).is_file()


def data_licence(source: str) -> str | None:
    """Return the licence that a data set states: in the roboflow section of `data.yaml`, in a LICENSE or a README.

    Args:
        source: as `--data` takes it.

    Returns:
        The licence's name and the file that states it; None where none can be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "data.yaml").write_text("roboflow: {license: CC BY 4.0}")
        ...     data_licence(folder)
        'CC BY 4.0 (data.yaml)'
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
        found = _stated(file)
        if found:
            return f"{found} ({file.name})"
    return None


def _stated(file: Path) -> str | None:
    try:
        with open(file, encoding="utf-8", errors="replace") as opened:
            words = opened.read(READ_AT_MOST)
    except OSError:  # not there, a folder, or not ours to read
        return None
    if file.suffix in (".yaml", ".yml"):
        return _roboflow_licence(words)
    stated = STATED.search(words)
    if stated:
        return stated[1].strip(" *_`.")
    common = COMMON.search(words)
    return common[0] if common else None


def _roboflow_licence(words: str) -> str | None:
    import yaml

    try:
        found = yaml.safe_load(words)
    except yaml.YAMLError:
        return None
    section = found.get("roboflow") if isinstance(found, dict) else None
    licence = section.get("license") if isinstance(section, dict) else None
    return str(licence) if licence else None
