"""The one error for unusable input."""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Iterable


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
    near = difflib.get_close_matches(received, names, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return InputError(f"unknown {kind} '{received}': {hint}Allowed: {', '.join(names)}")


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
