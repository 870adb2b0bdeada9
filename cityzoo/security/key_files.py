"""New keys on the disk: of signatures, of tokens, of encryption."""

from __future__ import annotations

import os
from pathlib import Path

from cityzoo.errors import InputError
from cityzoo.replace_file import replace_file
from cityzoo.runtime.packages import require
from cityzoo.security.encryption_keys import add_encryption_key
from cityzoo.security.signing import PASSWORD, key_hint, public_pem

KINDS = ("signing", "tokens", "encryption")


def make_key(kind: str, file: Path) -> str:
    """Write a new key; return the line that says what was written.

    Private keys are readable by their owner only, and have a password if CITYZOO_KEY_PASSWORD is set.

    Args:
        kind: one of `KINDS`.
        file: of the private key; of encryption keys: a new one is put first, the others stay for what they encrypted.

    Raises:
        InputError: a signing or token key exists there, or the file cannot be written.
    """
    try:
        if kind == "encryption":
            number = add_encryption_key(file)
            return (
                f"{file}: key {number} encrypts from now on; protect rotate FOLDER brings older files to it"
            )
        return _make_pair(kind, file)
    except OSError as error:
        raise InputError(f"'{file}' cannot be written ({error.strerror}): give --out another file") from error


def _make_pair(kind: str, file: Path) -> str:
    if file.exists():
        raise InputError(
            f"'{file}' exists: give a new --out; without the old key its signatures cannot be renewed"
        )
    ec = require("cryptography.hazmat.primitives.asymmetric.ec", "making keys")
    from cryptography.hazmat.primitives import serialization

    key = ec.generate_private_key(ec.SECP256R1())
    password = os.environ.get(PASSWORD, "").encode()
    protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    file.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(file) as part:
        part.touch(mode=0o600)
        part.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, protection))
    public = file.with_suffix(".jwks.json" if kind == "tokens" else ".pub.pem")
    if kind == "tokens":
        from cityzoo.security.tokens import public_jwks

        public.write_text(public_jwks(key.public_key(), key_hint(key.public_key())[:12]), encoding="utf-8")
    else:
        public.write_bytes(public_pem(key.public_key()))
    kept = "with a password" if password else f"without a password (set {PASSWORD} to give it one)"
    return f"{file}: private, {kept}: keep it offline\n{public}: public, for the server"
