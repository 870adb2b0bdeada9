"""Where a figure lies in a report: the words of a JSON pointer, so that class names may hold dots and slashes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def pointer(*names: object) -> str:
    """Return the place of a figure, as a JSON pointer without its first slash (RFC 6901).

    Example:
        >>> pointer("per_class", "van/suv 1.5", "AP50")
        'per_class/van~1suv 1.5/AP50'
    """
    return "/".join(str(name).replace("~", "~0").replace("/", "~1") for name in names)


def words_of(place: str) -> list[str]:
    """Return the names that a pointer was made of.

    Example:
        >>> words_of("per_class/van~1suv 1.5/AP50")
        ['per_class', 'van/suv 1.5', 'AP50']
    """
    return [word.replace("~1", "/").replace("~0", "~") for word in place.split("/")]


def look_up(report: Mapping[str, Any], place: str) -> Any:
    """Return what lies in a report at a place; None where nothing does.

    Example:
        >>> report = {"per_class": {"car": {"AP50": 0.5}}, "bins": [1, 2]}
        >>> look_up(report, "per_class/car/AP50"), look_up(report, "bins/1"), look_up(report, "a/b")
        (0.5, 2, None)
    """
    value: Any = report
    for word in words_of(place):
        if isinstance(value, Mapping):
            value = value.get(word)
        elif isinstance(value, Sequence) and not isinstance(value, str) and word.isdigit():
            value = value[int(word)] if int(word) < len(value) else None
        else:
            return None
    return value
