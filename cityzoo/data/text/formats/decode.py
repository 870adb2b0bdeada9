"""Decode text files of unknown encodings."""

from __future__ import annotations

import codecs
from pathlib import Path

from cityzoo.data.files import read_bytes
from cityzoo.data.text.findings import TextFindings
from cityzoo.errors import InputError

MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def read_text(file: Path, findings: TextFindings) -> str:
    """Return the text of a file: UTF-8, UTF-16 with its mark, else Windows-1252, which is counted.

    Raises:
        InputError: the file cannot be read, or is not text.
    """
    content = read_bytes(file)
    if b"\0" in content[:4096] and not content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(f"'{file}' is not a text file: give CSV, JSON, JSONL or CoNLL")
    encoding = next((name for mark, name in MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        encoding = "cp1252"
        text = content.decode(encoding, errors="replace")
        if text.count("\ufffd"):
            findings.add("replaced", file.name, text.count("\ufffd"))
    if encoding in ("utf-16", "cp1252"):
        findings.add("encoding", file.name)
    return text
