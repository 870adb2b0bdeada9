"""Write the out folder; whatever ends the process, every line that is there is whole."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from cityzoo.errors import InputError
from cityzoo.replace_file import replace_file
from cityzoo.watch.camera import Event, Observation
from cityzoo.watch.events import to_json_value
from cityzoo.watch.output.count_rows import COUNT_COLUMNS, CountRow

SUMMARY = "watched.json"
HEALTH = ("source", "sink", "evidence")  # types of events about the watch itself


class WatchFolder:
    """The folder.

    Args:
        path: new folder.
        columns: of counts.csv besides those of counts, from observers.
        tracks: write the boxes of all tracks.
        several: cameras; each has its own file of tracks.

    Raises:
        InputError: it exists with files in it.
    """

    def __init__(
        self, path: Path, columns: Sequence[str] = (), tracks: bool = False, several: bool = False
    ) -> None:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise InputError(f"--out '{path}' exists: give a new folder or remove it")
        path.mkdir(parents=True, exist_ok=True)
        self.path, self.columns, self.tracks, self.several = path, tuple(columns), tracks, several
        self._files: dict[str, TextIO] = {}
        for name in ("events.jsonl", "health.jsonl"):
            self._append(name, "")
        self._append("counts.csv", _csv_text([[*COUNT_COLUMNS, *self.columns]]))
        head = ["time", "sensor", "class", *COUNT_COLUMNS[2:]]
        self._append("counts_by_class.csv", _csv_text([head]))

    def write_event(self, event: Event) -> None:
        """Append an event to the file of its kind: health, alarms or events."""
        name = "alarms.jsonl" if "state" in event else "events.jsonl"
        name = "health.jsonl" if "state" not in event and event.get("type") in HEALTH else name
        self._append(name, json.dumps(to_json_value(event), ensure_ascii=False) + "\n")

    def write_counts(self, rows: Sequence[CountRow]) -> None:
        """Append rows to counts.csv, those of classes to counts_by_class.csv."""
        whole = [row for row in rows if not row.label]
        cells = [
            {**row.cells(), **{name: row.figures.get(name, "") for name in self.columns}} for row in whole
        ]
        self._append("counts.csv", _csv_text([list(row.values()) for row in cells]))
        for row in (row for row in rows if row.label):
            time, sensor, *rest = row.cells().values()
            self._append("counts_by_class.csv", _csv_text([[time, sensor, row.label, *rest]]))

    def write_zones(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append rows of what was measured in zones to zones.csv, all with the same keys."""
        if rows:
            head = [] if "zones.csv" in self._files else [[*rows[0]]]
            self._append("zones.csv", _csv_text([*head, *([*row.values()] for row in rows)]))

    def write_tracks(self, seen: Observation) -> None:
        """Append the tracks of a frame as rows of MOTChallenge: frame from 1, id, left, top, width, height, score."""
        if not self.tracks:
            return
        name = f"tracks.{seen.frame.camera}.txt" if self.several else "tracks.txt"
        rows = []
        for track in seen.tracks:
            x1, y1, x2, y2 = track.box
            box = f"{x1:.1f},{y1:.1f},{x2 - x1:.1f},{y2 - y1:.1f}"
            rows.append(f"{seen.frame.index + 1},{track.id},{box},{track.score:.4f},{track.label + 1},-1\n")
        self._append(name, "".join(rows))

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Replace watched.json."""
        with replace_file(self.path / SUMMARY) as part:
            text = json.dumps(to_json_value(summary), indent=2, ensure_ascii=False)
            part.write_text(text + "\n", encoding="utf-8")

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _append(self, name: str, text: str) -> None:
        if name not in self._files:
            self._files[name] = open(self.path / name, "a", encoding="utf-8", newline="")  # noqa: SIM115
        if text:
            self._files[name].write(text)
            self._files[name].flush()  # as one write, so that a killed process leaves whole lines


def _csv_text(rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
