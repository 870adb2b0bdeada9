"""Removal of local paths from a report: reports are passed on, and whole paths tell of the machine and its user."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any


def shorten_paths(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report in which each absolute path is its name alone, also within sentences and keys.

    Two paths of one name keep the folder above, too; the user's home folder is ~ wherever it is named. Relative paths
    stay as the user wrote them.

    Example:
        >>> found = shorten_paths({"data": "/home/ann/roads", "card": ["For cameras like those of /home/ann/roads."]})
        >>> found["data"], found["card"][0]
        ('roads', 'For cameras like those of roads.')
        >>> list(shorten_paths({"/runs/a/1": 0, "/runs/b/1": 0}))
        ['a/1', 'b/1']
    """
    paths = sorted({text for text in _texts(report) if os.path.isabs(text)}, key=len, reverse=True)
    names = [os.path.basename(os.path.normpath(path)) for path in paths]
    short = {
        path: name if names.count(name) == 1 else "/".join(os.path.normpath(path).split(os.sep)[-2:])
        for path, name in zip(paths, names, strict=True)
    }
    home = os.path.expanduser("~").rstrip(os.sep)
    if home:
        short[home + os.sep] = "~" + os.sep
    if not short:
        return dict(report)
    pattern = re.compile("|".join(map(re.escape, short)))  # a path before the home folder that it begins with
    return _replace(report, lambda text: pattern.sub(lambda match: short[match[0]], text))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value


def _replace(value: Any, change: Any) -> Any:
    if isinstance(value, Mapping):
        return {change(key) if isinstance(key, str) else key: _replace(v, change) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_replace(inner, change) for inner in value)
    return change(value) if isinstance(value, str) else value
