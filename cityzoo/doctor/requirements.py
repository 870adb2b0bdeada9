"""What cityzoo needs, from its own list of requirements, and what of it is installed."""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CLONE = Path(__file__).resolve().parents[2]  # with setup.cfg, if this is one
OK, MISSING, OUTSIDE = "installed", "missing", "other version"


class PackageState(NamedTuple):
    """A required package.

    Attributes:
        name: of the distribution.
        extra: that asks for it, "" for what every installation needs.
        wanted: versions that cityzoo is tested with, "" for any.
        version: that is installed, None if it is missing.
        state: "installed", "missing" or "other version".
    """

    name: str
    extra: str
    wanted: str
    version: str | None
    state: str


def installed_versions() -> dict[str, str]:
    """Return the versions of all installed packages by normalized name."""
    found = ((each.name, each.version) for each in metadata.distributions())
    return {canonicalize_name(name): version for name, version in found if name and version}


def read_requirements(folder: Path = CLONE) -> list[tuple[str, Requirement]]:
    """Return pairs of an extra ("": none) and what it requires on this platform.

    Args:
        folder: of a clone; without a setup.cfg there, the list of the installed package is read.

    Example:
        >>> [requirement.name for extra, requirement in read_requirements() if extra == "tune"]
        ['optuna']
    """
    config = configparser.ConfigParser()
    if config.read(folder / "setup.cfg", encoding="utf-8"):
        lists = {"": config["options"]["install_requires"], **config["options.extras_require"]}
        pairs = [
            (extra, line.partition(" #")[0]) for extra, text in lists.items() for line in text.splitlines()
        ]
        found = [(extra, Requirement(line)) for extra, line in pairs if line.strip()]
    else:
        found = list(_read_metadata())
    return [
        (extra, each) for extra, each in found if not each.marker or each.marker.evaluate({"extra": extra})
    ]


def _read_metadata() -> Iterator[tuple[str, Requirement]]:
    about = metadata.metadata("cityzoo")
    for requirement in map(Requirement, metadata.requires("cityzoo") or ()):
        for extra in ("", *(about.get_all("Provides-Extra") or ())):
            if (not extra or "extra" in str(requirement.marker)) and (
                not requirement.marker or requirement.marker.evaluate({"extra": extra})
            ):
                yield extra, requirement


def package_states(versions: dict[str, str], folder: Path = CLONE) -> list[PackageState]:
    """Return the state of each required package, those of extras behind the others.

    Args:
        versions: of installed packages by normalized name.
        folder: see `read_requirements`.
    """
    return [_state(extra, each, versions) for extra, each in read_requirements(folder)]


def _state(extra: str, requirement: Requirement, versions: dict[str, str]) -> PackageState:
    version = versions.get(canonicalize_name(requirement.name))
    lacks = [part for part in _parts(requirement) if part not in versions] if version else []
    state = MISSING if version is None or lacks else OK
    if state == OK and not requirement.specifier.contains(str(version), prereleases=True):
        state = OUTSIDE
    name = f"{requirement.name}[{','.join(sorted(requirement.extras))}]" if lacks else requirement.name
    wanted = ",".join(
        sorted(map(str, requirement.specifier), reverse=True)
    )  # as people write it: lowest first
    return PackageState(name, extra, wanted, None if lacks else version, state)


def _parts(requirement: Requirement) -> Iterator[str]:
    # What the extras of a requirement consist of: tensorflow[and-cuda] is not there because tensorflow is.
    for extra in requirement.extras:
        for part in map(Requirement, metadata.requires(requirement.name) or ()):
            if part.marker and "extra" in str(part.marker) and part.marker.evaluate({"extra": extra}):
                yield canonicalize_name(part.name)


def pip_line(extra: str, folder: Path = CLONE) -> str:
    """Return the command that installs what an extra needs.

    Example:
        >>> pip_line("tune", Path("/nowhere")), pip_line("", Path("/nowhere"))
        ('pip install "cityzoo[tune]"', 'pip install cityzoo')
    """
    name = "-e ." if (folder / "setup.cfg").is_file() else "cityzoo"
    if not extra:
        return f"pip install {name}"
    return f'pip install -e ".[{extra}]"' if name == "-e ." else f'pip install "cityzoo[{extra}]"'


def summarize_extras(states: list[PackageState], folder: Path = CLONE) -> dict[str, dict[str, Any]]:
    """Return, for each extra, what is missing or of another version, and the command that installs it."""
    extras: dict[str, list[str]] = {}
    for each in states:
        lacks = extras.setdefault(each.extra, []) if each.extra else []
        if each.state != OK:
            lacks.append(
                each.name if each.state == MISSING else f"{each.name}{each.wanted} (is {each.version})"
            )
    return {
        extra: {"missing": lacks, "install": pip_line(extra, folder) if lacks else None}
        for extra, lacks in extras.items()
    }
