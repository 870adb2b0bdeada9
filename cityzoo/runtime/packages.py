"""Optional packages of exported formats, and the cores that they may use."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

from cityzoo.errors import InputError

EXTRAS = {
    "openvino": "openvino",
    "nncf": "openvino",
    "tokenizers": "text",
    "opentelemetry": "tracing",
    "cryptography": "protect",
    "jwt": "protect",
    "av": "watch",
    "paho": "watch",
}  # others are in the extra "export"


def usable_cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def require(package: str, purpose: str) -> ModuleType:
    """Import an optional package.

    Raises:
        InputError: not installed; with the command that installs it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        extra = EXTRAS.get(package.partition(".")[0], "export")
        raise InputError(f'{purpose} needs {package} ({error}): pip install "cityzoo[{extra}]"') from error
