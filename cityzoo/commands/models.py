"""Add versions to a folder of served models, send them a share of the traffic, and roll back."""

from __future__ import annotations

import argparse
import getpass
import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from cityzoo import cli
from cityzoo.cli.values import parse_count
from cityzoo.errors import InputError, unknown
from cityzoo.replace_file import unfinished_name
from cityzoo.serve.model_folders import (
    MODEL_NAME,
    find_models,
    find_versions,
    name_model,
    require_parity,
)
from cityzoo.serve.traffic import Traffic, read_traffic, update_traffic

LOG = logging.getLogger(__name__)
PROG = "python -m cityzoo models"
ABOUT = """\
Work on a folder MODELS/NAME/VERSION that servers read. Each change goes into MODELS/NAME/traffic.json with its time and
author; running servers follow within a second, without a restart and without losing a request.
"""
EXAMPLES = f"""\
examples:
  {PROG} models/ add export/ --name cars               next version, which replaces the one before when it is ready
  {PROG} models/ add export/ --name cars --canary 10   10 % of the cameras see it; rolled back if it is worse
  {PROG} models/ promote cars                          the canary, or the shadow, becomes the stable version
  {PROG} models/ rollback cars                         end the canary or shadow, else go back to the version before
  {PROG} models/ list
"""
SHOWN_DECISIONS = 5


