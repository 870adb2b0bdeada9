"""Single values of annotations as others wrote them: texts, paths, sizes, ids."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterable
from pathlib import Path

from cityzoo.data.files import read_bytes
from cityzoo.errors import InputError

LARGEST_TEXT = 256 << 20  # bytes
LONGEST_NAME, LONGEST_PATH = 255, 4000  # bytes that file systems allow


def parse_size(height: object, width: object) -> tuple[int, int] | None:
    """Return a declared image size (height, width) in pixels, numbers or text, or None if it is no size.

    Example:
        >>> parse_size("120.0", 160), parse_size(None, 160), parse_size("inf", [3])
        ((120, 160), None, None)
    """
    try:
        size = int(float(str(height))), int(float(str(width)))
    except (ValueError, OverflowError):
        return None
    return size if min(size) > 0 else None


def require_unique(pairs: Iterable[tuple[object, object]], what: str, other: str, place: str) -> None:
    """Raise InputError if one key stands for two values, which would merge or lose annotations.

    Args:
        pairs: keys and values, such as ids and class names.
        what: what the keys are, such as "class id".
        other: what the values are, such as "names".
        place: the annotation file.

    Raises:
        InputError: the first such key, with both values.

    Example:
        >>> require_unique([(1, "car"), (1, "bus")], "class id", "classes", "a.json")
        Traceback (most recent call last):
        cityzoo.errors.InputError: a.json: class id 1 stands for two classes, 'car' and 'bus': correct one of them
    """
    seen: dict[object, object] = {}
    for key, value in pairs:
        first = seen.setdefault(key, value)
        if first != value:
            raise InputError(
                f"{place}: {what} {quote(key)} stands for two {other}, {quote(first)} and {quote(value)}: "
                "correct one of them"
            )


def quote(value: object, length: int = 80) -> str:
    """Return a value of the data for a message, text in quotes, at most `length` characters of it.

    Example:
        >>> quote(7), quote("a" * 9, 4)
        ('7', "'aaaa...'")
    """
    text = str(value)
    short = text if len(text) <= length else f"{text[:length]}..."
    return repr(short) if isinstance(value, str) else short


def is_path(text: object) -> bool:
    """Return whether text can be the path of a file: not empty, no NUL, no overlong name.

    Example:
        >>> is_path("images/a.jpg"), is_path("a" * 300), is_path("a\\0.jpg"), is_path(5)
        (True, False, False, False)
    """
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        return False
    try:
        encoded = os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return len(encoded) <= LONGEST_PATH and all(len(each) <= LONGEST_NAME for each in encoded.split(b"/"))


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with a byte order mark, which is removed.

    Raises:
        FileNotFoundError: no such file.
        InputError: the file is binary, in another encoding, or not one that may be read.
    """
    content = read_bytes(path, LARGEST_TEXT)
    try:
        text = content.decode(find_encoding(content))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}:{line}: not in UTF-8: save the file as UTF-8") from error
    if "\0" in text:
        raise InputError(f"{path} is binary, expected text: save it as UTF-8")
    return text


def find_encoding(start: bytes) -> str:
    """Return the encoding of a text by its first bytes: UTF-16 with a byte order mark, or else UTF-8.

    Example:
        >>> find_encoding("a".encode("utf-16")), find_encoding(b"a")
        ('utf-16', 'utf-8-sig')
    """
    return "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
