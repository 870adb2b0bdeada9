"""Signed folders, in the format of OpenSSF model signing: a Sigstore bundle `model.sig` that lists all files."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError
from cityzoo.replace_file import replace_file
from cityzoo.runtime.packages import require

SIGNATURE = "model.sig"
MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT, PREDICATE = "https://in-toto.io/Statement/v1", "https://model_signing/signature/v1.0"
LONGEST = 16_000_000  # bytes of a signature
PASSWORD = "CITYZOO_KEY_PASSWORD"  # environment variable: of private keys
PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----\s*", re.DOTALL)


def sign_folder(folder: Path, private_key: Path) -> Path:
    """Sign all files of a folder; return the signature's file, which replaces an earlier one.

    Args:
        folder: with the files; `model.sig` in it is not signed itself.
        private_key: PEM file of an EC P-256 key; its password, if any, is in CITYZOO_KEY_PASSWORD.

    Raises:
        InputError: no files, links among them, or an unusable key.

    References:
        https://github.com/sigstore/model-transparency, predicate "signature/v1.0"; DSSE v1; in-toto Statement v1.
    """
    key = load_private_key(private_key)
    digests = hash_folder(folder)
    if not digests:
        raise InputError(
            f"'{folder}' holds no files to sign: give a run folder, or one of python -m cityzoo export"
        )
    payload = json.dumps(_statement(folder.resolve().name, digests)).encode()
    signature = key.sign(_encode(payload), _ecdsa())
    bundle = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": key_hint(key.public_key())}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
        },
    }
    with replace_file(folder / SIGNATURE) as part:
        part.write_text(json.dumps(bundle) + "\n", encoding="utf-8")
    return folder / SIGNATURE


def verify_folder(folder: Path, public_key: Path) -> str:
    """Check that a folder holds the files that were signed, and no others; return the signing key's hint.

    Args:
        folder: with `model.sig`, made by `sign_folder` or by `model_signing sign key`.
        public_key: PEM file of EC P-256 keys; one of them must have signed it.

    Raises:
        InputError: unsigned, signed by another key, or a file is changed, missing or extra; it is named.
    """
    hint, signed = _read_signed(folder, load_public_keys(public_key))
    found = hash_folder(folder)
    for name in sorted(signed.keys() | found.keys()):
        if name not in found:
            raise InputError(
                f"'{folder}': '{name}' was signed and is missing: restore it, or use another copy"
            )
        if name not in signed:
            raise InputError(
                f"'{folder}': '{name}' is extra, it was not signed: remove it, or sign the folder again"
            )
        if signed[name] != found[name]:
            raise InputError(f"'{folder}': '{name}' was changed after it was signed: use an unchanged copy")
    return hint


def hash_folder(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file by its path within a folder, without the signature.

    Raises:
        InputError: a link, a pipe or a device, whose content may change; or a file that cannot be read.
    """
    try:
        files = {name: path for name, path in _walk(folder) if name != SIGNATURE}
        return {name: _digest(files[name]) for name in sorted(files)}
    except OSError as error:
        raise InputError(f"'{folder}' cannot be read ({error}): give a folder with readable files") from error


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    for entry in os.scandir(folder):
        path, mode = Path(entry.path), entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            for name, inner in _walk(path):
                yield f"{entry.name}/{name}", inner
        elif not stat.S_ISREG(mode):
            raise InputError(f"'{path}' is a link or no regular file: a signature cannot cover it; remove it")
        else:
            yield entry.name, path


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _statement(name: str, digests: dict[str, str]) -> dict[str, Any]:
    root = hashlib.sha256(b"".join(bytes.fromhex(digest) for digest in digests.values())).hexdigest()
    serialization = {
        "method": "files",
        "hash_type": "sha256",
        "allow_symlinks": False,
        "ignore_paths": [SIGNATURE],
    }
    resources = [{"name": n, "algorithm": "sha256", "digest": digest} for n, digest in digests.items()]
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": root}}],
        "predicateType": PREDICATE,
        "predicate": {"serialization": serialization, "resources": resources},
    }


