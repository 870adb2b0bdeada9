"""HOTA, IDF1 and MOTA of tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cityzoo.watch.evaluate.mot_rows import MotRows
from cityzoo.watch.tracking.assignment import compute_overlaps

ALPHAS = np.arange(0.05, 0.99, 0.05)  # overlaps at which HOTA is averaged
LEAST = 0.5  # overlap of a match of IDF1 and MOTA
CONTINUED = 1000.0  # weight of a match that continues the last one


@dataclass(frozen=True)
class _Frame:
    """True and found objects of a frame by position of their track, with their overlaps."""

    true: np.ndarray
    found: np.ndarray
    overlaps: np.ndarray  # (true, found)


def evaluate_tracks(true: MotRows, found: MotRows, frames: Sequence[int]) -> dict[str, float]:
    """Return HOTA, DetA, AssA, IDF1, MOTA, all up to 1, and the number of id switches.

    Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking", IJCV 2021,
    https://arxiv.org/abs/2009.07736; Ristani et al., "Performance Measures and a Data Set for Multi-Target,
    Multi-Camera Tracking", 2016, https://arxiv.org/abs/1609.01775 (IDF1); Bernardin and Stiefelhagen, "Evaluating
    Multiple Object Tracking Performance", 2008 (MOTA).

    Args:
        true: labeled tracks.
        found: tracks of the watch.
        frames: numbers of the frames that were watched.

    Example:
        >>> rows = np.array([[frame, 1, 10 * frame, 0, 20, 20, 1, 1] for frame in range(1, 5)])
        >>> switched = rows.copy()
        >>> switched[2:, 1] = 2
        >>> {k: round(v, 2) for k, v in evaluate_tracks(MotRows(rows), MotRows(switched), range(1, 5)).items()}
        {'HOTA': 0.71, 'DetA': 1.0, 'AssA': 0.5, 'IDF1': 0.5, 'MOTA': 0.75, 'id_switches': 1}
    """
    places = {int(number): k for k, number in enumerate(np.unique(true.ids))}
    columns = {int(number): k for k, number in enumerate(np.unique(found.ids))}
    items = []
    for frame in frames:
        (ids, boxes, _), (others, rest, _) = true.select(frame), found.select(frame)
        rows = np.array([places[int(k)] for k in ids], int)
        cells = np.array([columns[int(k)] for k in others], int)
        items.append(_Frame(rows, cells, compute_overlaps(boxes, rest)))
    shape = (len(places), len(columns))
    return {**_hota(items, shape), "IDF1": _idf1(items, shape), **_mota(items, shape[0])}


def _assign(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(weights, maximize=True)
    return rows, columns


def _lengths(items: Sequence[_Frame], shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    true = sum((np.bincount(item.true, minlength=shape[0]) for item in items), np.zeros(shape[0]))
    found = sum((np.bincount(item.found, minlength=shape[1]) for item in items), np.zeros(shape[1]))
    return true, found


def _hota(items: Sequence[_Frame], shape: tuple[int, int]) -> dict[str, float]:
    true, found = _lengths(items, shape)
    shared = np.zeros(shape)
    for item in items:
        total = item.overlaps.sum(0, keepdims=True) + item.overlaps.sum(1, keepdims=True) - item.overlaps
        shared[np.ix_(item.true, item.found)] += np.where(
            total > 1e-9, item.overlaps / np.maximum(total, 1e-9), 0
        )
    alignment = shared / np.maximum(true[:, None] + found[None, :] - shared, 1e-9)
    matches = np.zeros((len(ALPHAS), *shape))
    for item in items:
        rows, columns = _assign(alignment[np.ix_(item.true, item.found)] * item.overlaps)
        for row, column in zip(rows, columns, strict=True):
            is_match = item.overlaps[row, column] >= ALPHAS - 1e-9
            matches[is_match, item.true[row], item.found[column]] += 1
    hits = matches.sum((1, 2))
    detected = hits / np.maximum(true.sum() + found.sum() - hits, 1)
    shares = matches / np.maximum(true[:, None] + found[None, :] - matches, 1)
    associated = (matches * shares).sum((1, 2)) / np.maximum(hits, 1)
    return {
        "HOTA": float(np.sqrt(detected * associated).mean()),
        "DetA": float(detected.mean()),
        "AssA": float(associated.mean()),
    }


def _idf1(items: Sequence[_Frame], shape: tuple[int, int]) -> float:
    true, found = _lengths(items, shape)
    matches = np.zeros(shape)
    for item in items:
        matches[np.ix_(item.true, item.found)] += item.overlaps >= LEAST
    hits = matches[_assign(matches)].sum()
    return float(2 * hits / max(true.sum() + found.sum(), 1))


def _mota(items: Sequence[_Frame], count: int) -> dict[str, float]:
    last, before = np.full(count, -1), np.full(count, -1)  # partner at any time, in the frame before
    hits = switches = missed = false = 0
    for item in items:
        weights = item.overlaps + CONTINUED * (before[item.true][:, None] == item.found[None, :])
        rows, columns = _assign(np.where(item.overlaps >= LEAST - 1e-9, weights, 0))
        kept = item.overlaps[rows, columns] >= LEAST - 1e-9
        objects, partners = item.true[rows[kept]], item.found[columns[kept]]
        switches += int(((last[objects] >= 0) & (last[objects] != partners)).sum())
        before[:] = -1
        last[objects] = before[objects] = partners
        hits += len(objects)
        missed += len(item.true) - len(objects)
        false += len(item.found) - len(objects)
    return {"MOTA": (hits - false - switches) / max(hits + missed, 1), "id_switches": switches}
