"""New data: files whose content no earlier cycle has used."""

from __future__ import annotations

import csv
import logging
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cityzoo.data.audio.decode import SUFFIXES
from cityzoo.data.files import OWN_FILES
from cityzoo.data.image.image_files import is_image
from cityzoo.replace_file import UNFINISHED
from cityzoo.update.cycle import ABANDONED, Cycle, hash_path

LOG = logging.getLogger(__name__)
LIST, FOLDER = "new.csv", "new"
COLUMNS = ("file", "bytes", "changed_ns", "sha256")


@dataclass(frozen=True)
class Arrival:
    """A new file, relative to the folder of the data."""

    file: str
    bytes: int
    changed_ns: int
    sha256: str


@dataclass(frozen=True)
class Arrivals:
    """New data.

    Attributes:
        files: whose content is new, each content once.
        others: files that describe them, such as labels; empty where the files themselves are tables or texts.
        examples: number of images or sounds, else of lines.
        young: files that are left for the next start.
    """

    files: tuple[Arrival, ...]
    others: tuple[str, ...]
    examples: int
    young: int


def find_arrivals(data: Path, cycles: Sequence[Cycle], settle_seconds: float) -> Arrivals:
    """Return what is new in a folder; what an abandoned cycle collected is new again.

    Args:
        data: where new data arrives.
        cycles: all earlier ones.
        settle_seconds: files that were changed since are left alone: they may still be written.
    """
    used = [each for cycle in cycles if cycle.outcome != ABANDONED for each in read_list(cycle.folder)]
    places = {(each.file, each.bytes, each.changed_ns): each.sha256 for each in used}
    contents = {each.sha256 for each in used}
    files = sorted(file for file in data.rglob("*") if file.is_file() and not _is_left_out(file, data))
    examples = [file for file in files if is_example(file)]
    found: list[Arrival] = []
    young = 0
    for file in examples or files:
        stat, name = file.stat(), file.relative_to(data).as_posix()
        if (name, stat.st_size, stat.st_mtime_ns) in places:
            continue
        if time.time() - stat.st_mtime < settle_seconds:
            young += 1
            continue
        content = hash_path(file)
        if content not in contents:
            contents.add(content)
            found.append(Arrival(name, stat.st_size, stat.st_mtime_ns, content))
    others = {file.relative_to(data).as_posix() for file in files if examples} - {
        file.relative_to(data).as_posix() for file in examples
    }
    count = len(found) if examples else sum(_count_lines(data / each.file) for each in found)
    return Arrivals(tuple(found), tuple(sorted(others)), count, young)


def is_example(file: Path) -> bool:
    """Return whether a file is an image or a sound; else it describes them, or is a table."""
    return is_image(file) or file.suffix.lower() in SUFFIXES


def count_examples(folder: Path) -> int:
    """Return the number of images or sounds in a folder, else of lines of its tables and texts."""
    files = [file for file in folder.rglob("*") if file.is_file() and not _is_left_out(file, folder)]
    return sum(map(is_example, files)) or sum(map(_count_lines, files))


def _is_left_out(file: Path, folder: Path) -> bool:
    parts = file.relative_to(folder).parts
    return file.name in OWN_FILES or any(part.startswith(".") or UNFINISHED.match(part) for part in parts)


def _count_lines(file: Path) -> int:
    with file.open("rb") as opened:
        lines = sum(bool(line.strip()) for line in opened)
    return lines - (file.suffix.lower() in (".csv", ".tsv") and lines > 0)


def copy_arrivals(data: Path, arrivals: Arrivals, folder: Path, with_others: bool) -> None:
    """Copy new files into a cycle, and list them in new.csv.

    Args:
        data: where they are.
        arrivals: as `find_arrivals` returned them.
        folder: of the cycle.
        with_others: whether files that describe them are copied, too.
    """
    for name in (*(each.file for each in arrivals.files), *(arrivals.others if with_others else ())):
        target = folder / FOLDER / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(data / name, target)
    with (folder / LIST).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([each.file, each.bytes, each.changed_ns, each.sha256] for each in arrivals.files)


def read_list(folder: Path) -> list[Arrival]:
    """Return the files that a cycle has collected."""
    with (folder / LIST).open(newline="", encoding="utf-8") as file:
        return [
            Arrival(row["file"], int(row["bytes"]), int(row["changed_ns"]), row["sha256"])
            for row in csv.DictReader(file)
        ]
