"""Entries of a file of rules: mappings with known keys, and lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cityzoo.errors import InputError, unknown


def check_keys(item: Any, kind: str, known: Sequence[str]) -> dict[str, Any]:
    """Return a mapping of a file of rules, or raise InputError for what is none or has unknown keys."""
    if not isinstance(item, Mapping):
        raise InputError(f"{kind} is {str(item)[:40]!r}: expected keys and values ({', '.join(known)})")
    for key in item:
        if key not in known:
            raise unknown(f"key of {kind}", str(key), known)
    return dict(item)


def require_list(values: Mapping[str, Any], key: str) -> list[Any]:
    """Return the list under a key, empty where there is none, or raise InputError for another value."""
    value = values.get(key)
    if value is not None and not isinstance(value, list):
        raise InputError(f"{key}: expected a list, every entry after a '-', not {str(value)[:40]!r}")
    return value or []
