"""Keys of numbers in a report: JSON pointers (RFC 6901) without the first slash, for class names of any characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def pointer(*names: object) -> str:
    """Return the JSON pointer of some names.

    Example:
        >>> pointer("per_class", "van/suv 1.5", "AP50")
        'per_class/van~1suv 1.5/AP50'
    """
    return "/".join(str(name).replace("~", "~0").replace("/", "~1") for name in names)


def split_pointer(place: str) -> list[str]:
    """Return the names that a pointer consists of.

    Example:
        >>> split_pointer("per_class/van~1suv 1.5/AP50")
        ['per_class', 'van/suv 1.5', 'AP50']
    """
    return [word.replace("~1", "/").replace("~0", "~") for word in place.split("/")]


def look_up(report: Mapping[str, Any], place: str) -> Any:
    """Return the value at a place of a report, None where there is none.

    Example:
        >>> report = {"per_class": {"car": {"AP50": 0.5}}, "bins": [1, 2]}
        >>> look_up(report, "per_class/car/AP50"), look_up(report, "bins/1"), look_up(report, "a/b")
        (0.5, 2, None)
    """
    value: Any = report
    for word in split_pointer(place):
        if isinstance(value, Mapping):
            value = value.get(word)
        elif isinstance(value, Sequence) and not isinstance(value, str) and word.isdigit():
            value = value[int(word)] if int(word) < len(value) else None
        else:
            return None
    return value
