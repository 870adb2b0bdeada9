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
    """Read a requirement.

    Raises:
        InputError: not METRIC>=NUMBER.

    Example:
        >>> print(parse_requirement("AP50>=0.6"), "|", parse_requirement("per_class/car/AP50 > .5"))
        AP50 >= 0.6 | per_class/car/AP50 > 0.5
    """
    found = WRITTEN.fullmatch(text)
    try:
        if found is None:
            raise ValueError(text)
        return QualityGate(found["place"], found["way"], float(found["bound"]))
    except ValueError as error:
        raise InputError(
            f"'{text}' is not a requirement: give METRIC>=NUMBER (or <=, >, <), in quotes, e.g. \"AP50>=0.6\" or "
            '"per_class/car/AP50>=0.5"'
        ) from error


def failed_gates(report: Mapping[str, Any], gates: Sequence[QualityGate]) -> list[QualityGate]:
    """Return the requirements that a report does not meet, and log each; a metric without a value meets none.

    Raises:
        InputError: the report has no such metric.
    """
    failed = []
    for gate in gates:
        value = _metric(report, gate.place)
        met = value is not None and WAYS[gate.way](value, gate.bound)
        shown = "nothing to measure" if value is None else f"{value:.6g}"
        LOG.info("required %s: %s (%s)", gate, "met" if met else "NOT MET", shown)
        failed += [] if met else [gate]
    return failed


def _metric(report: Mapping[str, Any], place: str) -> float | None:
    # None is a metric that could not be measured; a missing key is a mistake of the caller.
    holder, _, last = place.rpartition("/")
    parent = look_up(report, holder) if holder else report
    value = look_up(report, place)
    if _is_number(value) or (value is None and isinstance(parent, Mapping) and last in parent):
        return value
    rows = {"": report, **(report.get("per_class") or {})}
    known = [
        pointer("per_class", name, key) if name else key
        for name, row in rows.items()
        for key, number in row.items()
        if _is_number(number)
    ]
    raise unknown("metric of --require", place, known)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
