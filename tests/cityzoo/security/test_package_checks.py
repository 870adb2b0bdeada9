"""Known vulnerabilities and bounds of packages."""

import re
from importlib import metadata
from pathlib import Path

from packaging.version import Version

from cityzoo.security.known_vulnerabilities import KNOWN
from cityzoo.security.package_checks import find_outside_bounds, find_vulnerable


def test_a_vulnerable_version_is_named_with_the_fixed_one():
    """At the border: the fixed version itself is good."""
    assert find_vulnerable({"keras": "3.13.9", "numpy": "1.0"}).state == "failed"
    assert find_vulnerable({each.package: each.fixed for each in KNOWN}).state == "ok"
    assert "3.14.0 or later" in find_vulnerable({"keras": "3.13.9"}).detail


def test_versions_outside_of_the_bounds_are_a_warning(monkeypatch):
    """Older and newer, with extras and markers as metadata hold them."""
    required = [
        "numpy<3,>=2.0",
        'pyjwt[crypto]<3,>=2.12; extra == "serve"',
        "keras>=3.13,<3.17",
        "tzdata; platform_system == 'Windows'",
    ]
    monkeypatch.setattr(metadata, "requires", lambda name: required)
    assert (
        find_outside_bounds({"numpy": "2.4.6", "pyjwt": "2.12", "keras": "3.16.9", "tzdata": "1"}).state
        == "ok"
    )
    found = find_outside_bounds({"numpy": "1.26", "pyjwt": "3.0.0", "keras": "3.17"})
    assert found.state == "warning" and found.detail.count("tested") == 3


def test_the_bounds_of_this_release_exclude_known_vulnerabilities():
    """What setup.cfg asks for by name, where it names a lower bound for the server."""
    text = (Path(__file__).resolve().parents[3] / "setup.cfg").read_text()
    for package in ("pyjwt", "cryptography"):
        (fixed,) = [each.fixed for each in KNOWN if each.package == package]
        found = re.findall(rf"^ +{package}.*?>=([\d.]+)", text, re.MULTILINE)
        assert min(map(Version, found)) >= Version(fixed)
