"""What really happened: from a demo's truth.json, a table of hand counts, or labeled tracks."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError, unknown
from cityzoo.watch.counting import LineCounter
from cityzoo.watch.evaluate.mot_rows import MotRows, read_mot_rows
from cityzoo.watch.scene.line import BACK, FORWARD, Line
from cityzoo.watch.tracking import Track

FORM = "columns time (seconds, MM:SS or H:MM:SS) or frame (from 1), line, direction (forward, back or FROM-TO), class"


@dataclass(frozen=True)
class Passage:
    """A vehicle over a line: true or counted."""

    seconds: float  # since the first frame
    line: str
    direction: str  # "forward" or "back"
    label: str = ""  # class; "": not given


@dataclass(frozen=True)
class Incident:
    """An incident with its duration in seconds since the first frame."""

    kind: str  # "stopped", "wrong_way" or "congestion"
    start: float
    end: float


@dataclass(frozen=True)
class Truth:
    """What really happened.

    Attributes:
        passages: in order of time.
        incidents: None: not given, so alarms cannot be evaluated.
        tracks: boxes with ids; None: not given.
        origin: where it comes from, in words.
    """

    passages: tuple[Passage, ...]
    incidents: tuple[Incident, ...] | None
    tracks: MotRows | None
    origin: str


def read_truth(path: Path, lines: Sequence[Line], fps: float, image_hw: tuple[int, int] | None) -> Truth:
    """Read a truth.

    Args:
        path: truth.json of a demo video (with tracks.txt in its folder, if there is one), a CSV file of hand counts,
            or a MOTChallenge file of labeled tracks, whose crossings of the lines are counted.
        lines: at which was counted.
        fps: frames per second, for what is given by frame.
        image_hw: of the frames, for labeled tracks.

    Raises:
        InputError: not there, damaged, or with other lines and directions.
    """
    try:
        if path.suffix == ".json":
            return _read_json(path, lines)
        if path.suffix == ".csv":
            return _read_table(path, lines, fps)
        tracks = read_mot_rows(path)
    except OSError as error:
        raise InputError(
            f"--truth '{path}' cannot be read ({error.strerror}): give truth.json, a CSV file or tracks.txt"
        ) from error
    if image_hw is None:
        raise InputError(f"--truth '{path}': labeled tracks need the video, give --video FILE")
    return Truth(tuple(_count_tracks(tracks, lines, fps, image_hw)), None, tracks, "labeled tracks")


def _read_json(path: Path, lines: Sequence[Line]) -> Truth:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        name, crossings = content["line"]["name"], content["crossings"]
        passages = [
            Passage(
                float(item["seconds"]),
                name,
                _direction(f"{item['source']}-{item['target']}", name, lines),
                item["label"],
            )
            for item in crossings
        ]
        kinds = {"jam": "congestion"}
        incidents = [
            Incident(kinds.get(item["kind"], item["kind"]), float(item["start_s"]), float(item["end_s"]))
            for item in content["incidents"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"--truth '{path}' is not the truth of a demo video ({error}): write one with python -m cityzoo demo"
        ) from error
    boxes = path.with_name("tracks.txt")
    tracks = read_mot_rows(boxes) if boxes.is_file() else None
    return Truth(tuple(passages), tuple(incidents), tracks, "truth of a demo video")


def _read_table(path: Path, lines: Sequence[Line], fps: float) -> Truth:
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    passages = []
    for number, row in enumerate(rows, 2):
        try:
            passages.append(_read_row(row, lines, fps))
        except (InputError, ValueError, KeyError) as error:
            reason = error if isinstance(error, InputError) else f"expected {FORM}"
            raise InputError(f"--truth '{path}' line {number}: {reason}") from error
    if not passages:
        raise InputError(f"--truth '{path}' has no rows: expected {FORM}")
    return Truth(tuple(sorted(passages, key=lambda item: item.seconds)), None, None, "hand counts")


def _read_row(row: Mapping[str, Any], lines: Sequence[Line], fps: float) -> Passage:
    name = (row.get("line") or "").strip() or lines[0].name
    if name not in [line.name for line in lines]:
        raise unknown("line", name, [line.name for line in lines])
    seconds = parse_clock(row["time"]) if row.get("time") else (int(row["frame"]) - 1) / fps
    return Passage(
        seconds, name, _direction(row["direction"].strip(), name, lines), (row.get("class") or "").strip()
    )


def parse_clock(text: str) -> float:
    """Return a time in seconds.

    Example:
        >>> parse_clock("7.5"), parse_clock("1:07.5"), parse_clock("1:00:07")
        (7.5, 67.5, 3607.0)
    """
    seconds = 0.0
    for part in text.strip().split(":"):
        seconds = 60 * seconds + float(part)
    if not 0 <= seconds < math.inf:
        raise ValueError(text)
    return seconds


def _direction(text: str, name: str, lines: Sequence[Line]) -> str:
    line = next((line for line in lines if line.name == name), None)
    if line is None:
        raise InputError(
            f"the truth has line '{name}', the watch has {', '.join(item.name for item in lines)}"
        )
    forward, back = ("-".join(sides) for sides in (line.sides, line.sides[::-1]))
    known = {FORWARD: FORWARD, BACK: BACK, forward: FORWARD, back: BACK}
    if text not in known:
        raise unknown(f"direction at line '{name}'", text, known)
    return known[text]


def _count_tracks(
    rows: MotRows, lines: Sequence[Line], fps: float, image_hw: tuple[int, int]
) -> list[Passage]:
    """Count the labeled tracks with the counter of the watch: what perfect tracks would have given."""
    counters = [LineCounter(line, image_hw) for line in lines]
    passages = []
    for frame, ids, boxes, labels in rows:
        tracks = [
            Track(int(number), tuple(box), 1.0, int(label), 1.0, 1.0, True)
            for number, box, label in zip(ids, boxes.tolist(), labels, strict=True)
        ]
        for counter in counters:
            found = counter.update(tracks, (frame - 1) / fps)
            passages += [Passage(item.time, item.line, item.direction) for item in found]
    return sorted(passages, key=lambda item: item.seconds)
