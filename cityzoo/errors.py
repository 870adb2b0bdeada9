"""The one error for unusable input, and the errors of libraries that damaged files lead to."""

from __future__ import annotations

import csv
import difflib
import errno
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable

SHOWN_NAMES = 60  # of a list of allowed ones
# Characters that move the cursor, change colors, reverse the direction of writing or end the line.
_CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def escape_control(text: str, kept: str = "") -> str:
    r"""Return text with its control characters, except those in `kept`, written as in Python.

    Names in data may hold them: shown raw, they color the terminal, forge lines and hide what follows.

    Example:
        >>> print(escape_control("\x1b[31mred\u202e"), escape_control("a\nb"))
        \x1b[31mred\u202e a\nb
    """
    return _CONTROL.sub(
        lambda found: found[0] if found[0] in kept else found[0].encode("unicode_escape").decode(), text
    )


def shorten(text: str, longest: int = 1000) -> str:
    """Return text of at most `longest` characters, cut before its last quarter, which says what to do.

    Example:
        >>> shorten("a" * 100 + "b" * 10, 40)
        'aaaaaaaaaaaaaaa [...] bbbbbbbbbb'
    """
    if len(text) <= longest:
        return text
    last = longest // 4
    return f"{text[: longest - last - 15]} [...] {text[-last:]}"


# What json, zipfile, zlib, NumPy, h5py and pyarrow raise for damaged files; pyarrow's own errors inherit from these.
DAMAGE = (
    *(
        ArithmeticError,
        AttributeError,
        EOFError,
        LookupError,
        MemoryError,
        OSError,
        RuntimeError,
        SyntaxError,
    ),
    *(TypeError, ValueError, csv.Error, struct.error, zipfile.BadZipFile, zlib.error),
)


OUT_OF_MEMORY = ("RESOURCE_EXHAUSTED", "OOM when allocating", "out of memory")


class InputError(ValueError):
    """Report unusable input in one line: what was received, what is allowed, the next step.

    The command line prints its message without a traceback and leaves with exit code 2.
    """


class NoAnnotations(InputError):
    """Report images without any labels: they can be predicted, not trained on."""


def unknown(kind: str, received: str, allowed: Iterable[str]) -> InputError:
    """Return the error for a name that is not in a list, with its nearest match first.

    Args:
        kind: what the name stands for, in the singular ("backbone").
        received: the name as it was given.
        allowed: every name that would have done.

    Example:
        >>> print(unknown("backbone", "vg16", ["resnet50", "vgg16"]))
        unknown backbone 'vg16': did you mean 'vgg16'? Allowed: resnet50, vgg16
    """
    received = received[:60]  # a field of a damaged file may be thousands of letters long
    names = sorted(allowed)
    near = difflib.get_close_matches(received, names[:1000], n=1, cutoff=0.5)  # seconds for more
    hint = f"did you mean '{near[0]}'? " if near else ""
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    said = ", ".join(names[:SHOWN_NAMES]) or "none here"
    return InputError(f"unknown {kind} '{received}': {hint}Allowed: {said}{more}")


def disk_full(error: BaseException | None) -> str:
    """Return why a file could not be written if the disk, a quota or a limit of file sizes is the reason, else "".

    TensorFlow and HDF5 raise errors of their own, which only name the reason.

    Example:
        >>> disk_full(OSError(28, "No space left on device")), disk_full(OSError(2, "No such file or directory"))
        ('No space left on device', '')
    """
    reasons = {number: os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)}
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno in reasons:
            return reasons[error.errno]
        for reason in reasons.values():
            if reason.lower() in str(error).lower():
                return reason
        error = error.__cause__ or error.__context__
    return ""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether a step ran out of memory, whatever the backend calls it.

    Example:
        >>> is_out_of_memory(RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes"))
        True
        >>> is_out_of_memory(RuntimeError("shapes do not match"))
        False
    """
    said = str(error).lower()
    named = isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"
    return named or any(words.lower() in said for words in OUT_OF_MEMORY)
