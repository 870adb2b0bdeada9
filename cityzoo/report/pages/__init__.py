"""What a report page shows: one file per page, with `layout(report, class_names)`; outputs name theirs."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

from cityzoo.errors import unknown
from cityzoo.report.layout import Layout

WITHOUT_LAYOUT = ("repeats", "shared")


def find(name: str) -> Callable[[Mapping[str, Any], tuple[str, ...]], Layout]:
    """Return the `layout` function of a page.

    Raises:
        InputError: no such page.

    Example:
        >>> find("counting")({}, ("car",)).cards[0].key
        'mae'
    """
    names = {module.name for module in pkgutil.iter_modules(__path__)} - {*WITHOUT_LAYOUT}
    if name not in names:
        raise unknown("report page", name, names)
    return importlib.import_module(f"{__name__}.{name}").layout
