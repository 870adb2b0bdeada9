"""Keys of encryption at rest: a file or an environment variable with one key a line, the current one first."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cityzoo.errors import InputError
from cityzoo.replace_file import replace_file

ENVIRONMENT = "CITYZOO_KEY"  # keys, or the path of their file
BYTES = 32  # AES-256


@dataclass(frozen=True)
class EncryptionKeys:
    """Keys by their ids, in order.

    Attributes:
        keys: the first one encrypts, the others decrypt what has not been rotated yet.
    """

    keys: tuple[bytes, ...]

    @property
    def current(self) -> bytes:
        """Return the key that encrypts."""
        return self.keys[0]

    def find(self, number: str) -> bytes | None:
        """Return the key of an id, None if it is not there."""
        return next((key for key in self.keys if key_id(key) == number), None)

    @property
    def ids(self) -> str:
        """Return the ids, for messages."""
        return ", ".join(map(key_id, self.keys))


def key_id(key: bytes) -> str:
    """Return a name of a key that does not reveal it.

    Example:
        >>> key_id(bytes(32))
        '10b1643e'
    """
    return hashlib.sha256(b"cityzoo encryption key" + key).hexdigest()[:8]


def read_encryption_keys(source: str | None = None) -> EncryptionKeys:
    """Return the keys of a file, or of CITYZOO_KEY: the keys themselves, or the path of their file.

    Args:
        source: path of the file; None: CITYZOO_KEY.

    Raises:
        InputError: no key given, or something else than lines of 64 hexadecimal digits. It never shows what was read.
    """
    text = source or os.environ.get(ENVIRONMENT, "")
    if not text:
        raise InputError(
            f"no encryption key: give --key FILE or set {ENVIRONMENT}; make one with "
            "python -m cityzoo protect new-key --kind encryption"
        )
    keys = None if source else _parse(text)
    try:
        keys = keys or _parse(Path(text).read_text(encoding="ascii"))
    except (OSError, ValueError):
        keys = None
    if not keys:
        place = f"'{source}'" if source else ENVIRONMENT
        raise InputError(
            f"{place} holds no encryption key: each line is 64 hexadecimal digits; make one with "
            "python -m cityzoo protect new-key --kind encryption"
        )
    return EncryptionKeys(keys)


def _parse(text: str) -> tuple[bytes, ...] | None:
    try:
        keys = tuple(bytes.fromhex(line) for line in text.split())
    except ValueError:
        return None
    return keys if keys and all(len(key) == BYTES for key in keys) else None


def add_encryption_key(file: Path) -> str:
    """Make a key and put it first in a file, readable by its owner only; return its id."""
    earlier = read_encryption_keys(str(file)).keys if file.exists() else ()
    key = secrets.token_bytes(BYTES)
    file.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(file) as part:
        part.touch(mode=0o600)
        part.write_text("".join(f"{each.hex()}\n" for each in (key, *earlier)), encoding="ascii")
    return key_id(key)
