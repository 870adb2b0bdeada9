"""Read what a watch has written."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError
from cityzoo.watch.evaluate.mot_rows import MotRows, read_mot_rows
from cityzoo.watch.evaluate.truth import Passage
from cityzoo.watch.scene import Line, parse_scene

SUMMARY = "watched.json"


@dataclass(frozen=True)
class Watched:
    """What one camera of a watch counted and reported.

    Attributes:
        folder: of the watch.
        camera: name.
        frames: that were looked at.
        seconds: from the first frame to the last.
        observed: seconds in which frames arrived.
        interval: seconds of a row of counts.
        lines: at which was counted.
        passages: counted crossings, in order of time.
        alarms: raised alarms, in order of time.
        rows: of counts.csv, with `start` in seconds since the first frame, `line`, `direction`.
        tracks: None: not written.
        facts: content of watched.json.
    """

    folder: Path
    camera: str
    frames: int
    seconds: float
    observed: float
    interval: float
    lines: tuple[Line, ...]
    passages: tuple[Passage, ...]
    alarms: tuple[dict[str, Any], ...]
    rows: tuple[dict[str, Any], ...]
    tracks: MotRows | None
    facts: dict[str, Any]


def read_watched(folder: Path, camera: str | None = None) -> Watched:
    """Read the folder of a watch.

    Args:
        folder: that `python -m cityzoo watch` has written.
        camera: name; None: the only one.

    Raises:
        InputError: no such folder, damaged, or of several cameras.
    """
    try:
        facts = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        about = _choose(facts["cameras"], camera, folder)
        name, lines = about["camera"], parse_scene({"lines": about["lines"]}).lines
        events, raised = (_read_lines(folder / file, name) for file in ("events.jsonl", "alarms.jsonl"))
        start = datetime.fromisoformat(facts["start"]).timestamp() if "start" in facts else 0.0
        seconds = float(about["seconds"])
        path = next(
            (path for path in (folder / "tracks.txt", folder / f"tracks.{name}.txt") if path.is_file()), None
        )
        return Watched(
            folder,
            name,
            int(about["frames"]),
            seconds,
            seconds * float(about["observed_share"]),
            float(facts["interval_seconds"]),
            lines,
            tuple(_passages(events)),
            tuple(event for event in raised if event.get("state") == "raised"),
            tuple(_read_counts(folder / "counts.csv", about["totals"], start)),
            read_mot_rows(path) if path else None,
            facts,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"--evaluate '{folder}' is not the folder of a watch ({error}): give the --out of python -m cityzoo watch"
        ) from error


def _choose(cameras: list[dict[str, Any]], wanted: str | None, folder: Path) -> dict[str, Any]:
    names = [item["camera"] for item in cameras]
    found = [item for item in cameras if wanted in (None, item["camera"])]
    if len(found) != 1:
        raise InputError(f"'{folder}' has the cameras {', '.join(names)}: give --camera with one of them")
    return found[0]


def _read_lines(path: Path, camera: str) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    own = [event for event in events if event.get("camera") == camera and "stream_seconds" in event]
    return sorted(own, key=lambda event: float(event["stream_seconds"]))


def _passages(events: list[dict[str, Any]]) -> list[Passage]:
    return [
        Passage(float(item["stream_seconds"]), item["line"], item["direction"], item.get("class", ""))
        for item in events
        if item["type"] == "crossing"
    ]


def _read_counts(path: Path, totals: list[Mapping[str, Any]], start: float) -> list[dict[str, Any]]:
    names = {total["sensor"]: (total["line"], total["direction"]) for total in totals}
    found = []
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["sensor"] in names and row["low"]:
                line, direction = names[row["sensor"]]
                at = datetime.fromisoformat(row["time"]).timestamp() - start
                ends = {key: float(row[key]) for key in ("low", "high")}
                found.append({"start": at, "line": line, "direction": direction} | ends)
    return found
