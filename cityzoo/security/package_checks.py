"""Checks of the installed packages: known vulnerabilities, cityzoo's own bounds, and changed files."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata

from packaging.requirements import Requirement
from packaging.version import Version

from cityzoo.security.finding import SKIPPED, WARNING, Finding, summarize
from cityzoo.security.known_vulnerabilities import AS_OF, KNOWN
from cityzoo.security.sbom import changed_files, installed_packages, normalize_name


def check_packages() -> list[Finding]:
    """Check what is installed here."""
    packages = dict(installed_packages())
    versions = {name: package.version for name, package in packages.items()}
    changed = [f"{name}: {file}" for name, each in packages.items() for file in changed_files(each)]
    return [
        find_vulnerable(versions),
        find_outside_bounds(versions),
        summarize("package files", changed, f"{len(packages)} packages are as they were installed"),
    ]


def find_vulnerable(versions: Mapping[str, str]) -> Finding:
    """Return the finding about known vulnerabilities.

    Args:
        versions: of installed packages by normalized name.

    Example:
        >>> find_vulnerable({"pyjwt": "2.10.1"}).detail
        'pyjwt 2.10.1: CVE-2026-32597, critical headers of tokens are ignored: 2.12.0 or later'
    """
    found = [
        f"{each.package} {versions[each.package]}: {each.name}, {each.about}: {each.fixed} or later"
        for each in KNOWN
        if each.package in versions and Version(versions[each.package]) < Version(each.fixed)
    ]
    known = [each for each in KNOWN if each.package in versions]
    return summarize(
        "vulnerabilities", found, f"none of the {len(known)} known ones that apply (list of {AS_OF})"
    )


def find_outside_bounds(versions: Mapping[str, str]) -> Finding:
    """Return the finding about packages that are older or newer than what cityzoo was tested with."""
    try:
        required = metadata.requires("cityzoo") or []
    except metadata.PackageNotFoundError:
        return Finding(
            "versions", SKIPPED, "cityzoo is not installed as a package: its bounds are not known here"
        )
    outside = []
    for requirement in map(Requirement, required):
        have = versions.get(normalize_name(requirement.name))
        if have is not None and not requirement.specifier.contains(have, prereleases=True):
            outside.append(f"{requirement.name} {have} (tested: {requirement.specifier})")
    unique = list(dict.fromkeys(outside))
    return summarize("versions", unique, "all within the bounds that cityzoo was tested with", WARNING)
