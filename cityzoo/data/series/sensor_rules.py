"""What is known of the values of sensors: bounds, and sums that flow in and out of a place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.cli.flag_files import read_mapping
from cityzoo.data.rule_entries import check_keys, require_list
from cityzoo.errors import InputError, unknown

KEYS = {
    "the rules": ("bounds", "conservation"),
    "a bound": ("sensors", "least", "most"),
    "a conservation": ("in", "out", "tolerance"),
}


@dataclass(frozen=True)
class SensorRules:
    """What is known of the values of a network of sensors.

    Attributes:
        least, most: (N,) float64 bounds of each sensor, in the unit of the forecast channel; infinite where unknown.
        balances: positions of sensors whose sums are equal, flowing in and out, and the share by which they may differ.

    Example:
        >>> rules = parse_sensor_rules(
        ...     {"bounds": [{"most": 90}], "conservation": [{"in": ["a"], "out": ["b", "c"], "tolerance": 0.1}]}, "abc"
        ... )
        >>> rules.count(np.array([[50.0, 30, 21], [50, 30, 10], [95, 50, np.nan]]))
        {'bounds': (1, 8), 'a = b + c': (1, 2)}
    """

    least: np.ndarray
    most: np.ndarray
    balances: Mapping[str, tuple[list[int], list[int], float]]

    def count(self, values: np.ndarray) -> dict[str, tuple[int, int]]:
        """Return for each rule how often values (..., N) break it, and how often it can be told; NaN: not measured."""
        known = np.isfinite(values)
        with np.errstate(invalid="ignore"):
            outside = known & ((values < self.least) | (values > self.most))
        found = {"bounds": (int(outside.sum()), int(known.sum()))}
        for name, (inward, outward, tolerance) in self.balances.items():
            sums = values[..., inward].sum(axis=-1), values[..., outward].sum(axis=-1)
            told = np.isfinite(sums[0]) & np.isfinite(sums[1])
            with np.errstate(invalid="ignore"):
                broken = told & (np.abs(sums[0] - sums[1]) > tolerance * np.maximum(*np.abs(sums)))
            found[name] = int(broken.sum()), int(told.sum())
        return found

    def clip(self, quantiles: np.ndarray) -> np.ndarray:
        """Return forecasts (horizon, N, quantiles) within the bounds."""
        return np.clip(quantiles, self.least[:, None], self.most[:, None]).astype(quantiles.dtype)


def parse_sensor_rule_file(text: str) -> Mapping[str, Any]:
    """Return the content of a file of rules.

    Raises:
        InputError: not there, or damaged.
    """
    return read_mapping(Path(text), KEYS["the rules"])


def parse_sensor_rules(content: Any, sensors: Sequence[str]) -> SensorRules:
    """Make rules from the content of a file.

    Raises:
        InputError: unknown keys or sensors, bounds without a value between them, a sensor on both sides of a balance.
    """
    rules = check_keys(content, "the rules", KEYS["the rules"])
    least, most = np.full(len(sensors), -np.inf), np.full(len(sensors), np.inf)
    for item in require_list(rules, "bounds"):
        values = check_keys(item, "a bound", KEYS["a bound"])
        rows = _find_sensors(values, "sensors", sensors) if values.get("sensors") else range(len(sensors))
        low, high = (_number(values, key, default) for key, default in (("least", -np.inf), ("most", np.inf)))
        for row in rows:
            least[row], most[row] = max(least[row], low), min(most[row], high)
            if least[row] > most[row]:
                raise InputError(
                    f"bounds of sensor '{sensors[row]}': least {least[row]:g} is above most {most[row]:g}: correct them"
                )
    balances = {}
    for item in require_list(rules, "conservation"):
        values = check_keys(item, "a conservation", KEYS["a conservation"])
        inward, outward = (_find_sensors(values, key, sensors) for key in ("in", "out"))
        if both := set(inward) & set(outward):
            raise InputError(
                f"sensor '{sensors[both.pop()]}' flows in and out of one place: remove one of both"
            )
        tolerance = _number(values, "tolerance", 0.1)
        if not 0 <= tolerance < 1:
            raise InputError(f"tolerance {tolerance:g}: give a share of 0 to below 1, e.g. 0.1")
        sides = (" + ".join(sensors[row] for row in rows) for rows in (inward, outward))
        balances[" = ".join(sides)] = (inward, outward, tolerance)
    if not balances and not (np.isfinite(least) | np.isfinite(most)).any():
        raise InputError("the rules are empty: give bounds or conservation")
    return SensorRules(least, most, balances)


def _find_sensors(values: Mapping[str, Any], key: str, sensors: Sequence[str]) -> list[int]:
    names = [str(name) for name in require_list(values, key)]
    if not names:
        raise InputError(f"{key}: give at least one sensor")
    for name in names:
        if name not in sensors:
            raise unknown("sensor of the rules", name, sensors)
    return [list(sensors).index(name) for name in names]


def _number(values: Mapping[str, Any], key: str, default: float) -> float:
    value = values.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or np.isnan(value):
        raise InputError(f"{key} {str(value)[:40]!r}: expected a number")
    return float(value)