def _read_signed(folder: Path, keys: dict[str, Any]) -> tuple[str, dict[str, str]]:
    from cryptography.exceptions import InvalidSignature

    file = folder / SIGNATURE
    if not folder.is_dir():
        raise InputError(
            f"'{folder}' is not a folder: signatures cover folders; give the one that holds the model"
        )
    if not file.is_file():
        raise InputError(
            f"'{folder}' is not signed: python -m cityzoo protect sign {folder} --private-key FILE"
        )
    try:
        bundle = json.loads(file.read_bytes()[:LONGEST])
        hint, envelope = bundle["verificationMaterial"]["publicKey"]["hint"], bundle["dsseEnvelope"]
        if hint not in keys:
            raise InputError(
                f"'{folder}' was signed by another key ({str(hint)[:12]}): give the public key of its signer, or "
                "do not use it"
            )
        payload = base64.b64decode(envelope["payload"], validate=True)
        signature = base64.b64decode(envelope["signatures"][0]["sig"], validate=True)
        keys[hint].verify(signature, _encode(payload), _ecdsa())
        return hint, _signed_digests(json.loads(payload), envelope["payloadType"])
    except InvalidSignature as error:
        raise InputError(
            f"'{file}' was changed or forged: its signature is not valid; use an unchanged copy"
        ) from error
    except InputError:
        raise
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise InputError(
            f"'{file}' is no signature of a key ({type(error).__name__}: {error}): sign the folder again"
        ) from error


def _signed_digests(statement: dict[str, Any], payload_type: str) -> dict[str, str]:
    if (payload_type, statement["_type"], statement["predicateType"]) != (PAYLOAD_TYPE, STATEMENT, PREDICATE):
        raise ValueError("another kind of statement")
    resources = statement["predicate"]["resources"]
    if {resource["algorithm"] for resource in resources} - {"sha256"}:
        raise ValueError("hashes of another kind than sha256")
    return {resource["name"]: resource["digest"] for resource in resources}


def _encode(payload: bytes) -> bytes:  # DSSE's pre-authentication encoding
    return f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)} ".encode() + payload


def _ecdsa() -> Any:
    ec = require("cryptography.hazmat.primitives.asymmetric.ec", "signing")
    from cryptography.hazmat.primitives.hashes import SHA256

    return ec.ECDSA(SHA256())


def key_hint(public_key: Any) -> str:
    """Return the name that signatures have for a key: the SHA-256 of its PEM text."""
    return hashlib.sha256(public_pem(public_key)).hexdigest()


def public_pem(public_key: Any) -> bytes:
    """Return a public key of `cryptography` as PEM."""
    from cryptography.hazmat.primitives import serialization

    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return public_key.public_bytes(serialization.Encoding.PEM, form)


def load_private_key(file: Path) -> Any:
    """Return an EC P-256 private key.

    Raises:
        InputError: not one, or its password is missing or wrong.
    """
    serialization = require("cryptography.hazmat.primitives.serialization", "signing")
    password = os.environ.get(PASSWORD, "").encode() or None
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), password)
        return _checked(key, key.public_key())
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"'{file}' is not a private key of EC P-256 ({error}): make one with python -m cityzoo protect new-key; "
            f"a password is taken from {PASSWORD}"
        ) from error


def load_public_keys(file: Path) -> dict[str, Any]:
    """Return the EC P-256 public keys of a PEM file by their hints.

    Raises:
        InputError: none there, or of another kind.
    """
    serialization = require("cryptography.hazmat.primitives.serialization", "verifying signatures")
    try:
        texts = PEM.findall(file.read_bytes())
        keys = [serialization.load_pem_public_key(text) for text in texts]
        if not keys:
            raise ValueError("no PUBLIC KEY in it")
        return {key_hint(key): _checked(key, key) for key in keys}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"'{file}' is not a public key of EC P-256 ({error}): give the .pub.pem file of python -m cityzoo protect "
            "new-key"
        ) from error


def _checked(key: Any, public: Any) -> Any:
    curve = public.curve.name
    if curve != "secp256r1":
        raise ValueError(f"its curve is {curve}")
    return key
