"""Write files whole or not at all, and remove what killed processes left half-written."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNFINISHED = re.compile(r"\.(\d+)\.")  # begins the names of files and folders that a process is writing
_OWN: set[str] = set()  # what this process writes or has written


def unfinished_name(path: Path) -> Path:
    """Return the hidden place next to a path where this process writes it."""
    place = path.with_name(f".{os.getpid()}.{path.name}")
    _OWN.add(os.path.abspath(place))
    return place


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Lend a hidden file next to a path that replaces it at the end; on an error the path stays as it was.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with replace_file(Path(folder, "a.txt")) as part:
        ...         _ = part.write_text("whole")
        ...     [file.name for file in Path(folder).iterdir()]
        ['a.txt']
    """
    part = unfinished_name(path)
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Remove what processes that are gone left unfinished in a folder; to be called before this one writes there."""
    try:
        entries = list(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        match = UNFINISHED.match(entry.name)
        if match and not _is_in_use(entry, int(match[1])):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                _unlink(entry)


def _is_in_use(entry: Path, pid: int) -> bool:
    if pid == os.getpid():  # or of an earlier process with the same number, as in containers
        return os.path.abspath(entry) in _OWN
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # another user's
        return True
    return True


def _unlink(path: Path) -> None:
    try:
        path.unlink()
    except OSError:  # another user's, or just removed by another process
        return
