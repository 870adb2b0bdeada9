"""What a report page shows: one file per page, with `layout(report, class_names)`; outputs name theirs."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

from cityzoo.errors import unknown
from cityzoo.report.layout import Layout

ModelCard = dict[str, list[str]]


def find_model_card(name: str) -> Callable[[Mapping[str, Any], str], ModelCard]:
    """Return the function (report, task summary) -> model card of a page: its own, or the usual one."""
    from cityzoo.report import model_card

    page = importlib.import_module(f"{__name__}.{name}")
    return getattr(page, "model_card", model_card.model_card)


def find(name: str) -> Callable[[Mapping[str, Any], tuple[str, ...]], Layout]:
    """Return the `layout` function of a page.

    Raises:
        InputError: no such page.

    Example:
        >>> find("counting")({}, ("car",)).cards[0].key
        'mae'
    """
    names = {module.name for module in pkgutil.iter_modules(__path__)} - {"shared"}
    if name not in names:
        raise unknown("report page", name, names)
    return importlib.import_module(f"{__name__}.{name}").layout
