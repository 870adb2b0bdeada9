"""Read policies from a YAML or JSON file or a list, and validate them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from augment.policy import FIT_NAMES, Policy, Step, closest_name
from augment.registry import STRENGTH, TRANSFORMS, Transform, Value, load_transforms

SUFFIXES = (".yaml", ".yml", ".json")
FIT_KEYS = ("policy", "box_rule", "min_visible", "pick", "mix_until")
SHAPE = "a policy is a list of entries such as {transform: rotate, degrees: [-10, 10], probability: 0.5}"


def read_policy(path: str) -> Policy:
    """Read a policy file; the policy is named after the file.

    Raises:
        ValueError: no such file, not YAML or JSON, or not a policy; see `policy_from_list`.
    """
    import yaml

    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ValueError(
            f"policy file '{path}' cannot be read ({reason}): give a .yaml or .json file"
        ) from error
    try:
        entries = json.loads(text) if path.endswith(".json") else yaml.safe_load(text)
    except (json.JSONDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"policy file '{path}' is neither YAML nor JSON: {reason}") from error
    try:
        return policy_from_list(entries, name=Path(path).stem)
    except ValueError as error:
        raise ValueError(f"policy file '{path}': {error}") from error


def policy_from_list(entries: Sequence[Mapping[str, Any]], name: str = "custom") -> Policy:
    """Return the policy of a list of plain values, as `Policy.describe` writes it.

    Args:
        entries: a dict for each step: `transform`, optionally `probability`, and a [low, high] range for each
            value of the transform, or for `strength`. An entry whose transform is `letterbox` or `stretch` sets
            the fit, and optionally `box_rule`, `min_visible`, `pick`, `mix_until`, and `policy`, the name.
        name: name of the policy if no entry sets it.

    Raises:
        ValueError: invalid entry; the message names the entry, the value and the allowed range.

    Example:
        >>> policy_from_list([{"transform": "rotate", "degrees": [-5, 5]}]).steps[0].ranges
        {'degrees': (-5.0, 5.0)}
        >>> policy_from_list([{"transform": "rotate", "degrees": [5, -5]}])
        Traceback (most recent call last):
        ValueError: 'rotate': degrees is [5, -5], with the lower limit above the upper: write [-5, 5]
    """
    if not isinstance(entries, Sequence) or not all(isinstance(entry, Mapping) for entry in entries):
        raise ValueError(f"got {type(entries).__name__} '{str(entries)[:60]}': {SHAPE}")
    fit: dict[str, Any] = {}
    steps = []
    for number, entry in enumerate(entries, 1):
        if "transform" not in entry:
            raise ValueError(f"entry {number} has no 'transform': {SHAPE}")
        if entry["transform"] in FIT_NAMES:
            fit = _fit(entry)
        else:
            steps.append(_step(entry))
    policy = Policy(str(fit.pop("policy", name)), tuple(steps), **fit)
    check(policy)
    return policy


def _fit(entry: Mapping[str, Any]) -> dict[str, Any]:
    fit = {key: value for key, value in entry.items() if key != "transform"}
    for key in fit:
        if key not in FIT_KEYS:
            raise ValueError(
                f"'{entry['transform']}': unknown key '{key}': {closest_name(key, FIT_KEYS)}"
                f"Allowed: {', '.join(FIT_KEYS)}"
            )
    return {"fit": entry["transform"], **fit}


def _step(entry: Mapping[str, Any]) -> Step:
    name, rest = str(entry["transform"]), dict(entry)
    rest.pop("transform")
    probability = rest.pop("probability", 1.0)
    return Step(name, {key: _range(name, key, value) for key, value in rest.items()}, probability)


def _range(transform: str, value: str, received: Any) -> tuple[float, float]:
    # One number is a range of zero width.
    limits = [received, received] if _is_number(received) else received
    if not isinstance(limits, Sequence) or len(limits) != 2 or not all(map(_is_number, limits)):
        raise ValueError(f"'{transform}': {value} is {received!r}, expected a range [low, high]")
    low, high = map(float, limits)
    if low > high:
        raise ValueError(
            f"'{transform}': {value} is {list(limits)}, with the lower limit above the upper: "
            f"write {list(reversed(limits))}"
        )
    return low, high


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def check(policy: Policy) -> None:
    """Validate every step of a policy.

    Raises:
        ValueError: unknown transform, box rule or value, missing value, or value out of range.
    """
    from augment.affine import BOX_RULES

    load_transforms()

    for step in policy.steps:
        if step.transform not in TRANSFORMS:
            raise ValueError(
                f"unknown transform '{step.transform}': {closest_name(step.transform, TRANSFORMS)}"
                f"Allowed: {', '.join(sorted(TRANSFORMS))}"
            )
        _check_number(step.transform, "probability", step.probability, 0.0, 1.0)
        _check_ranges(TRANSFORMS[step.transform], step.ranges)
    if policy.box_rule not in BOX_RULES:
        raise ValueError(f"unknown box_rule '{policy.box_rule}': allowed are {', '.join(BOX_RULES)}")
    _check_number(policy.fit, "min_visible", policy.min_visible, 0.0, 1.0)
    _check_number(policy.fit, "mix_until", policy.mix_until, 0.0, 1.0)
    if policy.pick is not None and policy.pick not in range(len(policy.steps) + 1):
        raise ValueError(
            f"'{policy.fit}': pick is {policy.pick!r}, allowed are 0 to {len(policy.steps)} steps"
        )


def _check_number(transform: str, name: str, received: Any, low: float, high: float) -> None:
    if not _is_number(received) or not low <= received <= high:
        raise ValueError(f"'{transform}': {name} is {received!r}, allowed is {low:g} to {high:g}")


def values_of(transform: Transform, ranges: Mapping[str, Any]) -> dict[str, Value]:
    """Return what a step samples: its `strength`, or every value of its transform."""
    if "strength" in ranges:
        return {"strength": STRENGTH} | {n: v for n, v in transform.values.items() if v.neutral == v.full}
    return transform.values


def _check_ranges(transform: Transform, ranges: Mapping[str, Any]) -> None:
    values = values_of(transform, ranges)
    for name, limits in ranges.items():
        if name not in values:
            allowed = ", ".join([*transform.values, "strength", "probability"])
            raise ValueError(
                f"'{transform.name}': unknown value '{name}': {closest_name(name, transform.values)}Allowed: {allowed}"
            )
        for limit in _range(transform.name, name, limits):
            _check_number(transform.name, name, limit, values[name].low, values[name].high)
    for name, value in values.items():
        if name not in ranges and value.neutral != value.full:
            raise ValueError(
                f"'{transform.name}': {name} is missing: give a range [low, high] "
                f"within {value.low:g} to {value.high:g}, or a strength within 0 to 1"
            )
