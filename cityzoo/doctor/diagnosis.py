"""Everything that is checked, as plain values for programs, and without names of users, machines and folders."""

from __future__ import annotations

import getpass
import os
import platform
import re
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cityzoo
from cityzoo.backend import cpu_flags, cpu_name
from cityzoo.doctor import caches, known_bad, machine, probe, requirements
from zoo import pretrained, registry
from zoo.text import registry as text

ABSOLUTE = re.compile(r"(?<![\w~.:/])/(?:[^\s/\"'\\:,]+/)+")  # all of a path but its last name
SHORTEST_NAME = 3  # of users and machines that are replaced: shorter ones are parts of words


def diagnose() -> dict[str, Any]:
    """Check this installation; see docs/doctor.md for the keys."""
    versions = requirements.installed_versions()
    states = requirements.package_states(versions)
    flags = cpu_flags()
    features = machine.cpu_features(flags) if machine.is_x86() and flags else None
    measured, failure = probe.run_probe()
    devices = measured.get("devices", {})
    setting = machine.describe_setting(features, devices)
    python = platform.python_version()
    problems = [
        *_broken_requirements(states),
        *([_broken_backend(failure)] if failure else []),
        *(
            _problem(name, each.reason, each.remedy, each.fails)
            for name, each in known_bad.find_known_bad({**versions, "python": python}, setting)
        ),
    ]
    return {
        "cityzoo": cityzoo.__version__,
        "python": python,
        "system": f"{platform.system()} {platform.machine()}",
        "packages": {each.name: each._asdict() for each in states if not each.extra},
        "extras": requirements.summarize_extras(states),
        "processor": {"name": cpu_name(), "features": features},
        "devices": devices,
        "speed": measured.get("speed"),
        "auto": measured.get("auto"),
        "caches": caches.measure_caches(),
        "weights": {"image": _with_weights(registry.names()), "text": _with_weights(text.BACKBONES)},
        "problems": problems,
    }


def has_failures(diagnosis: dict[str, Any]) -> bool:
    """Return whether something is known not to work."""
    return any(each["fails"] for each in diagnosis["problems"])


def _with_weights(names: Iterable[str]) -> list[str]:
    return [name for name in names if _has_weights(name)]


def _has_weights(name: str) -> bool:
    try:
        return (
            bool(text.find_folder(name, download=False))
            if name in text.BACKBONES
            else pretrained.cached(name)
        )
    except (OSError, ValueError):  # a cache that cannot be looked into, or no files
        return False


def _broken_requirements(states: list[requirements.PackageState]) -> list[dict[str, Any]]:
    found = []
    for each in states:
        if not each.extra and each.state != requirements.OK:
            what = f"{each.name} {each.version or 'is missing'}"
            reason = f"cityzoo is tested with {each.name}{each.wanted}"
            found.append(_problem(what, reason, f'pip install "{each.name}{each.wanted}"'))
    return found


def _broken_backend(failure: str) -> dict[str, Any]:
    backend = machine.read_backend_name()
    extra = {"tensorflow": "", "jax": "jax"}.get(backend)
    remedy = "export KERAS_BACKEND=tensorflow" if extra is None else requirements.pip_line(extra)
    return _problem(f"Keras with {backend}", failure, remedy)


def _problem(what: str, reason: str | None, remedy: str, fails: bool = True) -> dict[str, Any]:
    return {"what": what, "reason": reason, "remedy": remedy, "fails": fails}


def anonymize(diagnosis: dict[str, Any]) -> dict[str, Any]:
    """Return a diagnosis without home folder, other folders, and names of the user and of the machine.

    Example:
        >>> anonymize({"caches": {"folder": "/srv/ann/cache"}})
        {'caches': {'folder': 'cache'}}
    """
    home = str(Path.home())
    names = {_user(): "USER", socket.gethostname(): "HOST"}
    words = {re.escape(name): shown for name, shown in names.items() if len(name) >= SHORTEST_NAME}

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: clean(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return list(map(clean, value))
        if not isinstance(value, str):
            return value
        if len(home) > 1:
            value = re.sub(rf"{re.escape(home)}(?![\w-])", "~", value)
        value = ABSOLUTE.sub("", value)
        for name, shown in words.items():
            value = re.sub(rf"(?<![\w-]){name}(?![\w-])", shown, value)
        return value

    return clean(diagnosis)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in containers
        return os.environ.get("USER", "")
