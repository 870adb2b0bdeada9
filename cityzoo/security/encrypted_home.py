"""Commands that work on plain files in memory, while the disk holds encrypted ones only."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cityzoo.errors import InputError
from cityzoo.security.encrypted_folder import MEMORY, decrypt_folder
from cityzoo.security.encryption import SUFFIX, encrypt_file
from cityzoo.security.encryption_keys import EncryptionKeys


def run_decrypted(home: Path, keys: EncryptionKeys, command: Sequence[str]) -> int:
    """Run a command whose CITYZOO_HOME is in memory; encrypt afterwards what it made or changed; return its exit code.

    Feature caches lie there, and what the command writes below it, such as a run (`--out "$CITYZOO_HOME/runs/mine"`).
    When this process is killed (kill -9), what the command changed is lost, and its memory is freed by the next start
    of the machine.

    Args:
        home: folder of encrypted files; it may be new. Plain files in it are encrypted, too.
        keys: of the files.
        command: program and arguments.

    Raises:
        InputError: no memory for the files, another key, a changed file, or no such program.
    """
    home.mkdir(parents=True, exist_ok=True)
    place = MEMORY if os.access(MEMORY, os.W_OK) else None
    size = sum(path.stat().st_size for path in home.rglob("*") if path.is_file())
    free = shutil.disk_usage(place or tempfile.gettempdir()).free
    if 2 * size > free:
        raise InputError(
            f"'{home}' has {size / 1e9:.1f} GB, memory for its plain files has {free / 1e9:.1f} GB: it takes twice as "
            "much; remove old features, or encrypt the disk instead"
        )
    with tempfile.TemporaryDirectory(prefix="cityzoo-", dir=place) as private:
        plain = Path(private)
        decrypt_folder(home, keys, plain)
        before = _states(plain)
        try:
            return _run(command, plain)
        finally:
            _write_back(plain, home, keys, before)


def _run(command: Sequence[str], plain: Path) -> int:
    earlier = signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # the command gets it too; its files are encrypted then
    try:
        environment = {**os.environ, "CITYZOO_HOME": str(plain)}
        program = subprocess.Popen(list(command), env=environment, preexec_fn=_receive_interrupts)
        forward = signal.signal(signal.SIGTERM, lambda *_: program.terminate())
        try:
            code = program.wait()
            return code if code >= 0 else 128 - code  # of a signal, as shells have it
        finally:
            signal.signal(signal.SIGTERM, forward)
    except OSError as error:
        raise InputError(
            f"'{command[0]}' cannot be run ({error.strerror}): give a program after --"
        ) from error
    finally:
        signal.signal(signal.SIGINT, earlier)


def _receive_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _states(folder: Path) -> dict[str, tuple[int, int]]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.stat().st_size) for path in files
    }


def _write_back(plain: Path, home: Path, keys: EncryptionKeys, before: dict[str, tuple[int, int]]) -> None:
    after = _states(plain)
    for name, state in after.items():
        twin = home / f"{name}{SUFFIX}"
        if before.get(name) != state or not twin.exists():
            twin.parent.mkdir(parents=True, exist_ok=True)
            encrypt_file(plain / name, twin, keys, name)
        (home / name).unlink(missing_ok=True)  # it was plain
    for name in before.keys() - after.keys():
        (home / f"{name}{SUFFIX}").unlink(missing_ok=True)
