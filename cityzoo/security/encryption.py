"""Encryption at rest: files of AES-256-GCM chunks, each file with a key of its own that the master key wraps."""

from __future__ import annotations

import io
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from cityzoo.errors import InputError
from cityzoo.replace_file import replace_file
from cityzoo.runtime.packages import require
from cityzoo.security.encryption_keys import EncryptionKeys, key_id

SUFFIX = ".enc"
MAGIC = b"cityzoo-encrypted-1\n"
CHUNK = 1 << 20  # bytes of plain text
TAG, NONCE = 16, 12  # bytes
LONGEST_HEADER = 65_536


def encrypt_file(source: Path, target: Path, keys: EncryptionKeys, name: str | None = None) -> None:
    """Encrypt a file; the target replaces what was there when it is complete.

    Layout: a magic line, a line of JSON {"key", "wrapped"}, a line of JSON {"id", "name", "chunk"}, the chunks. The
    second line of JSON is additional authenticated data of each of them, and their nonces count them and mark the
    last, so that no chunk can be changed, moved, left out, cut off, or put into another file.

    Args:
        source: plain file.
        target: encrypted file.
        keys: the current one wraps the file's own key.
        name: that is bound to the content, the path within its folder; by default the source's name.
    """
    with source.open("rb") as plain, replace_file(target) as part, part.open("wb") as out:
        os.chmod(part, 0o600)
        _encrypt(plain, out, keys, name or source.name)


def decrypt_file(source: Path, target: Path, keys: EncryptionKeys) -> None:
    """Decrypt a file; nothing is left at the target if it was changed.

    Raises:
        InputError: another key, or the file is damaged, changed, or stands in another file's place.
    """
    with _open(source) as stream, replace_file(target) as part, part.open("wb") as out:
        os.chmod(part, 0o600)
        for chunk in _decrypt(stream, source, keys):
            out.write(chunk)


@contextmanager
def open_encrypted(path: Path, mode: str, keys: EncryptionKeys) -> Iterator[BinaryIO]:
    """Lend the plain content of an encrypted file in memory, as evidence is written and read: it never lies on a disk.

    Args:
        path: of the encrypted file, which ends in ".enc".
        mode: "rb", or "wb": encrypted at the end, not at all after an error.
        keys: see `encrypt_file`.

    Raises:
        InputError: see `decrypt_file`.
    """
    buffer = io.BytesIO()
    if mode == "rb":
        with _open(path) as stream:
            buffer.writelines(_decrypt(stream, path, keys))
        buffer.seek(0)
        yield buffer
        return
    yield buffer
    buffer.seek(0)
    with replace_file(path) as part, part.open("wb") as out:
        os.chmod(part, 0o600)
        _encrypt(buffer, out, keys, path.name.removesuffix(SUFFIX))


def rewrap_file(path: Path, keys: EncryptionKeys) -> bool:
    """Wrap a file's key by the current key; return False if it is already. The content stays encrypted as it is.

    Raises:
        InputError: none of the keys is the file's, or it is damaged.
    """
    with _open(path) as stream:
        outer, inner = _read_headers(stream, path)
        if outer["key"] == key_id(keys.current):
            return False
        data_key = _unwrap(outer, inner, path, keys)
        with replace_file(path) as part, part.open("wb") as out:
            os.chmod(part, 0o600)
            _write_headers(out, data_key, inner, keys)
            while block := stream.read(CHUNK):
                out.write(block)
    return True


def is_encrypted(path: Path) -> bool:
    """Return whether a file was encrypted by this module."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _aes(key: bytes) -> Any:
    return require("cryptography.hazmat.primitives.ciphers.aead", "encryption at rest").AESGCM(key)


def _nonce(count: int, is_last: bool) -> bytes:
    return count.to_bytes(NONCE - 1, "big") + bytes([is_last])


def _encrypt(plain: BinaryIO, out: BinaryIO, keys: EncryptionKeys, name: str) -> None:
    data_key = secrets.token_bytes(32)
    about = {"id": secrets.token_hex(8), "name": name, "chunk": CHUNK}
    inner = json.dumps(about).encode() + b"\n"
    _write_headers(out, data_key, inner, keys)
    cipher, count, chunk = _aes(data_key), 0, plain.read(CHUNK)
    while True:
        following = plain.read(CHUNK)
        out.write(cipher.encrypt(_nonce(count, not following), chunk, inner))
        if not following:
            return
        count, chunk = count + 1, following


def _write_headers(out: BinaryIO, data_key: bytes, inner: bytes, keys: EncryptionKeys) -> None:
    nonce = secrets.token_bytes(NONCE)
    wrapped = nonce + _aes(keys.current).encrypt(nonce, data_key, inner)
    outer = {"key": key_id(keys.current), "wrapped": wrapped.hex()}
    out.write(MAGIC + json.dumps(outer).encode() + b"\n" + inner)


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(
            f"'{path}' cannot be read ({error.strerror}): give a file that ends in {SUFFIX}"
        ) from error


def _read_headers(stream: BinaryIO, path: Path) -> tuple[dict[str, Any], bytes]:
    try:
        magic, outer, inner = (stream.readline(LONGEST_HEADER) for _ in range(3))
        headers = json.loads(outer), json.loads(inner)
        texts = headers[0]["key"], headers[0]["wrapped"], headers[1]["name"]
        size = headers[1]["chunk"]
        if magic != MAGIC or not all(isinstance(text, str) for text in texts) or not 0 < size <= 1 << 26:
            raise ValueError("not the header of an encrypted file")
        return headers[0], inner
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise InputError(
            f"'{path}' was not encrypted by cityzoo, or is damaged: restore it from a copy"
        ) from error


def _unwrap(outer: dict[str, Any], inner: bytes, path: Path, keys: EncryptionKeys) -> bytes:
    from cryptography.exceptions import InvalidTag

    key = keys.find(outer["key"])
    if key is None:
        raise InputError(
            f"'{path}' was encrypted with key {outer['key'][:8]!r}, the given ones are {keys.ids}: give the file with "
            "that key"
        )
    try:
        wrapped = bytes.fromhex(outer["wrapped"])
        return _aes(key).decrypt(wrapped[:NONCE], wrapped[NONCE:], inner)
    except (InvalidTag, ValueError) as error:
        raise _changed(path) from error


def _decrypt(stream: BinaryIO, path: Path, keys: EncryptionKeys) -> Iterator[bytes]:
    from cryptography.exceptions import InvalidTag

    outer, inner = _read_headers(stream, path)
    cipher, about = _aes(_unwrap(outer, inner, path, keys)), json.loads(inner)
    if not f"/{path.absolute().as_posix()}".endswith(f"/{about['name']}{SUFFIX}"):
        raise InputError(f"'{path}' was encrypted as '{about['name']}{SUFFIX}': put it back in its place")
    size, count = about["chunk"] + TAG, 0
    chunk = stream.read(size)
    while True:
        following = stream.read(size)
        try:
            yield cipher.decrypt(_nonce(count, not following), chunk, inner)
        except (InvalidTag, ValueError) as error:
            raise _changed(path) from error
        if not following:
            return
        count, chunk = count + 1, following


def _changed(path: Path) -> InputError:
    return InputError(f"'{path}' was changed or cut off after it was encrypted: restore it from a copy")
