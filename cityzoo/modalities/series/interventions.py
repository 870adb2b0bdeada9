"""Measurements that are hidden or shifted: whether forecasts of a sensor depend on itself, its neighbors, or others.

Each window watches some sensors. What is done to their history and to their neighbors' is compared with the same done
to sensors that are no neighbors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cityzoo.data.series.windows import WindowSet
from cityzoo.modalities.model_checks import Intervention

MOST_NEIGHBORS = 3  # of a sensor that are changed
MOST_WATCHED = 8  # sensors of a window, and at most one of 8


def watch(examples: WindowSet) -> np.ndarray:
    """Return the sensors that each window watches, (W, K) int: other ones at each step of the series."""
    series, count = examples.series, len(examples.series.sensors)
    steps = (series.times[examples.origins] - series.times[0]).astype(np.int64) // series.step_seconds
    many = int(np.clip(count // MOST_WATCHED, 1, MOST_WATCHED))
    spread = np.arange(many) * count // many
    return (
        steps[:, None] * 7919 + spread
    ) % count  # a prime: windows that are evenly spread watch all of them


def score_windows(examples: WindowSet, results: Sequence[Any], output: Any) -> np.ndarray:
    """Return 1 minus the mean absolute error of watched sensors in standard deviations, (W,); NaN: not measured."""
    middle, watched, rows = output.quantiles.index(0.5), watch(examples), np.arange(len(examples))[:, None]
    found = np.stack(list(results))[rows, :, watched, middle].astype(np.float64)
    errors = np.abs(found - examples.targets()[rows, :, watched])
    known, both = np.isfinite(errors), (1, 2)
    mean = np.where(known, errors, 0).sum(axis=both) / np.maximum(known.sum(axis=both), 1)
    return np.where(known.any(axis=both), 1 - mean / examples.target_spread, np.nan)


def find_neighbors(examples: WindowSet) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the nearest neighbors of each sensor, and all sensors that are none: by roads, else by correlation.

    Correlations are those of the measurements before the split.
    """
    series, count = examples.series, len(examples.series.sensors)
    if series.adjacency is not None:
        near = np.maximum(series.adjacency, series.adjacency.T).astype(np.float64)
        linked = near > 0
    else:
        past = series.values[: examples.rows.start or None, :, 0].astype(np.float64)
        change = np.nan_to_num(np.diff(past, axis=0))
        spread = np.maximum(change.std(axis=0), 1e-9)
        near = (change - change.mean(axis=0)).T @ (change - change.mean(axis=0)) / len(change)
        near = near / np.outer(spread, spread)
        linked = near >= np.sort(near, axis=1)[:, -min(MOST_NEIGHBORS + 1, count)][:, None]
    linked = linked & ~np.eye(count, dtype=bool)
    others = ~linked & ~np.eye(count, dtype=bool)
    order = np.argsort(-near, axis=1, kind="stable")
    nearest = [row[linked[k][row]][:MOST_NEIGHBORS] for k, row in enumerate(order)]
    return nearest, [np.flatnonzero(row) for row in others]


def change_sensors(examples: WindowSet, seed: int) -> Iterator[Intervention]:
    """Yield windows whose history is hidden or shifted by a standard deviation; windows that overlap are left out.

    Args:
        examples: windows.
        seed: of the sensors that are no neighbors.
    """
    length = examples.history + examples.horizon
    rows: list[int] = []
    for row, origin in enumerate(examples.origins.tolist()):
        if origin - examples.history + 1 < examples.rows.start:
            continue  # what lies before the split stays as it is
        if not rows or origin - examples.origins[rows[-1]] >= length:
            rows.append(row)
    windows = replace(examples, origins=examples.origins[rows], window_counts=None)
    watched, (near, far) = watch(windows), find_neighbors(windows)
    rng = np.random.default_rng(seed)
    own, around, control_of_own, control = [], [], [], []
    for sensors in watched:
        neighbors = np.setdiff1d(np.concatenate([near[each] for each in sensors]), sensors)
        strangers = set.intersection(*(set(far[each].tolist()) for each in sensors))
        chosen = rng.permutation(sorted(strangers - set(sensors.tolist()))).astype(int)
        count = min(len(neighbors), len(chosen))
        own.append(sensors[: len(chosen)])
        control_of_own.append(chosen[: len(sensors)])
        around.append(neighbors[:count])
        control.append(chosen[:count])

    def make(name: str, what: Any, of: list[np.ndarray], than: list[np.ndarray], matters: bool) -> Any:
        kept = [k for k in range(len(rows)) if len(of[k]) and len(than[k])]
        changed, control = (_change(windows, kept, each, what) for each in (of, than))
        return Intervention(name, changed, control, [rows[k] for k in kept], matters) if kept else None

    spread = windows.target_spread
    made = (
        make("own history hidden", np.nan, own, control_of_own, True),
        make("neighbors hidden", np.nan, around, control, True),
        make("neighbors shifted by a standard deviation", spread, around, control, True),
        make("others shifted by a standard deviation", spread, control, around, False),
    )
    yield from (each for each in made if each is not None)


def _change(
    windows: WindowSet, kept: Sequence[int], sensors: Sequence[np.ndarray], shift: float
) -> WindowSet:
    """Return the kept windows with a shift, or NaN, added to the history of some sensors of each."""
    values = windows.series.values.copy()
    for row in kept:
        end = int(windows.origins[row]) + 1
        begin = end - windows.history
        values[begin:end, sensors[row], 0] += shift
        if np.isnan(shift):
            values[begin:end, sensors[row]] = np.nan
    return replace(
        windows, series=replace(windows.series, values=values), origins=windows.origins[list(kept)]
    )
