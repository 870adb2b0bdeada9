"""Folders whose files are encrypted: runs, exported models, feature caches, evidence."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cityzoo.errors import InputError
from cityzoo.replace_file import remove_unfinished
from cityzoo.security.encryption import SUFFIX, decrypt_file, encrypt_file, is_encrypted, rewrap_file
from cityzoo.security.encryption_keys import EncryptionKeys, read_encryption_keys
from cityzoo.security.signing import SIGNATURE, verify_folder

MEMORY = Path("/dev/shm")


def encrypt_folder(folder: Path, keys: EncryptionKeys) -> int:
    """Replace each file of a folder by an encrypted one; return how many.

    Names, sizes and dates stay visible. When it was interrupted, call it again: a plain file is removed only after its
    encrypted twin is complete. A disk may keep what was removed: encrypt disks as well, or write secrets only through
    `open_encrypted`.

    Raises:
        InputError: no such folder, or a link or a special file in it.
    """
    plain = [path for path in _files(folder) if not is_encrypted(path)]
    for path in plain:
        encrypt_file(path, _twin(path), keys, path.relative_to(folder).as_posix())
        path.unlink()
    return len(plain)


def decrypt_folder(folder: Path, keys: EncryptionKeys, target: Path | None = None) -> int:
    """Replace each encrypted file of a folder by the plain one, or write them all elsewhere; return how many.

    Args:
        folder: with encrypted files, and perhaps plain ones.
        keys: that they were encrypted with.
        target: folder for the plain files; the encrypted ones stay then.

    Raises:
        InputError: another key, or a file was changed; the files before it are decrypted then.
    """
    count = 0
    for path in _files(folder):
        place = (target or folder) / path.relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        if is_encrypted(path):
            decrypt_file(path, place.with_name(place.name.removesuffix(SUFFIX)), keys)
            count += 1
            if target is None:
                path.unlink()
        elif target is not None:
            shutil.copyfile(path, place)
    return count


@contextmanager
def open_protected(folder: Path, public_key: str | None, encryption_key: str | None) -> Iterator[Path]:
    """Lend a model's folder with its signature verified, decrypted in memory if it is encrypted.

    What is verified is a private copy, and the copy is lent: nobody can exchange a file between check and load. The
    signature may also cover the encrypted files, if `model.sig` itself is not encrypted.

    Args:
        folder: of the model.
        public_key: PEM file of its signer; None: unsigned ones are lent, too.
        encryption_key: file of keys; None: those of CITYZOO_KEY.

    Raises:
        InputError: see `cityzoo.security.signing.verify_folder` and `decrypt_folder`.
    """
    is_sealed = has_encrypted(folder)
    if public_key and (not folder.is_dir() or (is_sealed and (folder / SIGNATURE).is_file())):
        verify_folder(folder, Path(public_key))
        public_key = None
    if not is_sealed and not public_key:
        yield folder
        return
    keys = read_encryption_keys(encryption_key) if is_sealed else EncryptionKeys(())
    with _copy_privately(folder, keys, is_secret=is_sealed) as plain:
        try:
            if public_key:
                verify_folder(plain, Path(public_key))
            yield plain
        except InputError as error:
            raise InputError(str(error).replace(str(plain), str(folder))) from error


@contextmanager
def decrypt_temporarily(folder: Path, keys: EncryptionKeys) -> Iterator[Path]:
    """Lend the plain files of an encrypted folder in memory (/dev/shm), where there is one, and remove them.

    A folder without encrypted files is lent itself.

    Raises:
        InputError: see `decrypt_folder`; or there is not enough memory.
    """
    if not has_encrypted(folder):
        yield folder
        return
    with _copy_privately(folder, keys, is_secret=True) as plain:
        yield plain


@contextmanager
def _copy_privately(folder: Path, keys: EncryptionKeys, is_secret: bool) -> Iterator[Path]:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    place = MEMORY if os.access(MEMORY, os.W_OK) else None
    if place and shutil.disk_usage(place).free < size:
        if is_secret:
            raise InputError(
                f"'{folder}' has {size / 1e6:.0f} MB, which do not fit into {MEMORY}: enlarge it (docker: --shm-size)"
            )
        place = None
    with tempfile.TemporaryDirectory(prefix="cityzoo-", dir=place) as private:  # readable by its owner only
        plain = Path(private, folder.resolve().name)
        decrypt_folder(folder, keys, plain)
        yield plain


def rotate_folder(folder: Path, keys: EncryptionKeys) -> int:
    """Wrap the keys of all encrypted files by the current key; return how many had another one.

    Raises:
        InputError: a file has a key that is not among these; those before it are rotated.
    """
    return sum(rewrap_file(path, keys) for path in _files(folder) if is_encrypted(path))


def has_encrypted(folder: Path) -> bool:
    """Return whether a folder holds encrypted files."""
    return any(path.is_file() and is_encrypted(path) for path in folder.rglob(f"*{SUFFIX}"))


def require_plain(folder: Path) -> None:
    """Raise InputError if a folder holds encrypted files, with the command that decrypts it."""
    if folder.is_dir() and has_encrypted(folder):
        raise InputError(
            f"'{folder}' is encrypted: python -m cityzoo protect decrypt {folder} --out NEW_FOLDER first"
        )


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"'{folder}' is not a folder: give one whose files are to be encrypted or decrypted")
    for inner in (folder, *(path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink())):
        remove_unfinished(inner)  # what a killed process left half-written
    paths = sorted(folder.rglob("*"))
    for path in paths:
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise InputError(f"'{path}' is a link or no regular file: remove it first")
    return [path for path in paths if path.is_file()]


def _twin(path: Path) -> Path:
    return path.with_name(path.name + SUFFIX)
