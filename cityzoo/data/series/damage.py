"""Files of numbers that may be damaged or hostile: errors of their libraries in one line, and bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cityzoo.errors import DAMAGE, InputError

LARGEST_BYTES = 1 << 30  # of an array, unless its file is not much smaller
RATIO = 50  # of an array's size to its share of the file, more than measurements are ever compressed


@contextmanager
def refuse_damage(place: str | Path, step: str) -> Iterator[None]:
    """Turn what libraries raise for damaged files into an InputError.

    Args:
        place: file, or file and array.
        step: what the user may do.

    Example:
        >>> with refuse_damage("roads.npz", "write it again"):
        ...     raise KeyError("data.npy")
        Traceback (most recent call last):
        ...
        cityzoo.errors.InputError: roads.npz cannot be read, it may be damaged (KeyError: 'data.npy'): write it again
    """
    try:
        yield
    except InputError:
        raise
    except DAMAGE as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        raise InputError(f"{place} cannot be read, it may be damaged ({reason}): {step}") from error


def require_bounded(size: int, stored: int, place: str | Path) -> None:
    """Raise InputError for an array of more than 1 GiB that takes a fraction of that in its file.

    Args:
        size: bytes of the array in memory.
        stored: bytes in the file.
    """
    if size > max(LARGEST_BYTES, RATIO * stored):
        raise InputError(
            f"{place} would take {size / 2**30:.3g} GiB in memory from {stored:,} bytes in the file: write it as an "
            "array without fill values"
        )
