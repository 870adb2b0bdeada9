"""Make keys; sign, encrypt, audit, and list the parts: python -m cityzoo protect --help."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from cityzoo import cli
from cityzoo.cli.values import parse_count, parse_names, parse_number
from cityzoo.security.caller import parse_roles

PROG = "python -m cityzoo protect"
EXAMPLES = f"""\
examples:
  {PROG} new-key --out keys/sign.pem                    private key, and keys/sign.pub.pem for the server
  {PROG} sign FOLDER --private-key keys/sign.pem        a run, or a folder of python -m cityzoo export
  {PROG} verify FOLDER --public-key keys/sign.pub.pem   exit code 2 if a file is changed, missing or extra
  {PROG} key add --keys keys/api.json --name cam7 --roles predict --cameras cam7
  {PROG} new-key --kind encryption --out keys/rest.key
  {PROG} encrypt FOLDER --key keys/rest.key             run, feature cache or evidence
  {PROG} run FOLDER --key keys/rest.key -- sh -c 'python train.py ... --out $CITYZOO_HOME/runs/mine'
  {PROG} verify-audit logs/audit.jsonl                  exit code 1 if a line was changed
  {PROG} sbom --out sbom.json
"""


def _parser() -> cli.Parser:
    parser = cli.Parser(
        prog=PROG, description=__doc__, epilog=EXAMPLES, formatter_class=cli.HelpFormatter, allow_abbrev=False
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_keys(commands)
    _add_folders(commands)
    _add_records(commands)
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run one of the sub-commands; return 1 if an audit log was changed."""
    words = list(arguments)
    end = words.index("--") if "--" in words else len(words)
    given = _parser().parse_args(words[:end])
    given.command = words[end + 1 :]
    return given.run(given) or 0


def _add(commands: Any, name: str, run: Callable[[argparse.Namespace], int | None], about: str) -> Any:
    parser = commands.add_parser(
        name, help=about, description=about, formatter_class=cli.HelpFormatter, allow_abbrev=False
    )
    parser.set_defaults(run=run, action=name)
    return parser.add_argument


def _add_keys(commands: Any) -> None:
    from cityzoo.security.key_files import KINDS

    number, roles, names = map(cli.argparse_type, (parse_number, parse_roles, parse_names))
    add = _add(commands, "new-key", _new_key, "make a key of signatures, of tokens, or of encryption")
    add("--kind", choices=KINDS, default="signing", help="(default: signing)")
    add("--out", metavar="FILE", required=True, help="of the private or secret key")
    group = commands.add_parser("key", help="API keys of the server: add, list, revoke")
    keys = group.add_subparsers(metavar="COMMAND", required=True)
    add = _add(keys, "add", _add_key, "make an API key and print it once; the file holds its hash")
    add("--keys", metavar="FILE", required=True, help="file that serve --api-keys reads")
    add("--name", required=True, help="of the caller, for the audit log")
    _add_rights(add, roles, names)
    add("--days", type=number, metavar="N", help="that it is valid (default: until it is revoked)")
    for limit in ("requests-per-second", "camera-requests-per-second", "megapixels-per-second"):
        add(f"--{limit}", type=number, metavar="N", help="of this caller (default: the server's)")
    count = cli.argparse_type(parse_count)
    add("--requests-per-day", type=count, metavar="N", help="of this caller (default: the server's)")
    add = _add(keys, "list", _list_keys, "list ids, names and rights")
    add("--keys", metavar="FILE", required=True, help="file of API keys")
    add = _add(keys, "revoke", _revoke_key, "remove a key; a running server refuses it within a second")
    add("id", metavar="ID", help="as key list shows it")
    add("--keys", metavar="FILE", required=True, help="file of API keys")
    add = _add(commands, "token", _token, "make a bearer token offline, for a server with --jwks")
    add("--private-key", metavar="FILE", required=True, help="of new-key --kind tokens")
    add("--name", required=True, help="of the caller (its claim sub)")
    _add_rights(add, roles, names)
    add("--days", type=number, metavar="N", default=30.0, help="that it is valid (default: 30)")
    add("--issuer", required=True, metavar="URL", help="as serve --issuer")
    add("--audience", default="cityzoo", metavar="NAME", help="as serve --audience (default: cityzoo)")


def _add_rights(add: Any, roles: Any, names: Any) -> None:
    about = "predict, read, metrics, manage, audit, with commas between (default: predict)"
    add("--roles", type=roles, default=("predict",), metavar="ROLES", help=about)
    add("--models", type=names, default=("*",), metavar="NAMES", help="that it may use (default: all)")
    add("--cameras", type=names, default=("*",), metavar="NAMES", help="that it may name (default: all)")


def _add_folders(commands: Any) -> None:
    key = "file of keys (default: those of CITYZOO_KEY)"
    add = _add(commands, "sign", _sign, "sign all files of a folder")
    add("folder", metavar="FOLDER", help="run folder or exported folder")
    add("--private-key", metavar="FILE", required=True, help="of new-key")
    add = _add(commands, "verify", _verify, "check a folder's signature and all its files")
    add("folder", metavar="FOLDER", help="signed folder")
    add("--public-key", metavar="FILE", required=True, help="of the signer")
    add = _add(commands, "encrypt", _change, "replace the files of a folder by encrypted ones")
    add("folder", metavar="FOLDER", help="run folder, feature cache, evidence")
    add("--key", metavar="FILE", help=key)
    add = _add(commands, "decrypt", _change, "decrypt the files of a folder, in place or elsewhere")
    add("folder", metavar="FOLDER", help="with encrypted files")
    add("--key", metavar="FILE", help=key)
    add("--out", metavar="FOLDER", help="leave the encrypted files and write plain ones here")
    add = _add(
        commands,
        "run",
        _run,
        "run a command (after --) whose CITYZOO_HOME is in memory, and encrypted on the disk",
    )
    add(
        "folder",
        metavar="FOLDER",
        help="encrypted CITYZOO_HOME: feature caches, and runs that are written there",
    )
    add("--key", metavar="FILE", help=key)
    add = _add(commands, "rotate", _change, "bring encrypted files to the first key of the file")
    add("folder", metavar="FOLDER", help="with encrypted files")
    add("--key", metavar="FILE", help=key)


def _add_records(commands: Any) -> None:
    add = _add(commands, "verify-audit", _verify_audit, "check that no line of an audit log was changed")
    add("files", metavar="FILE", nargs="+", help="logs that follow each other, the oldest first")
    add("--key", metavar="FILE", help="key that it was written with (serve --audit-key)")
    add("--contains", metavar="HASH", help="noted earlier: this line must still be there")
    add("--after", metavar="HASH", help="last hash of the file before, if that one was deleted")
    add = _add(commands, "sbom", _sbom, "list the installed packages and the hash of each, as CycloneDX")
    add("--out", metavar="FILE", help="(default: the standard output)")
    add("--pip-report", metavar="FILE", help="of pip install --report: the hashes of the installed archives")


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
