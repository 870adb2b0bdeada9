"""CoNLL files: a word and its tag per line, a blank line between sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from cityzoo.data.files import open_text
from cityzoo.data.text.findings import TextFindings
from cityzoo.data.text.formats import SPLITS, Columns, RawText
from cityzoo.data.text.formats.decode import read_text
from cityzoo.errors import InputError

TAG = re.compile(r"O|[BIOLUES]-\S+")


def is_format(file: Path) -> bool:
    """Return whether the first lines of a file are words with tags."""
    with open_text(file, errors="replace") as lines:
        first = [line.split() for line, _ in zip(lines, range(50), strict=False)]
    rows = [fields for fields in first if fields and fields[0] != "-DOCSTART-"]
    return bool(rows) and all(len(fields) >= 2 and TAG.fullmatch(fields[-1]) for fields in rows)


def read(file: Path, split: str, columns: Columns, findings: TextFindings) -> Iterator[RawText]:
    """Yield the sentences of a file; the first field of a line is the word, the last one its tag.

    Raises:
        InputError: a line without a tag, or one that is not BIO, BIOES or BILOU.
    """
    words: list[str] = []
    tags: list[str] = []
    # storm/train.txt and storm/dev.txt are one group, as are storm_train.txt and storm_dev.txt.
    group = "_".join(word for word in file.stem.split("_") if word.lower() not in SPLITS) or file.parent.name
    start = 1
    for number, line in enumerate([*read_text(file, findings).splitlines(), ""], 1):
        fields = line.split()
        if not fields or fields[0] == "-DOCSTART-":
            if words:
                place = f"{file.parent.name}/{file.name}:{start}"
                yield RawText(" ".join(words), None, place, split, tuple(words), tuple(tags), group)
            words, tags, start = [], [], number + 1
            continue
        if len(fields) < 2 or not TAG.fullmatch(fields[-1]):
            raise InputError(
                f"'{file}' line {number}: '{line[:60]}': expected a word and a tag such as O, B-road or I-road"
            )
        words.append(fields[0])
        tags.append(fields[-1])
