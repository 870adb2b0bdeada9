"""Run folders as rows: what was trained, how good it is, what it took, and what is damaged."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from shlex import quote
from typing import Any

from cityzoo.doctor.caches import size_bytes
from cityzoo.errors import DAMAGE, InputError
from cityzoo.fit.run_files import RunFolder
from cityzoo.fit.run_lock import is_locked
from cityzoo.report.number_format import is_number

FINISHED, TRAINING, UNFINISHED, DAMAGED = "finished", "training", "unfinished", "damaged"
NOT_METRICS = ("task", "backbone")


@dataclass(frozen=True)
class RunRow:
    """A run.

    Attributes:
        folder: below the folder that was searched, "." for itself.
        state: "finished", "training", "unfinished" or "damaged".
        reason: why it is not finished, and the next step; "" if it is.
        task, backbone, data: of the run, "" if not known; data of "demo" is drawn.
        date: when its report, or else its spec, was written last: local time, as 2026-11-30 09:15.
        metric: the first one of its report.
        value, interval: of that metric, and its 95 % interval.
        minutes: from start to end of training, the last one if it was resumed.
        megabytes: of the folder.
    """

    folder: str
    state: str
    reason: str = ""
    task: str = ""
    backbone: str = ""
    data: str = ""
    date: str = ""
    metric: str | None = None
    value: float | None = None
    interval: tuple[float, float] | None = None
    minutes: float | None = None
    megabytes: float = 0.0


# --sort: what rows are ordered by; those without a value come last
KEYS: Mapping[str, Callable[[RunRow], Any]] = {
    "date": lambda row: row.date or None,
    "metric": lambda row: None if row.value is None else (row.metric, row.value),
    "minutes": lambda row: row.minutes,
    "megabytes": lambda row: row.megabytes,
    "folder": lambda row: row.folder,
    "task": lambda row: row.task or None,
    "backbone": lambda row: row.backbone or None,
    "data": lambda row: row.data or None,
}
LARGEST_FIRST = ("date", "metric", "minutes", "megabytes")


def sort_rows(rows: list[RunRow], by: str, reverse: bool = False) -> list[RunRow]:
    """Return rows in the order of one of `KEYS`: dates and numbers from the largest, words from A to Z.

    Example:
        >>> rows = [RunRow("a", FINISHED, minutes=1.0), RunRow("b", DAMAGED), RunRow("c", FINISHED, minutes=2.0)]
        >>> [row.folder for row in sort_rows(rows, "minutes")]
        ['c', 'a', 'b']
    """
    known = [row for row in rows if KEYS[by](row) is not None]
    known.sort(key=KEYS[by], reverse=(by in LARGEST_FIRST) != reverse)
    return [*known, *(row for row in rows if KEYS[by](row) is None)]


def find_runs(folder: Path) -> list[RunRow]:
    """Return the runs in a folder and its folders; runs inside a run, such as repeats, belong to that run.

    Raises:
        InputError: no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"folder '{folder}' does not exist: give a folder of runs, such as runs/")
    return [_read_or_damaged(path, folder) for path in _find(folder)]


def _find(folder: Path) -> Iterator[Path]:
    try:
        children = [child for child in sorted(folder.iterdir()) if child.is_dir()]
        is_run = _is_run(folder)
    except OSError:  # listed as one that cannot be read
        yield folder
        return
    if is_run:
        yield folder
        return
    for child in children:
        if child.name.startswith("."):
            continue
        if not child.is_symlink():
            yield from _find(child)
        elif _is_run(child):  # other links may lead back here
            yield child


def _is_run(folder: Path) -> bool:
    run = RunFolder(folder)
    return run.spec.is_file() or any(path.exists() for path in (run.checkpoint, run.model, run.history))


def _read_or_damaged(path: Path, root: Path) -> RunRow:
    name = path.relative_to(root).as_posix()
    try:
        return _read(path, name)
    except DAMAGE as error:
        reason = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
        return RunRow(name, DAMAGED, " ".join(reason.split()), megabytes=_megabytes(path))


def _megabytes(path: Path) -> float:
    try:
        return round(size_bytes(path.resolve()) / 1e6, 1)
    except OSError:
        return 0.0


def _read(path: Path, name: str) -> RunRow:
    run = RunFolder(path)
    report_file = path / "report.json"
    spec: Mapping[str, Any] = {}
    report: Mapping[str, Any] = {}
    damage = []
    try:
        spec = _read_mapping(run.spec)
        spec = spec["run"] if isinstance(spec.get("run"), dict) else spec  # format 1 was flat
    except DAMAGE as error:
        damage.append(_explain(error, run.spec.name))
    try:
        report = _read_mapping(report_file) if report_file.is_file() else {}
    except DAMAGE as error:
        damage.append(_explain(error, report_file.name))
    damage += _find_damaged_model(run, report)
    state, reason = _state(run, report, damage)
    written = report_file if report_file.is_file() else run.spec if run.spec.is_file() else path
    metric, value, interval = _primary_metric(report)
    seconds = report.get("seconds")
    total = seconds.get("total") if isinstance(seconds, dict) else None
    return RunRow(
        folder=name,
        state=state,
        reason=reason,
        task=str(report.get("task") or spec.get("task") or ""),
        backbone=str(report.get("backbone") or spec.get("backbone") or ""),
        data=Path(str(spec.get("data") or "demo")).name if spec else str(report.get("data") or ""),
        date=datetime.fromtimestamp(written.stat().st_mtime).strftime("%Y-%m-%d %H:%M"),
        metric=metric,
        value=value,
        interval=interval,
        minutes=round(total / 60, 1) if is_number(total) else None,
        megabytes=_megabytes(path),
    )


def _read_mapping(file: Path) -> Mapping[str, Any]:
    content = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise InputError(f"{file.name} holds no mapping")
    return content


def _explain(error: BaseException, name: str) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{name} is missing"
    return str(error) if isinstance(error, InputError) else f"{name} cannot be read ({type(error).__name__})"


def _find_damaged_model(run: RunFolder, report: Mapping[str, Any]) -> Iterator[str]:
    if run.model.exists():
        if not zipfile.is_zipfile(run.model):
            yield f"{run.model.name} is cut off or no model"
    elif report and not isinstance(report.get("repeats"), dict):  # whose models are in its parts
        yield f"{run.model.name} is missing"


def _state(run: RunFolder, report: Mapping[str, Any], damage: list[str]) -> tuple[str, str]:
    if is_locked(run.path):
        return TRAINING, "another process trains it"
    if damage:
        return DAMAGED, "; ".join(damage)
    if report:
        return FINISHED, ""
    return UNFINISHED, f"no report yet: python train.py --resume {quote(str(run.path))}"


def _primary_metric(
    report: Mapping[str, Any],
) -> tuple[str | None, float | None, tuple[float, float] | None]:
    # Reports begin with task, backbone and the metric of their first card.
    for metric, value in report.items():
        if metric in NOT_METRICS:
            continue
        if is_number(value):
            of_report = report.get("intervals") or report.get("interval")
            bounds = of_report.get(metric) if isinstance(of_report, dict) else None
            valid = isinstance(bounds, list) and len(bounds) == 2 and all(map(is_number, bounds))
            return metric, float(value), (float(bounds[0]), float(bounds[1])) if valid and bounds else None
        break
    return None, None, None


def as_dicts(rows: list[RunRow]) -> list[dict[str, Any]]:
    """Return rows as plain values."""
    return list(map(asdict, rows))
