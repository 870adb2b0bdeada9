"""Check this installation: packages, devices, speed, caches, weights, combinations that are known not to work."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from cityzoo import cli
from cityzoo.errors import InputError, unknown

PROG = "python -m cityzoo doctor"
ABOUT = """\
Check this installation: versions of packages, devices, features and speed of the processor, what "auto" chooses here,
caches, weights that need no download, and combinations that are known not to work, each with its remedy. Nothing is
written. The exit code is 1 if something is known not to work.
"""
EXAMPLES = f"""\
examples:
  {PROG}
  {PROG} --json > doctor.json      for bug reports: without names of users, machines and folders
  {PROG} --clean                   empty all caches but the weights, and say what was removed
  {PROG} --clean features weights  these alone
"""


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES)
    parser.add_argument("--json", action="store_true", help="print JSON, for programs and bug reports")
    parser.add_argument(
        "--clean",
        nargs="*",
        metavar="CACHE",
        help="remove what is in these caches and list it (default: all that can be made again without a network); runs "
        "and what is in use stay. Not while something trains",
    )
    return parser


def main(arguments: Sequence[str]) -> int:
    """Check or clean as the flags say; return 1 if something is known not to work."""
    given = _parser().parse_args(arguments)
    _require_packages()
    if given.clean is not None:
        return _clean(given.clean, given.json)
    from cityzoo.doctor import diagnosis, summary

    found = diagnosis.anonymize(diagnosis.diagnose())
    text = json.dumps(found, indent=2, ensure_ascii=False) + "\n" if given.json else summary.summarize(found)
    sys.stdout.write(text)
    return int(diagnosis.has_failures(found))


def _require_packages() -> None:
    try:
        import numpy  # noqa: F401
        import packaging  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"nothing of what cityzoo needs is installed here ({error}): pip install -e ."
        ) from error


def _clean(names: Sequence[str], as_json: bool) -> int:
    from cityzoo.doctor import caches, summary

    for name in names:
        if name not in caches.CACHES:
            raise unknown("cache", name, caches.CACHES)
    removed = kept = 0
    rows = []
    for each in caches.clean(names or tuple(caches.FOLDERS)):
        row = {**each._asdict(), "path": _shorten(each.path)}
        rows.append(row)
        removed, kept = removed + each.size_bytes * (not each.kept), kept + bool(each.kept)
        if not as_json:
            what = f"kept ({each.kept})" if each.kept else "removed"
            sys.stdout.write(f"{what}: {row['path']}, {summary.format_bytes(each.size_bytes)}\n")
    if as_json:
        sys.stdout.write(json.dumps({"removed_bytes": removed, "entries": rows}, indent=2) + "\n")
    else:
        stayed = f", {kept} kept" if kept else ""
        sys.stdout.write(f"{summary.format_bytes(removed)} removed{stayed}\n")
    return 0


def _shorten(path: Path) -> str:
    home = Path.home()
    return str(Path("~", path.relative_to(home))) if path.is_relative_to(home) else str(path)
