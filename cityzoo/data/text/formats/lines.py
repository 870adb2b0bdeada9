"""Texts without labels: the lines of a .txt file, or the texts of any other format."""

from __future__ import annotations

from pathlib import Path

from cityzoo.data.text import formats
from cityzoo.data.text.findings import TextFindings
from cityzoo.data.text.formats import Columns, RawText, conll
from cityzoo.data.text.formats.decode import read_text


def read_unlabelled(
    source: str, format: str | None, columns: Columns, findings: TextFindings
) -> list[RawText]:
    """Return the texts of a file or folder; lines of a .txt file are texts.

    Raises:
        InputError: nothing there.
    """
    path = Path(source)
    if path.is_file() and path.suffix.lower() == ".txt" and not conll.is_format(path):
        lines = enumerate(read_text(path, findings).splitlines(), 1)
        return [RawText(line.strip(), None, f"{path.name}:{number}") for number, line in lines]
    return formats.read(source, format, columns, findings)
