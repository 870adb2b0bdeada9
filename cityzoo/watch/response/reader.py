"""Read response plans from YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import time, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cityzoo.errors import InputError, escape_control, shorten, unknown
from cityzoo.watch.response.plan import Action, Level, Plan

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FIELDS = ("type", "camera", "zone", "line", "rule", "severity", "class")
ACTIONS = ("webhook", "mqtt", "mail", "clip", "signals", "person")
STATES = ("raised", "released")
KEYS = {
    "the file": ("timezone", "plans"),
    "a plan": ("name", "on", "do", "cooldown", "escalate"),
    "on": (*FIELDS, "state", "between", "days"),
    "a level": ("after", "do"),
    "an action": ACTIONS,
    "mqtt": ("topic", "message"),
}
SECONDS = {"s": 1, "min": 60, "h": 3600}


def read_plans(path: Path) -> tuple[Plan, ...]:
    """Read a file of response plans.

    Raises:
        InputError: not there, damaged, or with unknown keys or values.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"'{path}' cannot be read ({error.strerror}): give response plans as YAML"
        ) from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"'{path}' is no YAML ({reason}): correct it") from error
    try:
        return parse_plans(content)
    except InputError as error:
        raise InputError(shorten(escape_control(f"'{path}': {error}"))) from error


def parse_plans(content: Any) -> tuple[Plan, ...]:
    """Make plans from the content of a file.

    Raises:
        InputError: as `read_plans`.

    Example:
        >>> plan = {"name": "jam", "on": {"type": "congestion"}, "do": [{"person": "officer"}], "cooldown": "10min"}
        >>> parse_plans({"plans": [plan]})[0].cooldown
        600.0
    """
    values = _check_keys(content, "the file")
    zone = _parse_zone(values.get("timezone"))
    plans = tuple(_parse_plan(item, zone) for item in _list(values.get("plans"), "plans"))
    if not plans:
        raise InputError("no plans: give 'plans: [...]'")
    names = [plan.name for plan in plans]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two plans are named '{name}': give each its own name")
    return plans


def _parse_plan(item: Any, zone: tzinfo | None) -> Plan:
    values = _check_keys(item, "a plan")
    name = values.get("name")
    if not isinstance(name, str) or not name.strip():
        raise InputError("a plan has no name: give 'name: ...'")
    where = f"plan '{name[:40]}'"
    on = _check_keys(values.get("on") or {}, "on", where)
    state = str(on.get("state", STATES[0]))
    if state not in STATES:
        raise unknown(f"state of {where}", state, STATES)
    return Plan(
        name=name,
        patterns={field: _names(on[field], f"{where}: {field}") for field in FIELDS if field in on},
        state=state,
        days=_parse_days(on.get("days"), where),
        between=_parse_between(on.get("between"), where),
        levels=_parse_levels(values, where),
        cooldown=parse_span(values["cooldown"], f"{where}: cooldown") if "cooldown" in values else 0.0,
        zone=zone,
    )


def _parse_levels(values: Mapping[str, Any], where: str) -> tuple[Level, ...]:
    levels = [Level(0.0, _parse_actions(values.get("do"), where))]
    for entry in _list(values.get("escalate"), f"{where}: escalate"):
        level = _check_keys(entry, "a level", where)
        after = parse_span(level.get("after"), f"{where}: after")
        if after <= levels[-1].after:
            raise InputError(f"{where}: give the levels of 'escalate' in the order of their times 'after'")
        levels.append(Level(after, _parse_actions(level.get("do"), where)))
    return tuple(levels)


def _parse_actions(value: Any, where: str) -> tuple[Action, ...]:
    actions = [
        Action(kind, _parse_target(kind, target, where))
        for item in _list(value, f"{where}: do")
        for kind, target in _check_keys(item, "an action", where).items()
    ]
    if not actions:
        raise InputError(f"{where} does nothing: give 'do: [...]' with {', '.join(ACTIONS)}")
    return tuple(actions)


def _parse_target(kind: str, target: Any, where: str) -> Any:
    if kind in ("mail", "clip"):
        return _names(target, f"{where}: {kind}")
    if kind == "mqtt":
        values = _check_keys(target, "mqtt", where)
        topic = values.get("topic")
        if not isinstance(topic, str) or not topic or set(topic) & set("+#\0") or len(topic) > 1000:
            raise InputError(f"{where}: mqtt needs a topic without + and #, e.g. {{topic: city/signs/7}}")
        return values
    if kind == "signals":
        if not isinstance(target, Mapping) or not target.get("junction") or not target.get("program"):
            raise InputError(f"{where}: signals need {{junction: ..., program: ...}}")
        return dict(target)
    if not isinstance(target, str) or not target.strip():
        raise InputError(f"{where}: {kind} is {str(target)[:40]!r}: expected a text")
    return target


def parse_span(value: Any, where: str) -> float:
    """Return a time such as 30s, 10min or 2h in seconds.

    Raises:
        InputError: something else, or not above 0.

    Example:
        >>> parse_span("10min", "cooldown")
        600.0
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?) *(s|min|h)", str(value).strip())
    if not found or not float(found[1]):
        raise InputError(f"{where} is {str(value)[:40]!r}: expected a time above 0, e.g. 30s, 10min or 2h")
    return float(found[1]) * SECONDS[found[2]]


def _parse_days(value: Any, where: str) -> tuple[int, ...]:
    days = _names(value, f"{where}: days") if value is not None else ()
    for day in days:
        if day not in DAYS:
            raise unknown(f"day of {where}", day, DAYS)
    return tuple(DAYS.index(day) for day in days)


def _parse_between(value: Any, where: str) -> tuple[time, time] | None:
    if value is None:
        return None
    try:
        start, end = (time.fromisoformat(part.strip()) for part in str(value).split("-"))
    except ValueError:
        start = end = time()
    if start == end:
        raise InputError(f"{where}: between is '{str(value)[:40]}': expected two times, e.g. '22:00-06:00'")
    return start, end


def _parse_zone(value: Any) -> tzinfo | None:
    try:
        return ZoneInfo(value) if value is not None else None
    except (ValueError, OSError, TypeError, AttributeError, KeyError) as error:
        raise InputError(
            f"timezone '{str(value)[:40]}' is not known: give one such as Europe/Vienna"
        ) from error


def _names(value: Any, where: str) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(name, (str, int)) and str(name).strip() for name in values):
        raise InputError(f"{where} is {str(value)[:40]!r}: expected a name or a list of names")
    return tuple(str(name) for name in values)


def _check_keys(item: Any, kind: str, where: str = "") -> dict[str, Any]:
    place = f"{where}: {kind}" if where else kind
    if not isinstance(item, Mapping):
        raise InputError(f"{place} is {str(item)[:40]!r}: expected keys and values ({', '.join(KEYS[kind])})")
    # YAML 1.1 reads the key `on` as true.
    named = {"on" if key is True else str(key): value for key, value in item.items()}
    for key in named:
        if key not in KEYS[kind]:
            raise unknown(f"key of {place}", key, KEYS[kind])
    return named


def _list(value: Any, where: str) -> Sequence[Any]:
    if value is not None and not isinstance(value, list):
        raise InputError(f"{where}: expected a list, every entry after a '-', not {str(value)[:40]!r}")
    return value or []
