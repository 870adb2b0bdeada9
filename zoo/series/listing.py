"""What the backbones of series are, a line each."""

from __future__ import annotations

import importlib

from zoo.series.build import names


def rows() -> dict[str, str]:
    """Return name -> the first line of what its file says of it.

    Example:
        >>> rows()["stid"].startswith("STID")
        True
    """
    return {
        name: (importlib.import_module(f"zoo.series.{name}").__doc__ or name).splitlines()[0]
        for name in names()
    }
