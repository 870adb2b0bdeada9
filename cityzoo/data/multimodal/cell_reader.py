"""What cells hold: files of images and sounds, texts, windows of sensors and counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.data.files import is_allowed
from cityzoo.data.multimodal.examples import WINDOWS
from cityzoo.data.multimodal.findings import MultimodalFindings
from cityzoo.data.multimodal.tables import RawRow
from cityzoo.data.text.findings import TextFindings
from cityzoo.data.text.formats.table import read_rows


@dataclass
class CellReader:
    """Read cells; what cannot be read counts as empty, and as a finding.

    Attributes:
        findings: get what is missing or broken.
        series: files of sensors that were read, by path: (T, K) float32.
    """

    findings: MultimodalFindings
    series: dict[Path, np.ndarray] = field(default_factory=dict)

    def read(self, row: RawRow) -> dict[str, Any]:
        """Return the cells of a row by modality, see `MultimodalRow.cells`."""
        readers: dict[str, Callable[[RawRow, str], Any]] = {
            "image": self._file,
            "text": lambda row, modality: str(row.values[modality]).strip() or None,
            "sound": self._file,
            **dict.fromkeys(WINDOWS, self._window),
        }
        found = {
            modality: read(row, modality) for modality, read in readers.items() if modality in row.values
        }
        return {modality: value for modality, value in found.items() if value is not None}

    def _path(self, row: RawRow, modality: str, name: str) -> Path | None:
        path = Path(row.values.get(f"{modality} file", row.file)).parent / name
        if path.is_file() and is_allowed(path):
            return path
        self.findings.add("missing", f"{row.place_in_file}: {name}")
        return None

    def _file(self, row: RawRow, modality: str) -> str | None:
        path = self._path(row, modality, str(row.values[modality]))
        return None if path is None else str(path)

    def _window(self, row: RawRow, modality: str) -> np.ndarray | None:
        """Return a window (T, K) float32: a list in the cell, or FILE or FILE#FIRST:LAST, rows of a CSV."""
        value = row.values[modality]
        try:
            if isinstance(value, list) or str(value).lstrip().startswith("["):
                window = np.asarray(value if isinstance(value, list) else json.loads(value), np.float32)
            else:
                name, _, rows = str(value).partition("#")
                path = self._path(row, modality, name)
                if path is None:
                    return None
                if path not in self.series:
                    self.series[path] = read_columns(path)
                window = self.series[path]
                if rows:
                    first, last = (int(part) for part in rows.split(":"))
                    window = window[max(first, 0) : last]
            window = window[:, None] if window.ndim == 1 else window
            if window.ndim != 2 or not window.size or not np.isfinite(window).any():
                raise ValueError("no numbers")
        except (ValueError, TypeError) as error:
            self.findings.add("broken", f"{row.place_in_file}: {modality} ({str(error)[:60]})")
            return None
        return window


def read_columns(file: Path) -> np.ndarray:
    """Return the columns of numbers of a CSV, (T, K) float32, NaN where a cell is empty; a time column is left out.

    Raises:
        ValueError: no column of numbers.
    """
    header, rows = read_rows(file, TextFindings(str(file), "csv"), keep_gaps=True)
    table = np.array([row for _, row in rows], dtype=object).reshape(-1, len(header))
    columns = []
    for name, column in zip(header, table.T, strict=True):
        if name.lower() in ("time", "timestamp", "date"):
            continue
        try:
            columns.append(np.array([float(cell) if cell.strip() else np.nan for cell in column], np.float32))
        except ValueError:
            continue  # words
    if not columns:
        raise ValueError(f"{file.name} has no column of numbers")
    return np.stack(columns, axis=1)
