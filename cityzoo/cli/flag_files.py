"""Flags read from files: names and values, in sections."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import Field
from pathlib import Path
from typing import Any

from cityzoo.cli.flags import flag_name
from cityzoo.errors import InputError, unknown


def parse_section(entries: Any, section: str, flags: Iterable[Field], path: Path) -> dict[str, Any]:
    """Return the values of a section of a file by name; other names than those of the flags are refused.

    Args:
        entries: of the section, as the file has them.
        section: its name.
        flags: what it may set, see `cityzoo.cli.flag`.
        path: the file that errors name.

    Raises:
        InputError: no mapping, unknown names, or values that a flag does not take.
    """
    if not is_mapping(entries):
        raise InputError(f"'{path}': section '{section}' is {describe(entries)}: give names and values")
    known = {item.name: item for item in flags}
    values: dict[str, Any] = {}
    for key, value in entries.items():
        if key not in known:
            raise InputError(f"'{path}': {unknown(f'key of {section}', str(key), known)}")
        values[key] = parse_value(known[key], value, f"'{path}': {section}.{key}")
    return values


def read_mapping(path: Path, expected: Iterable[str]) -> dict[str, Any]:
    """Read a YAML or JSON file of names and values.

    Args:
        path: of the file.
        expected: names at its top, for errors.

    Raises:
        InputError: not there, damaged, or another content.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except OSError as error:
        raise InputError(f"'{path}' cannot be read ({error.strerror}): give a YAML or JSON file") from error
    except (ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"'{path}' is damaged ({reason}): correct it, or restore it from a copy") from error
    if content is None:
        return {}
    if not is_mapping(content):
        raise InputError(
            f"'{path}' is damaged: it holds {describe(content)}, expected sections {', '.join(expected)}"
        )
    return dict(content)


def is_mapping(value: Any) -> bool:
    """Return whether a value has names and values."""
    return isinstance(value, Mapping)


def parse_value(item: Field, value: Any, where: str) -> Any:
    """Return the value of a flag as a file has it: text is read as on the command line.

    Raises:
        InputError: a value of another type, or one that the flag does not take.
    """
    about, kind = item.metadata, str(item.type)
    if value is None and (item.default is None or item.default == ""):
        return item.default
    if isinstance(item.default, bool):
        if isinstance(value, bool):
            return value
        raise InputError(f"{where} is {describe(value)}: give true or false")
    if isinstance(value, list) and ("tuple" in kind and not value or _is_policy(value, kind)):
        return tuple(value)
    if is_mapping(value) and "Mapping[str, Any]" in kind:
        return dict(value)  # the content of another file
    if value is False and "|off|" in (about["metavar"] or "") + "|":
        value = "off"  # which YAML reads as false
    text = as_text(value, kind, about["separator"])
    if text is None:
        raise InputError(f"{where} is {describe(value)}: give a value as for {flag_name(item.name)}")
    try:
        parsed = about["parse"](text)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    if about["choices"] and parsed not in about["choices"]:
        raise InputError(f"{where}: {unknown('value', str(parsed), about['choices'])}")
    return parsed


def as_text(value: Any, kind: str, separator: str) -> str | None:
    """Return a value as the command line has it, so that its parsers check lists, too; None for another type."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, list) and "tuple" in kind:
        return separator.join(
            ":".join(map(str, item)) if isinstance(item, list) else str(item) for item in value
        )
    if (
        is_mapping(value)
        and "Mapping[str, str]" in kind
        and all(isinstance(new, str) for new in value.values())
    ):
        return ",".join(f"{old}={new}" for old, new in value.items())
    return None if isinstance(value, list | dict) else str(value)


def _is_policy(value: list[Any], kind: str) -> bool:
    # Operations of an augmentation policy are checked where images are augmented, which loads TensorFlow.
    return "Sequence[Mapping" in kind and all(is_mapping(step) and "transform" in step for step in value)


def describe(value: Any) -> str:
    """Return what a value of a file is, for errors."""
    names = {bool: "true or false", list: "a list", dict: "a mapping", type(None): "empty"}
    return names.get(type(value), repr(value)[:80])
