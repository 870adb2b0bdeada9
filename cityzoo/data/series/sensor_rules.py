"""What is known of the values of sensors: bounds, directions, and sums that flow in and out of a place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.cli.flag_files import read_mapping
from cityzoo.data.rule_entries import check_keys, require_list
from cityzoo.data.series.series import carry_forward
from cityzoo.errors import InputError, unknown

KEYS = {
    "the rules": ("bounds", "conservation", "monotone"),
    "a bound": ("sensors", "least", "most"),
    "a conservation": ("in", "out", "tolerance"),
    "a monotone": ("sensors", "direction"),
}
DIRECTIONS = {"rising": 1, "falling": -1}


@dataclass(frozen=True)
class SensorRules:
    """What is known of the values of a network of sensors.

    Attributes:
        least, most: (N,) float64 bounds of each sensor, in the unit of the forecast channel; infinite where unknown.
        balances: positions of sensors whose sums are equal, flowing in and out, and the share by which they may differ.
        directions: (N,) int, 1 for sensors that never fall from one row to the next, -1 for those that never rise,
            else 0.

    Example:
        >>> rules = parse_sensor_rules(
        ...     {"bounds": [{"most": 90}], "conservation": [{"in": ["a"], "out": ["b", "c"], "tolerance": 0.1}]}, "abc"
        ... )
        >>> rules.count(np.array([[50.0, 30, 21], [50, 30, 10], [95, 50, np.nan]]))
        {'bounds': (1, 8), 'a = b + c': (1, 2)}
    """

    least: np.ndarray
    most: np.ndarray
    balances: Mapping[str, tuple[Sequence[int], Sequence[int], float]]
    directions: np.ndarray

    def count(self, values: np.ndarray, last: np.ndarray | None = None) -> dict[str, tuple[int, int]]:
        """Return for each rule how often values (..., rows, N) break it, and how often it can be told.

        Args:
            values: in the unit of the forecast channel; NaN: not measured. A step leads from the last measured row.
            last: (..., N), the row before these, for steps alone; None: unknown.
        """
        found = {}
        if np.isfinite([self.least, self.most]).any():
            known = np.isfinite(values)
            with np.errstate(invalid="ignore"):
                outside = known & ((values < self.least) | (values > self.most))
            found["bounds"] = int(outside.sum()), int(known.sum())
        for name, (inward, outward, tolerance) in self.balances.items():
            sums = values[..., inward].sum(axis=-1), values[..., outward].sum(axis=-1)
            told = np.isfinite(sums[0]) & np.isfinite(sums[1])
            with np.errstate(invalid="ignore"):
                broken = told & (np.abs(sums[0] - sums[1]) > tolerance * np.maximum(*np.abs(sums)))
            found[name] = int(broken.sum()), int(told.sum())
        if self.directions.any():
            rows = values if last is None else np.concatenate([last[..., None, :], values], axis=-2)
            steps = (rows[..., 1:, :] - carry_forward(rows)[..., :-1, :]) * self.directions
            told = np.isfinite(steps) & (self.directions != 0)
            found["monotone"] = int((told & (steps < 0)).sum()), int(told.sum())
        return found

    def clip(self, quantiles: np.ndarray, last: np.ndarray | None = None) -> np.ndarray:
        """Return forecasts (horizon, N, quantiles) within the bounds, and on from `last` (N,) in their directions."""
        found = np.clip(quantiles, self.least[:, None], self.most[:, None])
        for way, run in ((1, np.fmax), (-1, np.fmin)):
            (own,) = np.nonzero(self.directions == way)
            if last is not None and len(own):
                begin = np.clip(last, self.least, self.most)[own, None]
                found[0, own] = run(found[0, own], begin)
            found[:, own] = run.accumulate(found[:, own], axis=0)
        return found.astype(quantiles.dtype)


def parse_sensor_rule_file(text: str) -> Mapping[str, Any]:
    """Return the content of a file of rules.

    Raises:
        InputError: not there, or damaged.
    """
    return read_mapping(Path(text), KEYS["the rules"])


def parse_sensor_rules(content: Any, sensors: Sequence[str]) -> SensorRules:
    """Make rules from the content of a file.

    Raises:
        InputError: unknown keys or sensors, bounds without a value between them, a sensor on both sides of a balance
            or in both directions.
    """
    rules = check_keys(content, "the rules", KEYS["the rules"])
    least, most = np.full(len(sensors), -np.inf), np.full(len(sensors), np.inf)
    for item in require_list(rules, "bounds"):
        values = check_keys(item, "a bound", KEYS["a bound"])
        rows = _find_sensors(values, "sensors", sensors, range(len(sensors)))
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
    directions = _parse_directions(rules, sensors)
    if not balances and not (np.isfinite(least) | np.isfinite(most) | (directions != 0)).any():
        raise InputError("the rules are empty: give bounds, conservation or monotone")
    return SensorRules(least, most, balances, directions)


def _parse_directions(rules: Mapping[str, Any], sensors: Sequence[str]) -> np.ndarray:
    found = np.zeros(len(sensors), int)
    for item in require_list(rules, "monotone"):
        values = check_keys(item, "a monotone", KEYS["a monotone"])
        word = str(values.get("direction"))
        if word not in DIRECTIONS:
            raise unknown("direction of a monotone", word, [*DIRECTIONS])
        for row in _find_sensors(values, "sensors", sensors, range(len(sensors))):
            if found[row] == -DIRECTIONS[word]:
                raise InputError(
                    f"sensor '{sensors[row]}' is to rise and to fall: remove one of both directions"
                )
            found[row] = DIRECTIONS[word]
    return found


def _find_sensors(
    values: Mapping[str, Any], key: str, sensors: Sequence[str], default: Sequence[int] = ()
) -> Sequence[int]:
    names = [str(name) for name in require_list(values, key)]
    if not names and default:
        return default
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
