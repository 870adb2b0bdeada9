"""Make keys; sign, encrypt, audit, and list the parts: python -m cityzoo protect --help."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from cityzoo.commands.protect_flags import PROG, protect_parser


def main(arguments: Sequence[str]) -> int:
    """Run one of the sub-commands; return 1 if an audit log was changed."""
    words = list(arguments)
    end = words.index("--") if "--" in words else len(words)
    given = protect_parser().parse_args(words[:end])
    given.command = words[end + 1 :]
    return ACTIONS[given.action](given) or 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def _new_key(given: argparse.Namespace) -> None:
    from cityzoo.security.key_files import make_key

    _say(make_key(given.kind, Path(given.out)))


def _add_key(given: argparse.Namespace) -> None:
    from cityzoo.security.api_keys import add_key, limits_entry
    from cityzoo.security.limits import Limits

    entry: dict[str, Any] = {name: list(getattr(given, name)) for name in ("roles", "models", "cameras")}
    if given.days is not None:
        entry["expires"] = int(time.time() + given.days * 86_400)
    limits = Limits(**{item.name: getattr(given, item.name) for item in fields(Limits)})
    key = add_key(Path(given.keys), {"name": given.name, **entry, **limits_entry(limits)})
    sys.stderr.write("This key is shown once; the file holds its hash:\n")
    _say(key)


def _list_keys(given: argparse.Namespace) -> None:
    from cityzoo.security.api_keys import read_keys

    for number, entry in read_keys(Path(given.keys)).items():
        ends = entry.get("expires")
        until = time.strftime("until %Y-%m-%d", time.gmtime(ends)) if ends else "until revoked"
        rights = [",".join(entry.get(name) or "*") for name in ("roles", "models", "cameras")]
        _say(
            f"{number}  {entry['name']:<20} roles {rights[0]}  models {rights[1]}  cameras {rights[2]}  {until}"
        )


def _revoke_key(given: argparse.Namespace) -> None:
    from cityzoo.security.api_keys import revoke_key

    revoke_key(Path(given.keys), given.id)
    _say(f"{given.id}: revoked")


def _token(given: argparse.Namespace) -> None:
    from cityzoo.security.signing import key_hint, load_private_key
    from cityzoo.security.tokens import make_token

    private = load_private_key(Path(given.private_key))
    claims = {"sub": given.name, "aud": given.audience, "iss": given.issuer, "roles": list(given.roles)}
    claims |= {"models": list(given.models), "cameras": list(given.cameras)}
    _say(make_token(private, claims, given.days, key_hint(private.public_key())[:12]))


def _sign(given: argparse.Namespace) -> None:
    from cityzoo.security.signing import sign_folder

    _say(f"{sign_folder(Path(given.folder), Path(given.private_key))}: written")


def _verify(given: argparse.Namespace) -> None:
    from cityzoo.security.signing import verify_folder

    hint = verify_folder(Path(given.folder), Path(given.public_key))
    _say(f"{given.folder}: signed by key {hint[:12]}, and no file was changed, removed or added")


def _change(given: argparse.Namespace) -> None:
    from cityzoo.security import encrypted_folder
    from cityzoo.security.encryption_keys import read_encryption_keys

    folder, keys = Path(given.folder), read_encryption_keys(given.key)
    if given.action == "encrypt":
        count = encrypted_folder.encrypt_folder(folder, keys)
    elif given.action == "decrypt":
        count = encrypted_folder.decrypt_folder(folder, keys, Path(given.out) if given.out else None)
    else:
        count = encrypted_folder.rotate_folder(folder, keys)
    _say(f"{folder}: {given.action}: {count} files")


def _run(given: argparse.Namespace) -> int:
    from cityzoo.errors import InputError
    from cityzoo.security.encrypted_home import run_decrypted
    from cityzoo.security.encryption_keys import read_encryption_keys

    if not given.command:
        raise InputError(f"give a command after --, e.g. {PROG} run FOLDER --key FILE -- python train.py ...")
    return run_decrypted(Path(given.folder), read_encryption_keys(given.key), given.command)


def _verify_audit(given: argparse.Namespace) -> int:
    from cityzoo.security.audit_lines import START, last_hash, verify_audit
    from cityzoo.security.encryption_keys import read_encryption_keys

    key = read_encryption_keys(given.key).current if given.key else None
    files = [Path(file) for file in given.files]
    problems = verify_audit(*files, key=key, contains=given.contains, after=given.after or START)
    for problem in problems:
        _say(f"FAILED: {problem}")
    if not problems:
        number, last = last_hash(files[-1])
        _say(
            f"{number} lines, none was changed; note the last hash elsewhere and give it as --contains next time:"
        )
        _say(last)
    return 1 if problems else 0


def _sbom(given: argparse.Namespace) -> None:
    from cityzoo.security.sbom import write_sbom

    write_sbom(given.out, given.pip_report)


ACTIONS: dict[str, Callable[[argparse.Namespace], int | None]] = {
    "new-key": _new_key,
    "add": _add_key,
    "list": _list_keys,
    "revoke": _revoke_key,
    "token": _token,
    "sign": _sign,
    "verify": _verify,
    "encrypt": _change,
    "decrypt": _change,
    "rotate": _change,
    "run": _run,
    "verify-audit": _verify_audit,
    "sbom": _sbom,
}
