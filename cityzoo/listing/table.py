"""Rows as a table of text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cityzoo.doctor.summary import format_rows
from cityzoo.report.number_format import format_text


def format_table(headings: Mapping[str, str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as aligned lines below their headings; a dash stands for nothing.

    Args:
        headings: key within a row -> what the column is called.
        rows: of the table.

    Example:
        >>> print(format_table({"a": "name", "b": "MB"}, [{"a": "one", "b": 2.5}, {"a": "three", "b": None}]), end="")
        name   MB
        one    2.5
        three  –
    """
    cells = [tuple(headings.values()), *(tuple(format_text(row[key]) for key in headings) for row in rows)]
    return "".join(f"{line}\n" for line in format_rows(cells, indent=""))
