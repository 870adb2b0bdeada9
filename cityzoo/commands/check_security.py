"""Check a run, a folder of models or a running server for weaknesses: python -m cityzoo check-security TARGET."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from cityzoo import cli
from cityzoo.cli.values import parse_number

PROG = "python -m cityzoo check-security"
ABOUT = """\
The regular safety check, without a network: signatures, permissions, secrets and code in files, exposed paths, known
vulnerabilities and changes of the installed packages, the parity and robustness gates of the report. One page.
"""
EXAMPLES = f"""\
examples:
  {PROG} runs/mine --public-key sign.pub.pem
  {PROG} models/ --public-key sign.pub.pem --json > check.json
  {PROG} models/ --api-keys keys.json --audit-log audit.jsonl --audit-key audit.key
  {PROG} https://server:8000 --ca city-ca.pem      as a stranger sees it
exit code 1: a check failed
"""


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES, allow_abbrev=False)
    add = parser.add_argument
    add("target", metavar="TARGET", help="run folder, exported folder, MODELS, or http(s)://HOST:PORT")
    add("--public-key", metavar="FILE", help="of the signer; unsigned or changed models fail then")
    about = "key of encrypted models, to check what is in them, in memory (default: only from outside)"
    add("--encryption-key", metavar="FILE", help=about)
    about = "mean loss that a corruption of the images may cause, as a share of the metric (default: 0.5)"
    add("--max-robustness-loss", type=cli.argparse_type(parse_number), metavar="X", default=0.5, help=about)
    add("--ca", metavar="FILE", help="PEM file of the authority of the server's certificate")
    add("--api-keys", metavar="FILE", help="check the file that serve --api-keys reads, too")
    add("--audit-log", metavar="FILE", help="check the audit log, too")
    add("--audit-key", metavar="FILE", help="key that the audit log is written with")
    add("--json", action="store_true", help="print JSON instead of the page")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Check, print the page, and return 1 if a check failed."""
    given = _parser().parse_args(arguments)
    from cityzoo.security.encryption_keys import read_encryption_keys
    from cityzoo.security.finding import count_failed, format_json, format_page
    from cityzoo.security.folder_checks import check_folder
    from cityzoo.security.package_checks import check_packages
    from cityzoo.security.server_checks import check_server
    from cityzoo.security.settings_checks import check_api_keys, check_audit_log

    if "://" in given.target:
        findings = check_server(given.target, given.ca)
    else:
        key = Path(given.public_key) if given.public_key else None
        keys = read_encryption_keys(given.encryption_key) if given.encryption_key else None
        findings = check_folder(Path(given.target), key, given.max_robustness_loss, keys) + check_packages()
    if given.api_keys:
        findings += check_api_keys(Path(given.api_keys))
    if given.audit_log:
        secret = read_encryption_keys(given.audit_key).current if given.audit_key else None
        findings.append(check_audit_log(Path(given.audit_log), secret))
    sys.stdout.write((format_json if given.json else format_page)(given.target, findings))
    return 1 if count_failed(findings) else 0
