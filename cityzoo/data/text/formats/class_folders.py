"""A folder for each class, a text in each file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from cityzoo.data.text.findings import TextFindings
from cityzoo.data.text.formats import SPLITS, RawText
from cityzoo.data.text.formats.conll import is_format as is_conll
from cityzoo.data.text.formats.decode import read_text

LEAST_CLASSES = 2


def is_format(files: Sequence[Path], root: Path) -> bool:
    """Return whether text files lie in folders of several classes."""
    texts = [file for file in files if file.suffix.lower() == ".txt" and file.parent != root]
    names = {file.parent.name for file in texts if file.parent.name.lower() not in SPLITS}
    return len(names) >= LEAST_CLASSES and not is_conll(texts[0])


def read(root: Path, files: Sequence[Path], findings: TextFindings) -> Iterator[RawText]:
    """Yield the text of each file, labeled with the name of its folder."""
    findings.format = "folders"
    for file in files:
        parts = file.relative_to(root).parts
        if file.suffix.lower() != ".txt" or len(parts) < 2:
            findings.add("unused file", "/".join(parts))
            continue
        split = next((SPLITS[part.lower()] for part in parts[:-1] if part.lower() in SPLITS), "")
        yield RawText(read_text(file, findings).strip(), (file.parent.name,), "/".join(parts), split)
