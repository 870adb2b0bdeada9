"""The flags of python -m cityzoo protect."""

from __future__ import annotations

from typing import Any

from cityzoo import cli
from cityzoo.cli.values import parse_count, parse_names, parse_number
from cityzoo.security.caller import parse_roles
from cityzoo.security.key_files import KINDS

PROG = "python -m cityzoo protect"
ABOUT = "Make keys; sign and encrypt folders; check audit logs; list the parts."
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


def protect_parser() -> cli.Parser:
    """Return the parser; `action` of what it parses is the name of the sub-command."""
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES, allow_abbrev=False)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_keys(commands)
    _add_folders(commands)
    _add_records(commands)
    return parser


def _add(commands: Any, name: str, about: str) -> Any:
    parser = commands.add_parser(name, help=about, description=about, allow_abbrev=False)
    parser.set_defaults(action=name)
    return parser.add_argument


def _add_keys(commands: Any) -> None:
    number, roles, names = map(cli.argparse_type, (parse_number, parse_roles, parse_names))
    add = _add(commands, "new-key", "make a key of signatures, of tokens, or of encryption")
    add("--kind", choices=KINDS, default="signing", help="(default: signing)")
    add("--out", metavar="FILE", required=True, help="of the private or secret key")
    group = commands.add_parser("key", help="API keys of the server: add, list, revoke")
    keys = group.add_subparsers(metavar="COMMAND", required=True)
    add = _add(keys, "add", "make an API key and print it once; the file holds its hash")
    add("--keys", metavar="FILE", required=True, help="file that serve --api-keys reads")
    add("--name", required=True, help="of the caller, for the audit log")
    _add_rights(add, roles, names)
    add("--days", type=number, metavar="N", help="that it is valid (default: until it is revoked)")
    for limit in ("requests-per-second", "camera-requests-per-second", "megapixels-per-second"):
        add(f"--{limit}", type=number, metavar="N", help="of this caller (default: the server's)")
    count = cli.argparse_type(parse_count)
    add("--requests-per-day", type=count, metavar="N", help="of this caller (default: the server's)")
    add = _add(keys, "list", "list ids, names and rights")
    add("--keys", metavar="FILE", required=True, help="file of API keys")
    add = _add(keys, "revoke", "remove a key; a running server refuses it within a second")
    add("id", metavar="ID", help="as key list shows it")
    add("--keys", metavar="FILE", required=True, help="file of API keys")
    add = _add(commands, "token", "make a bearer token offline, for a server with --jwks")
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
    add = _add(commands, "sign", "sign all files of a folder")
    add("folder", metavar="FOLDER", help="run folder or exported folder")
    add("--private-key", metavar="FILE", required=True, help="of new-key")
    add = _add(commands, "verify", "check a folder's signature and all its files")
    add("folder", metavar="FOLDER", help="signed folder")
    add("--public-key", metavar="FILE", required=True, help="of the signer")
    add = _add(commands, "encrypt", "replace the files of a folder by encrypted ones")
    add("folder", metavar="FOLDER", help="run folder, feature cache, evidence")
    add("--key", metavar="FILE", help=key)
    add = _add(commands, "decrypt", "decrypt the files of a folder, in place or elsewhere")
    add("folder", metavar="FOLDER", help="with encrypted files")
    add("--key", metavar="FILE", help=key)
    add("--out", metavar="FOLDER", help="leave the encrypted files and write plain ones here")
    add = _add(
        commands,
        "run",
        "run a command (after --) whose CITYZOO_HOME is in memory, and encrypted on the disk",
    )
    add(
        "folder",
        metavar="FOLDER",
        help="encrypted CITYZOO_HOME: feature caches, and runs that are written there",
    )
    add("--key", metavar="FILE", help=key)
    add = _add(commands, "rotate", "bring encrypted files to the first key of the file")
    add("folder", metavar="FOLDER", help="with encrypted files")
    add("--key", metavar="FILE", help=key)


def _add_records(commands: Any) -> None:
    add = _add(commands, "verify-audit", "check that no line of an audit log was changed")
    add("files", metavar="FILE", nargs="+", help="logs that follow each other, the oldest first")
    add("--key", metavar="FILE", help="key that it was written with (serve --audit-key)")
    add("--contains", metavar="HASH", help="noted earlier: this line must still be there")
    add("--after", metavar="HASH", help="last hash of the file before, if that one was deleted")
    add = _add(commands, "sbom", "list the installed packages and the hash of each, as CycloneDX")
    add("--out", metavar="FILE", help="(default: the standard output)")
    add("--pip-report", metavar="FILE", help="of pip install --report: the hashes of the installed archives")
