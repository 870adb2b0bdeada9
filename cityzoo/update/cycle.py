"""The state of a cycle, in cycle.json of its folder, which is replaced as a whole at every change."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError
from cityzoo.replace_file import replace_file

NAME, FORMAT_VERSION = "cycle.json", 1
CYCLE_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})-(\d+)")
RUNNING, WAITING, STOPPED, FAILED, FINISHED = "running", "waiting", "stopped", "failed", "finished"
ABANDONED = "abandoned"


@dataclass
class StepState:
    """What happened in a step.

    Attributes:
        status: one of the words above.
        started, ended: ISO 8601, UTC.
        command: the last one.
        exit_code: of the command.
        log: file with its output, relative to the cycle.
        outputs: SHA-256 of what it wrote, by path relative to the cycle.
        message: what it waits for, or why it failed.
    """

    status: str = ""
    started: str = ""
    ended: str = ""
    command: list[str] = field(default_factory=list)
    exit_code: int | None = None
    log: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    message: str = ""


@dataclass
class Cycle:
    """A cycle.

    Attributes:
        folder: its folder, whose name is its name.
        run: run folder that was in service when it began, relative to the plan's.
        plan: values of the plan by section.
        started, ended: ISO 8601, UTC.
        outcome: how it ended; "" while it is under way.
        results: numbers and words for the page, by name.
        steps: state of each step that has begun, by name.
    """

    folder: Path
    run: str
    plan: dict[str, Any]
    started: str
    ended: str = ""
    outcome: str = ""
    results: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, StepState] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return its name, DATE-NUMBER."""
        return self.folder.name

    def write(self) -> None:
        """Replace cycle.json."""
        content = {"format_version": FORMAT_VERSION, **dataclasses.asdict(self)}
        del content["folder"]
        with replace_file(self.folder / NAME) as part:
            part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def now() -> str:
    """Return the time, ISO 8601, UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def seconds_since(time: str) -> float:
    """Return the seconds since a time of `now`."""
    return (datetime.now(timezone.utc) - datetime.fromisoformat(time)).total_seconds()


def read_cycles(folder: Path) -> list[Cycle]:
    """Return all cycles of a folder, the oldest first.

    Raises:
        InputError: a damaged cycle.json.
    """
    named = [(match, entry) for entry in folder.iterdir() if (match := CYCLE_NAME.fullmatch(entry.name))]
    named.sort(key=lambda pair: (pair[0][1], int(pair[0][2])))
    return [_read(entry) for _, entry in named]


def _read(folder: Path) -> Cycle:
    try:
        content = json.loads((folder / NAME).read_text(encoding="utf-8"))
        if content.pop("format_version") > FORMAT_VERSION:
            raise InputError(f"'{folder}' was written by a newer version of cityzoo: use that one")
        steps = {name: StepState(**state) for name, state in content.pop("steps").items()}
        return Cycle(folder, **content, steps=steps)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"'{folder / NAME}' is damaged ({type(error).__name__}: {error}): restore it from a copy, or move the "
            "folder away"
        ) from error


def next_name(cycles: Path) -> str:
    """Return the name of a new cycle: today's date, UTC, and the next free number."""
    today, number = now()[:10], 1
    while (cycles / f"{today}-{number}").exists():
        number += 1
    return f"{today}-{number}"


def hash_path(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's files with their paths within it; "" for nothing.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "a").write_bytes(b"abc")
        ...     hash_path(Path(folder, "a"))[:8], hash_path(Path(folder)) == hash_path(Path(folder, "a"))
        ('ba7816bf', False)
    """
    if path.is_file():
        with path.open("rb") as file:
            digest = hashlib.sha256()
            while block := file.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()
    if not path.is_dir():
        return ""
    files = sorted(file for file in path.rglob("*") if file.is_file())
    lines = [f"{file.relative_to(path).as_posix()}\0{hash_path(file)}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def find_changed(before: Mapping[str, Any], after: Mapping[str, Any], sections: set[str]) -> str:
    """Return the first setting of some sections that two plans differ in, "" if there is none.

    Example:
        >>> find_changed({"": {"run": "a"}, "train": {"epochs": 2}}, {"": {"run": "a"}, "train": {}}, {"", "train"})
        'train.epochs'
    """
    for section in sorted(sections):
        old, new = (json.loads(json.dumps(each.get(section) or {})) for each in (before, after))
        for key in sorted({*old, *new}):
            if old.get(key) != new.get(key):
                return f"{section}.{key}".lstrip(".")
    return ""
