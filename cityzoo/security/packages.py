"""The optional packages of security."""

from __future__ import annotations

import importlib
from types import ModuleType

from cityzoo.errors import InputError


def require(module: str, purpose: str) -> ModuleType:
    """Import a module of cryptography or PyJWT.

    Raises:
        InputError: not installed; with the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(f'{purpose} needs {module} ({error}): pip install "cityzoo[protect]"') from error
