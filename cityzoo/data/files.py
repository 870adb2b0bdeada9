"""Reading of files that others made: regular files only, of bounded size, inside the folder of the data.

Readers open files and list folders with these functions alone. Within `confine`, they refuse what lies outside the
folder of the data, links that leave it included, unless `allow_outside` permits it.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TextIO

from cityzoo.errors import InputError

FilePath = str | os.PathLike[str]
# Written next to examples by the commands demo and select: not data.
OWN_FILES = ("demo.json", "why.csv", "report.json", "report.html", "contact_sheet.png")
LARGEST_BYTES = 1 << 30  # of a file that is read as a whole
_KERNEL = ("/proc", "/sys")  # files there are regular by name only
_APART = {
    "annotations",
    "annotation",
    "labels",
    "label",
    "imagesets",
    "main",
    "splits",
}  # folders next to images


@dataclass
class DataFolder:
    """The folder that readers are confined to.

    Attributes:
        root: its real path.
        allow_outside: whether files elsewhere are read, too.
        left_out: links to folders elsewhere that were met and not followed.
        elsewhere: files elsewhere that were read, since it is allowed.
    """

    root: str
    allow_outside: bool = False
    left_out: dict[str, None] = field(default_factory=dict)
    elsewhere: dict[str, None] = field(default_factory=dict)
    _real: dict[str, str] = field(default_factory=dict, repr=False)  # real paths of folders

    def has(self, path: FilePath) -> bool:
        """Return whether a path, with its links resolved, is the folder or lies inside it."""
        # Not normalized: "link/.." is the folder above what the link points to.
        parent, name = os.path.split(os.fspath(path))
        if parent not in self._real:
            self._real[parent] = os.path.realpath(parent)
        real = os.path.join(self._real[parent], name)
        real = os.path.realpath(real) if name in ("", ".", "..") or os.path.islink(real) else real
        return real == self.root or real.startswith(self.root.rstrip("/") + "/")


_FOLDER: ContextVar[DataFolder | None] = ContextVar("_FOLDER", default=None)
_ALLOWED: ContextVar[bool] = ContextVar("_ALLOWED", default=False)


@contextmanager
def allow_outside(allowed: bool) -> Iterator[None]:
    """Set whether `confine` permits files outside of the data folder (--allow-outside)."""
    token = _ALLOWED.set(allowed)
    try:
        yield
    finally:
        _ALLOWED.reset(token)


@contextmanager
def confine(source: str) -> Iterator[DataFolder]:
    """Confine what this module reads to the folder of a data source; a name such as tfds:voc is none.

    Example:
        >>> with confine("roads/annotations/train.json") as folder:
        ...     folder.has("roads/images/a.jpg"), folder.has("roads/../b.jpg"), folder.has("/etc/passwd")
        (True, False, False)
    """
    is_name = re.match(r"\w\w+:", source) is not None
    folder = DataFolder("/" if is_name else os.path.realpath(find_root(source)), _ALLOWED.get())
    token = _FOLDER.set(folder)
    try:
        yield folder
    finally:
        _FOLDER.reset(token)


def find_root(source: str) -> Path:
    """Return the folder of a data source: itself, or that of its file, above a folder for annotations alone.

    Example:
        >>> find_root("roads/annotations/train.json").name, find_root("roads/train.csv").name
        ('roads', 'roads')
    """
    path = Path(os.path.abspath(source))
    if path.is_dir() or not path.suffix:
        return path
    return next(each for each in path.parents if each.name.lower() not in _APART)


def is_allowed(path: FilePath) -> bool:
    """Return whether a path lies inside the folder of the data, or may lie elsewhere."""
    folder = _FOLDER.get()
    if folder is None or folder.has(path):
        return True
    if folder.allow_outside:
        folder.elsewhere[os.fspath(path)] = None
    return folder.allow_outside


def require_file(path: FilePath) -> None:
    """Raise InputError unless a path is a regular file that may be read.

    Raises:
        FileNotFoundError: no such file.
        InputError: a folder, pipe or device, a file of the kernel, or outside of the data folder.
    """
    _require_allowed(path)
    try:
        _require_regular(os.stat(path), path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InputError(f"'{path}' cannot be read: {error.strerror}") from error


def _require_allowed(path: FilePath) -> None:
    if not is_allowed(path):
        raise InputError(
            f"'{path}' is outside of the data folder: copy it there, or allow reading it with --allow-outside"
        )


def _require_regular(status: os.stat_result, path: FilePath) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise InputError(f"'{path}' is a folder, expected a file: give the file")
    if not stat.S_ISREG(status.st_mode) or _is_of_kernel(os.path.realpath(path)):
        raise InputError(f"'{path}' is not a regular file (a pipe or device?): copy its content into a file")


def _is_of_kernel(real: str) -> bool:
    return any(real == each or real.startswith(each + "/") for each in _KERNEL)


def open_file(path: FilePath, largest: int | None = None) -> BinaryIO:
    """Open a regular file for reading bytes; a pipe or device is refused without waiting for it.

    Raises:
        FileNotFoundError: no such file.
        InputError: not a file that may be read, see `require_file`, or more than `largest` bytes.
    """
    require_file(path)  # before opening: opening a device may act on it
    try:
        file = os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb")
    except OSError as error:
        raise InputError(f"'{path}' cannot be read: {error.strerror}") from error
    try:
        status = os.fstat(file.fileno())
        _require_regular(status, path)
        if largest is not None and status.st_size > largest:
            sizes = (status.st_size / 1e6, largest / 1e6)
            raise InputError(f"'{path}' has {sizes[0]:.0f} MB, allowed are {sizes[1]:.0f} MB: split the file")
    except InputError:
        file.close()
        raise
    return file


def open_text(
    path: FilePath, encoding: str = "utf-8-sig", errors: str = "strict", newline: str | None = None
) -> TextIO:
    """Open a regular file for reading text, a byte order mark removed; see `open_file`."""
    return io.TextIOWrapper(open_file(path), encoding, errors, newline)


def read_bytes(path: FilePath, largest: int = LARGEST_BYTES) -> bytes:
    """Return the content of a file.

    Raises:
        FileNotFoundError: no such file.
        InputError: not a file that may be read, see `require_file`, or more than `largest` bytes.
    """
    with open_file(path, largest) as file:
        return file.read(os.fstat(file.fileno()).st_size)  # `largest` would be allocated at once


def walk(folder: FilePath) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Yield each folder below a folder with the sorted names of its folders and files, like `os.walk`.

    Linked folders come after all others, each once, so that a link to a folder above it does no harm. Those that
    leave the folder of the data are not followed, but put down in `DataFolder.left_out`.

    Raises:
        InputError: the folder is outside of the data folder.
    """
    _require_allowed(folder)
    seen: set[tuple[int, int]] = set()
    later = deque([os.fspath(folder)])
    while later:
        for parent, inner, names in os.walk(later.popleft()):
            status = os.stat(parent)
            if (status.st_dev, status.st_ino) in seen or _is_of_kernel(os.path.realpath(parent)):
                inner.clear()
                continue
            seen.add((status.st_dev, status.st_ino))
            inner.sort()
            links = [os.path.join(parent, each) for each in inner]
            later += [each for each in links if os.path.islink(each) and _is_followed(each)]
            yield Path(parent), inner, sorted(names)


def _is_followed(link: str) -> bool:
    folder = _FOLDER.get()
    if is_allowed(link) or folder is None:
        return True
    folder.left_out[link] = None
    return False


def files_under(folder: FilePath) -> Iterator[Path]:
    """Yield all that is no folder in a folder and its subfolders; see `walk`."""
    return (parent / name for parent, _, names in walk(folder) for name in names)


def fraction_of(text: str) -> float:
    """Return a number in 0..1 that depends only on the text, uniformly distributed."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64
