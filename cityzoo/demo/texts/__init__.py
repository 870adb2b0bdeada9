"""Demo texts from templates in four languages: municipal hotline calls, traffic reports, frequent questions."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

VERSION = 3  # of the templates and of how they are filled in; part of the cache folder's name
LANGUAGES = ("en", "de", "es", "tr")
SPLITS = ("train", "val", "test")
OUTSIDE = "oos"  # label of texts outside of all classes


def read_templates(name: str) -> Any:
    """Return the content of a file of templates next to this module."""
    return json.loads(Path(__file__).with_name(f"{name}.json").read_text(encoding="utf-8"))


def write_table(file: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a CSV file."""
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