def parse_percent(text: str) -> float:
    """Read a share of the requests.

    Raises:
        InputError: not above 0 and at most 100.

    Example:
        >>> parse_percent("10"), parse_percent("2.5%")
        (10.0, 2.5)
    """
    try:
        percent = float(text.removesuffix("%"))
    except ValueError:
        percent = 0.0
    if not 0 < percent <= 100:
        raise InputError(f"'{text}': expected a share of the requests above 0 and at most 100 %, e.g. 10")
    return percent


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES)
    parser.add_argument("models", type=Path, metavar="MODELS", help="folder of served models")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    version, percent = map(cli.argparse_type, (parse_count, parse_percent))

    def add_action(name: str, about: str, number: str = "") -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=about, description=about)
        action.add_argument("name", metavar="NAME", help="of the model")
        if number:
            many = "?" if number == "optional" else None
            action.add_argument("version", metavar="VERSION", type=version, nargs=many, help="number")
        return action

    actions.add_parser("list", help="show versions, their part of the traffic and the last decisions")
    add = actions.add_parser("add", help="copy an exported folder in as the next version")
    add.add_argument("folder", type=Path, metavar="FOLDER", help="that python -m cityzoo export wrote")
    add.add_argument("--name", metavar="NAME", help="of the model (default: its task)")
    group = add.add_mutually_exclusive_group()
    for kind, about in (("canary", "its answers are returned"), ("shadow", "its answers are compared only")):
        group.add_argument(f"--{kind}", type=percent, metavar="PERCENT", help=f"start as {kind}: {about}")
        action = add_action(kind, f"send a share of the requests to a version; {about}", number="required")
        share = 10.0 if kind == "canary" else 100.0
        action.add_argument(
            "--percent", type=percent, default=share, help="of cameras (default: %(default)g)"
        )
    add_action("promote", "make the canary, the shadow or a version the stable one", number="optional")
    add_action("rollback", "end the canary or shadow; without one, go back to the stable version before")
    add_action(
        "pin", "keep a version (default: the stable one) although newer ones are added", number="optional"
    )
    add_action("unpin", "let newer versions replace the stable one again")
    add_action("load", "load a model again, or a version for requests that name it", number="optional")
    add_action("unload", "unload a model, or a version", number="optional")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Do what the action says; return 0."""
    flags = _parser().parse_args(arguments)
    if not flags.models.is_dir() and flags.action != "add":
        raise InputError(
            f"'{flags.models}' is not a folder: give the one that python -m cityzoo serve is given"
        )
    if flags.action == "list":
        show_models(flags.models)
    elif flags.action == "add":
        add_version(flags)
    else:
        change_traffic(flags)
    return 0


def show_models(models: Path) -> None:
    """Log each version with its part of the traffic, and the last decisions."""
    found = find_models(models)
    if not found:
        LOG.info("no models in '%s': %s %s add FOLDER", models, PROG, models)
    for name, versions in found.items():
        traffic = read_traffic(models / name)
        LOG.info("%s%s", name, "" if traffic.enabled else "  (unloaded)")
        stable = next(iter(traffic.candidates(versions)), None)
        for number, path in versions.items():
            LOG.info(
                "  %3d  %-14s %s",
                number,
                describe_part(traffic, number, stable),
                _describe_gate(path, traffic.refusal(number)),
            )
        for entry in traffic.history[-SHOWN_DECISIONS:]:
            version = "" if entry["version"] is None else f" {entry['version']}"
            what = f"{entry['event']}{version}"
            LOG.info("       %s  %-12s %s (%s)", entry["time"][:19], what, entry["reason"], entry["by"])


def describe_part(traffic: Traffic, number: int, stable: int | None) -> str:
    """Return the part that a version has in the traffic.

    Example:
        >>> describe_part(Traffic(pinned=True), 1, 1), describe_part(Traffic(withdrawn=(2,)), 2, 1)
        ('stable, pinned', 'withdrawn')
    """
    for kind, share in (("canary", traffic.canary), ("shadow", traffic.shadow)):
        if share and share.version == number:
            return f"{kind} {share.percent:g} %"
    if number == stable:
        return "stable, pinned" if traffic.pinned else "stable"
    return "withdrawn" if number in traffic.withdrawn else "loaded" if number in traffic.also_loaded else "-"


def _describe_gate(path: Path, refusal: str) -> str:
    try:
        require_parity(path)
    except InputError as error:
        return f"refused: {error}"
    return f"refused by a server: {refusal}" if refusal else "parity gate passed"


def add_version(flags: argparse.Namespace) -> None:
    """Copy an exported folder in; servers see it whole or not at all.

    Raises:
        InputError: no exported folder, or one that did not pass its parity gate.
    """
    require_parity(flags.folder)
    name = flags.name or name_model(flags.folder)
    if not MODEL_NAME.fullmatch(name):
        raise InputError(f"name '{name}': expected letters, digits, '-', '_' and '.', at most 64")
    folder = flags.models / name
    folder.mkdir(parents=True, exist_ok=True)
    before = find_versions(folder)
    number = max(before, default=0) + 1
    part = unfinished_name(folder / str(number))
    try:
        shutil.copytree(flags.folder, part)
        kind = "canary" if flags.canary else "shadow"
        if percent := flags.canary or flags.shadow:  # first, so that no server makes it the stable one
            numbers, by = [*before, number], _user()
            _update(folder, lambda traffic: traffic.start_share(kind, number, percent, by, numbers))
        part.rename(folder / str(number))
    finally:
        shutil.rmtree(part, ignore_errors=True)
    LOG.info("%s is version %d of %s", flags.folder, number, name)


def change_traffic(flags: argparse.Namespace) -> None:
    """Change one model's traffic.json.

    Raises:
        InputError: no such model or version, or the change is not allowed.
    """
    found = find_models(flags.models)
    if flags.name not in found:
        raise unknown("model", flags.name, found)
    versions, number = found[flags.name], getattr(flags, "version", None)
    if number is not None and number not in versions:
        raise unknown("version", str(number), map(str, versions))
    traffic = _update(flags.models / flags.name, lambda traffic: _decide(traffic, flags, number, versions))
    entry = traffic.history[-1]
    LOG.info("%s: %s %s (%s)", flags.name, entry["event"], entry["version"] or "", entry["reason"])


def _decide(
    traffic: Traffic, flags: argparse.Namespace, number: int | None, versions: dict[int, Path]
) -> Traffic:
    action, by, shared = flags.action, _user(), traffic.canary or traffic.shadow
    stable = next(iter(traffic.candidates(versions)), None)
    if action in ("canary", "shadow") and number:
        require_parity(versions[number])
        return traffic.start_share(action, number, flags.percent, by, versions)
    if action == "promote" and not (number or shared):
        raise InputError(f"'{flags.name}' has no canary or shadow: say which version is promoted")
    if action in ("promote", "pin"):
        chosen = number or (shared.version if shared and action == "promote" else stable)
        if chosen is None:
            raise InputError(f"'{flags.name}' has no stable version: say which one is pinned")
        require_parity(versions[chosen])
        return traffic.promote(
            chosen, by, versions if action == "promote" else (), pinned=action == "pin" or None
        )
    if action == "rollback":
        if shared:
            return traffic.withdraw(shared.version, by, "requested")
        previous = traffic.previous(versions)
        return traffic.withdraw(stable or 0, by, f"requested, back to version {previous}", stable=previous)
    if action == "unpin":
        return traffic.record("unpin", traffic.stable, "requested", by, pinned=False)
    if action == "load":
        return traffic.load(number, by)
    if number is not None and number == stable:
        raise InputError(f"version {number} is the stable one: promote another, or unload the model")
    return traffic.unload(number, by)


def _update(folder: Path, change: Callable[[Traffic], Traffic]) -> Traffic:
    try:
        return update_traffic(folder, change)
    except OSError as error:
        raise InputError(f"'{folder}' cannot be written: {error.strerror}") from error


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in containers
        return "unknown"
