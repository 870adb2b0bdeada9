"""Where cityzoo keeps what it makes once: demo images, exported data sets, facts about images."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """Return the folder: CITYZOO_HOME, else ~/.cache/cityzoo. It need not exist yet.

    Example:
        >>> isinstance(cache_dir(), Path)
        True
    """
    return Path(os.environ.get("CITYZOO_HOME") or Path.home() / ".cache" / "cityzoo").expanduser()
