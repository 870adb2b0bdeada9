"""CSV and TSV files with a column of texts and one of labels."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from cityzoo.data.text.findings import TextFindings
from cityzoo.data.text.formats import SPLITS, Columns, RawText, parse_labels
from cityzoo.data.text.formats.decode import read_text
from cityzoo.errors import InputError, unknown

TEXT_NAMES = (
    "text",
    "sentence",
    "message",
    "utterance",
    "description",
    "complaint",
    "question",
    "query",
    "content",
)
LABEL_NAMES = ("label", "labels", "intent", "category", "class", "event", "events", "type", "tags", "target")
GROUP_NAMES = ("group", "conversation", "call_id", "call", "source_event")
SPLIT_NAMES = ("split", "subset")
SEPARATORS = ",;\t|"
YES, NO = ("1", "1.0", "true", "yes", "x"), ("0", "0.0", "false", "no", "")


def read_rows(
    file: Path, findings: TextFindings, keep_gaps: bool = False
) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Return the header of a table, and its rows that are not empty, each with the number of its last line.

    With `keep_gaps` rows of separators alone count, too: those of sensors that are all silent.

    Raises:
        InputError: the file is not text; when rows are read, one has more or fewer fields than the header.
    """
    content = read_text(file, findings)
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    first = content.split("\n", 1)[0]
    delimiter = max(SEPARATORS, key=first.count) if file.suffix.lower() != ".tsv" else "\t"
    rows = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter)
    header = [name.strip() for name in next(rows, [])]

    def checked() -> Iterator[tuple[int, list[str]]]:
        for row in rows:
            if not any(field.strip() for field in row) and not (keep_gaps and row):
                continue
            if len(row) != len(header):
                raise InputError(
                    f"'{file}' line {rows.line_num}: {len(row)} fields, but the header has {len(header)}: put texts "
                    f"with '{delimiter}' in double quotes"
                )
            yield rows.line_num, row

    return header, checked()


def read(file: Path, split: str, columns: Columns, findings: TextFindings) -> Iterator[RawText]:
    """Yield the texts of a table.

    Raises:
        InputError: no header with a column of texts, or rows with more fields than it.
    """
    header, found = read_rows(file, findings)
    rows = list(found)
    marks = _label_columns(header, [row for _, row in rows], columns, str(file))
    places = find_columns(header, replace(columns, label="") if marks else columns, str(file))
    for number, name in enumerate(header):
        if name and number not in (*places.values(), *marks):
            findings.add("unused column", f"{file.name}: {name}")
    for line, row in rows:
        fields = {kind: row[place].strip() for kind, place in places.items()}
        marked = tuple(header[number] for number in marks if row[number].strip().lower() in YES)
        yield RawText(
            fields["text"],
            marked if marks else parse_labels(fields.get("label"), columns.separator),
            f"{file.name}:{line}",
            SPLITS.get(fields.get("split", "").lower(), split),
            group=fields.get("group", ""),
        )


def _label_columns(
    header: Sequence[str], rows: Sequence[Sequence[str]], columns: Columns, where: str
) -> list[int]:
    """Return the columns that stand for a label each: named by the user, or all of 0 and 1 where none has labels."""
    given = [name.strip() for name in columns.label.split(",")] if columns.several else []
    if len(given) > 1:
        for name in given:
            if name not in header:
                raise unknown(f"column of '{where}'", name, header)
        return [header.index(name) for name in given]
    if not columns.several or columns.label or {name.lower() for name in header} & set(LABEL_NAMES):
        return []
    used = {place for kind, place in find_columns(header, columns, where).items()}
    return [
        number
        for number in range(len(header))
        if number not in used and all(row[number].strip().lower() in YES + NO for row in rows)
    ]


def find_columns(header: Sequence[str], columns: Columns, where: str) -> dict[str, int]:
    """Return the place of the columns of texts, labels, splits and groups.

    Raises:
        InputError: no column of texts, or a name that is not there.

    Example:
        >>> find_columns(["id", "Text", "category"], Columns(), "a.csv")
        {'text': 1, 'label': 2}
    """
    lower = [name.lower() for name in header]
    found = {}
    kinds = (
        ("text", columns.text, TEXT_NAMES), ("label", columns.label, LABEL_NAMES),
        ("split", "", SPLIT_NAMES), ("group", columns.group, GROUP_NAMES),
    )  # fmt: skip
    for kind, given, names in kinds:
        if given and given.lower() not in lower:
            raise unknown(f"column of '{where}'", given, header)
        name = given.lower() or next((each for each in names if each in lower), "")
        if name:
            found[kind] = lower.index(name)
    if "text" not in found:
        raise InputError(
            f"'{where}' has the columns {', '.join(header)[:200]}: name the one of the texts 'text', or give "
            "--text-column"
        )
    return found
