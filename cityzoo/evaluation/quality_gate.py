"""What a report has to show for a city's CI to go on: --require "AP50>=0.6"."""

from __future__ import annotations

import logging
import operator
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cityzoo.errors import InputError, unknown
from cityzoo.metrics.keys import look_up, pointer

LOG = logging.getLogger(__name__)
WAYS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
WRITTEN = re.compile(r"\s*(?P<place>[^<>=]+?)\s*(?P<way>>=|<=|>|<)\s*(?P<bound>[^<>=\s]+)\s*")


class QualityGate(NamedTuple):
    """One bound: the place of a metric in report.json, a comparison, and a number."""

    place: str
    way: str
    bound: float

    def __str__(self) -> str:
        return f"{self.place} {self.way} {self.bound:g}"


def parse_requirement(text: str) -> QualityGate:
    """Read a wish.

    Raises:
        InputError: not FIGURE>=NUMBER.

    Example:
        >>> print(parse_requirement("AP50>=0.6"), "|", parse_requirement("per_class/car/AP50 > .5"))
        AP50 >= 0.6 | per_class/car/AP50 > 0.5
    """
    found = WRITTEN.fullmatch(text)
    try:
        return QualityGate(found["place"], found["way"], float(found["bound"]))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"'{text}' is no requirement: give FIGURE>=NUMBER (or <=, >, <), in quotes, e.g. \"AP50>=0.6\" or "
            '"per_class/car/AP50>=0.5"'
        ) from error


def failed_gates(report: Mapping[str, Any], wishes: Sequence[QualityGate]) -> list[QualityGate]:
    """Return the wishes that a report does not meet, and say of each whether it does.

    A figure that the images leave without a value meets nothing.

    Raises:
        InputError: a figure that the report does not have.

    Example:
        >>> failed_gates({"AP50": 0.7}, [QualityGate("AP50", ">=", 0.6)])
        []
    """
    missed = []
    for wish in wishes:
        value = _figure(report, wish.place)
        met = value is not None and WAYS[wish.way](value, wish.bound)
        shown = "nothing to measure" if value is None else f"{value:.6g}"
        LOG.info("required %s: %s (%s)", wish, "met" if met else "NOT MET", shown)
        if not met:
            missed.append(wish)
    return missed


def _figure(report: Mapping[str, Any], place: str) -> float | None:
    # A figure that has nothing to measure is there as None; one that is not there is a mistake of the caller.
    holder = look_up(report, place.rpartition("/")[0]) if "/" in place else report
    last = place.rpartition("/")[2]
    value = look_up(report, place)
    there = value is not None or (isinstance(holder, Mapping) and last in holder)
    if not there or isinstance(value, bool | str | Mapping | list):
        raise unknown("figure of --require", place, _figures(report))
    return value


def _figures(report: Mapping[str, Any]) -> list[str]:
    found = [name for name, value in report.items() if _is_number(value)]
    for name, row in (report.get("per_class") or {}).items():
        found += [pointer("per_class", name, key) for key, value in row.items() if _is_number(value)]
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
