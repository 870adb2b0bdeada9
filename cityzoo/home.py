"""Where cityzoo keeps what it makes once: demo pictures, exported data sets, facts about pictures."""

from __future__ import annotations

import os
from pathlib import Path


def cache_home() -> Path:
    """Return the folder: CITYZOO_HOME, else ~/.cache/cityzoo. It need not exist yet.

    Example:
        >>> isinstance(cache_home(), Path)
        True
    """
    return Path(os.environ.get("CITYZOO_HOME") or Path.home() / ".cache" / "cityzoo").expanduser()
