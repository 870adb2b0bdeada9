"""Draw examples, targets and predictions as images; `NAME_examples.py` draws those of outputs with page NAME."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from types import ModuleType
from typing import Any


def find(output: Any) -> ModuleType | None:
    """Return the module that draws an output's results: that of its page, or of the output that it inherits from."""
    for base in type(output).__mro__:
        name = f"{__name__}.{base.__dict__.get('page', '')}_examples"
        if "page" in base.__dict__ and find_spec(name):
            return importlib.import_module(name)
    return None
