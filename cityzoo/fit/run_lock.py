"""One process at a time trains a run: a lock on its folder that ends with the process, however it ends."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote

from cityzoo.errors import InputError

HELD: set[tuple[int, int]] = set()  # device and inode of the folders that this process has locked


def is_locked(folder: Path) -> bool:
    """Return whether another process trains the run of a folder."""
    if not folder.is_dir() or _identity(folder) in HELD:
        return False
    handle = os.open(folder, os.O_RDONLY)
    try:
        return not _try_lock(handle)
    finally:
        os.close(handle)


def require_unlocked(folder: Path) -> None:
    """Raise InputError if another process trains the run of a folder."""
    if is_locked(folder):
        raise _busy(folder)


@contextmanager
def lock_run(folder: Path, inherited: bool = False) -> Iterator[None]:
    """Keep other processes from training the run of a folder; a process that has the lock may take it again.

    Args:
        folder: of the run.
        inherited: whether processes that are started without `close_fds` hold it, too, until they end.

    Raises:
        InputError: another process trains it.
    """
    handle = os.open(folder, os.O_RDONLY)
    identity = _identity(folder)
    try:
        if identity in HELD:
            yield
            return
        if not _try_lock(handle):
            raise _busy(folder)
        HELD.add(identity)
        os.set_inheritable(handle, inherited)
        try:
            yield
        finally:
            HELD.discard(identity)
    finally:
        os.close(handle)  # which unlocks


def _identity(folder: Path) -> tuple[int, int]:
    stat = folder.stat()
    return stat.st_dev, stat.st_ino


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:  # some network file systems have no locks
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    return True


def _busy(folder: Path) -> InputError:
    return InputError(
        f"run folder '{folder}' is in use by a training that is still running: wait until it ends, or stop it and then "
        f"run python train.py --resume {quote(str(folder))}"
    )
