"""Memory that was freed and that the process still holds."""

from __future__ import annotations

import contextlib
import ctypes
import gc


def release_memory() -> None:
    """Return freed memory to the operating system; does nothing where the C library is not glibc.

    Probes and warm-up of a model take several times what its requests take, and so does a model that was closed.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
