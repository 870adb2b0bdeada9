"""Compare a watch with a truth, and write the report and the calibration of its counts."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError
from cityzoo.replace_file import replace_file
from cityzoo.watch.counting.calibration import measure_rates
from cityzoo.watch.evaluate import count_errors
from cityzoo.watch.evaluate.alarm_times import evaluate_alarms
from cityzoo.watch.evaluate.baselines import BASELINES, measure_video, run_baselines
from cityzoo.watch.evaluate.mot_rows import MotRows
from cityzoo.watch.evaluate.track_metrics import evaluate_tracks
from cityzoo.watch.evaluate.truth import Passage, Truth, read_truth
from cityzoo.watch.evaluate.watch_results import Watched, read_watched
from cityzoo.watch.output.progress import clock
from cityzoo.watch.scene.line import BACK, FORWARD, Line

FOLDER, CALIBRATION = "evaluation", "calibration.json"  # in the folder of the watch
ACCEPTED_GEH = 5.0
OWN = "this watch"
Progress = Callable[[int, float], None]


def evaluate_watch(
    folder: Path,
    truth: Path,
    video: Path | None = None,
    interval: float | None = None,
    camera: str | None = None,
    progress: Progress = lambda frames, seconds: None,
) -> dict[str, Any]:
    """Return the report of a watch, and write it into the folder `evaluation` in that of the watch.

    Args:
        folder: of the watch.
        truth: what really happened; see `read_truth`.
        video: that was watched; None: the source in watched.json. The baselines need it.
        interval: seconds over which counts are compared; None: those of the watch.
        camera: name; None: the only one.
        progress: called with the frames and seconds of the video that the baselines have looked at.

    Raises:
        InputError: unusable folder, truth or video.
    """
    watched = read_watched(folder, camera)
    file = _find_video(watched, video)
    fps, size = measure_video(file) if file else (watched.frames / max(watched.seconds, 1e-9), None)
    true = read_truth(truth, watched.lines, fps, size)
    names = {passage.line for passage in true.passages} or {line.name for line in watched.lines}
    lines = [line for line in watched.lines if line.name in names]
    interval = interval or watched.interval
    report = _describe(watched, true, file)
    report |= _compare_counts(watched, true, lines, interval)
    report["methods"], left_out = _compare_methods(watched, true, lines, interval, file, fps, progress)
    report["warnings"] = left_out
    if true.incidents is not None:
        report |= _compare_alarms(watched, true)
    if true.tracks is not None and watched.tracks is not None:
        report["tracks"] = evaluate_tracks(true.tracks, watched.tracks, _frames(watched, fps))
    _write(watched.folder / FOLDER, report)
    return report


def _describe(watched: Watched, true: Truth, video: Path | None) -> dict[str, Any]:
    return {
        "task": "watch",
        "examples": "frames",
        "n_frames": watched.frames,
        "data": watched.camera,
        "watched_seconds": watched.seconds,
        "truth": true.origin,
        "video": video.name if video else None,
        "threshold": watched.facts.get("threshold"),
    }


def _compare_counts(watched: Watched, true: Truth, lines: Sequence[Line], interval: float) -> dict[str, Any]:
    names = [line.name for line in lines]
    counted = [passage for passage in watched.passages if passage.line in names]
    rows = count_errors.compare_intervals(counted, true.passages, watched.seconds, interval)
    for row in rows:
        row |= {"time": clock(row["start"])} | _ends(watched, names, row["start"], interval)
    ranges = [row for row in rows if row["low"] is not None]
    ways = {
        (line.name, way): f"{line.name}: {' to '.join(line.sides[:: 1 if way == FORWARD else -1])}"
        for line in lines
        for way in (FORWARD, BACK)
    }
    return {
        "counts": count_errors.compare_totals(counted, true.passages, watched.seconds),
        "worst_interval": count_errors.worst_interval(rows),
        "by_interval": rows,
        "intervals_chart": {key: [row[key] for row in rows] for key in ("true", "counted")},
        "covered_share": sum(row["low"] <= row["true"] <= row["high"] for row in ranges) / len(ranges)
        if ranges
        else None,
        "geh_below_5_share": sum(row["geh"] < ACCEPTED_GEH for row in rows) / len(rows),
        "directions": count_errors.compare_directions(counted, true.passages, watched.seconds, ways),
        "classes": count_errors.compare_classes(counted, true.passages)
        if any(passage.label for passage in true.passages)
        else None,
        "crossings": count_errors.compare_crossings(counted, true.passages),
        "calibration": _calibrate(counted, true.passages, ways),
    }


def _ends(watched: Watched, names: Sequence[str], start: float, interval: float) -> dict[str, Any]:
    """Return the sum of low and high over the directions, if the watch has counted in these intervals."""
    own = [row for row in watched.rows if abs(row["start"] - start) < 1 and row["line"] in names]
    known = bool(own) and math.isclose(interval, watched.interval)
    return {key: sum(row[key] for row in own) if known else None for key in ("low", "high")}


def _calibrate(
    counted: Sequence[Passage], true: Sequence[Passage], ways: Mapping[tuple[str, str], str]
) -> list[dict[str, Any]]:
    rows = []
    for (line, direction), name in ways.items():
        here, there = (
            [p for p in items if (p.line, p.direction) == (line, direction)] for items in (counted, true)
        )
        if here or there:
            matched = len(count_errors.match_passages(here, there))
            rates = measure_rates(len(here), len(there) - matched, len(here) - matched)
            rows.append({"sensor": name, "line": line, "direction": direction} | rates)
    return rows


def _compare_methods(
    watched: Watched,
    true: Truth,
    lines: Sequence[Line],
    interval: float,
    video: Path | None,
    fps: float,
    progress: Progress,
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    from cityzoo.watch.detector import Detector

    found: dict[str, Sequence[Passage]] = {
        OWN: [passage for passage in watched.passages if passage.line in [line.name for line in lines]]
    }
    left_out = []
    if video is None:
        left_out = ["The baselines were not computed: the video is not there, give --video FILE."]
    else:
        path = Path(str(watched.facts.get("detector", "")))
        boxes: MotRows | Detector | None = watched.tracks
        if boxes is None and path.exists():
            boxes = Detector(path, watched.facts.get("kept", ()))
        if boxes is None:
            left_out = [f"The baseline without a tracker was not computed: '{path.name}' is not there."]
        score = float(watched.facts["threshold"]["start"])
        made = run_baselines(video, lines, boxes, score, fps, watched.seconds, progress)
        found |= {BASELINES[name]: passages for name, passages in made.items()}
    methods = {}
    for name, passages in found.items():
        rows = count_errors.compare_intervals(passages, true.passages, watched.seconds, interval)
        methods[name] = count_errors.compare_totals(passages, true.passages, watched.seconds)
        methods[name] |= {
            "mean_interval_error": sum(abs(row["error"]) for row in rows) / len(rows),
            "worst_interval": count_errors.worst_interval(rows),
        }
        if name != BASELINES["detections"]:  # which has no directions
            crossings = count_errors.compare_crossings(passages, true.passages)
            methods[name] |= {key: crossings[key] for key in ("recall", "precision")}
    return methods, left_out


def _compare_alarms(watched: Watched, true: Truth) -> dict[str, Any]:
    raised = [(alarm["type"], float(alarm["stream_seconds"])) for alarm in watched.alarms]
    alarms = evaluate_alarms(raised, true.incidents or (), watched.observed)
    for row in alarms["incidents"]:
        row |= {"from": clock(row["start"]), "until": clock(row["end"])}
    listed = [
        {
            "kind": alarm["type"].replace("_", " "),
            "time": clock(float(alarm["stream_seconds"])),
            "rule": alarm.get("rule"),
            "evidence": f"../{alarm['evidence']}" if alarm.get("evidence") else None,
        }
        for alarm in watched.alarms
    ]
    known = [list(alarm) for alarm in raised if alarm[0] in ("stopped", "wrong_way", "congestion")]
    return {"alarms": alarms | {"raised_alarms": known}, "alarm_list": listed}


def _frames(watched: Watched, fps: float) -> Sequence[int]:
    """Return the numbers of the frames that were watched, from 1."""
    last = round(watched.seconds * fps)
    if watched.frames >= last - 1 or watched.tracks is None:
        return range(1, max(last, watched.frames) + 1)
    return sorted(set(watched.tracks.frames.tolist()))  # thinned


def _find_video(watched: Watched, given: Path | None) -> Path | None:
    if given is not None:
        if not given.is_file():
            raise InputError(f"--video '{given}' is not there: give the file that was watched")
        return given
    cameras = [item["camera"] for item in watched.facts["cameras"]]
    source = Path(str(watched.facts["sources"][cameras.index(watched.camera)]))
    return source if source.is_file() else None


def _write(folder: Path, report: Mapping[str, Any]) -> None:
    from cityzoo.report.write import write_report
    from cityzoo.watch.evaluate.page import layout
    from cityzoo.watch.evaluate.timeline import draw_timeline

    folder.mkdir(exist_ok=True)
    draw_timeline(folder / "timeline.png", report)
    write_report(folder, report, layout(report))
    with replace_file(folder / CALIBRATION) as part:
        text = json.dumps({"lines": report["calibration"], "seconds": report["watched_seconds"]}, indent=2)
        part.write_text(text + "\n", encoding="utf-8")
