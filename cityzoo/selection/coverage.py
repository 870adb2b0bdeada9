"""Choose uncertain examples far from what is known: k-center greedy, weighted by uncertainty.

Sener and Savarese 2018, "Active Learning for Convolutional Neural Networks: A Core-Set Approach", arXiv 1708.00489,
choose again and again the example with the largest distance to the nearest known or chosen one. Here the distance is
multiplied by the uncertainty of the example.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cityzoo.data.groups import standardize
from cityzoo.data.image.duplicates import find_similar

CLOSEST = 0.02  # distance of features, 0..2, below which two examples are near duplicates
BLOCK = 1024  # rows at a time


@dataclass(frozen=True)
class Chosen:
    """Chosen examples, in the order of their choice.

    Attributes:
        rows: (K,) int, positions among the candidates.
        distances: (K,) float64, to the nearest known or earlier chosen one, 0..2; 2 for the first where none is known.
        nearest: (K,) int, position of that one: among the known ones, or -1 - its position among the candidates;
            the number of known ones where there is none.
        duplicates: number of candidates that were left out as near duplicates of known or chosen ones.
    """

    rows: np.ndarray
    distances: np.ndarray
    nearest: np.ndarray
    duplicates: int


def standardize_features(known: np.ndarray, candidates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return features in standard deviations of all of them, rows of length 1.

    Args:
        known: (M, D); M may be 0.
        candidates: (N, D).
    """
    rows = standardize(np.concatenate([known, candidates]))
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return rows[: len(known)], rows[len(known) :]


def choose(
    uncertainty: np.ndarray,
    candidates: np.ndarray,
    known: np.ndarray,
    most: int,
    hashes: Sequence[str] = (),
    known_hashes: Sequence[str] = (),
) -> Chosen:
    """Choose examples by uncertainty times distance.

    Args:
        uncertainty: (N,) float, 0 or more.
        candidates: (N, D) float32, rows of length 1.
        known: (M, D) float32, rows of length 1, of what is labeled.
        most: number of examples to choose; fewer are where the others are near duplicates.
        hashes: perceptual hash of each candidate, as `Modality.hashes` returns them; empty: not known.
        known_hashes: of each known example.

    Example:
        >>> candidates = np.array([[1.0, 0], [0, 1], [0.0, -1], [-1, 0]])
        >>> found = choose(np.array([1, 1, 1, 0.1]), candidates, candidates[:1], 2)
        >>> found.rows.tolist(), found.distances.round(2).tolist(), found.nearest.tolist(), found.duplicates
        ([1, 2], [1.41, 1.41], [0, 0], 1)
    """
    floor = 1e-3 * max(
        float(uncertainty.max(initial=0.0)), 1e-9
    )  # coverage alone decides between certain ones
    weights = np.asarray(uncertainty, np.float64) + floor
    distances, nearest = _nearest(candidates, known)
    bits = _to_numbers(hashes, len(candidates))
    is_out = (distances < CLOSEST) | (find_similar(_to_numbers(known_hashes, len(known)), bits) >= 0)
    duplicates, rows, steps = int(is_out.sum()), list[int](), list[tuple[float, int]]()
    while len(rows) < most and not is_out.all():
        row = int(np.argmax(np.where(is_out, -1.0, weights * distances)))
        rows.append(row)
        steps.append((float(distances[row]), int(nearest[row])))
        is_out[row] = True
        apart = _distance(candidates @ candidates[row])
        copies = ~is_out & ((apart < CLOSEST) | (find_similar(bits[row : row + 1], bits) >= 0))
        duplicates += int(copies.sum())
        is_out |= copies
        nearest = np.where(apart < distances, -1 - row, nearest)
        distances = np.minimum(distances, apart)
    found = np.array(steps, np.float64).reshape(-1, 2)
    return Chosen(np.array(rows, int), found[:, 0], found[:, 1].astype(int), duplicates)


def _nearest(candidates: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance of each candidate to the nearest known example, and its position; 2 where nothing is known."""
    if not len(known):
        return np.full(len(candidates), 2.0), np.zeros(len(candidates), int)
    starts = range(0, len(candidates), BLOCK)
    products = [candidates[start : start + BLOCK] @ known.T for start in starts]
    nearest = np.concatenate([each.argmax(axis=1) for each in products])
    return _distance(np.concatenate([each.max(axis=1) for each in products])), nearest


def _distance(cosines: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(2 - 2 * cosines, 0.0))


def _to_numbers(hashes: Sequence[str], count: int) -> np.ndarray:
    """Hashes as numbers, (N,) uint64; 0, which is like no other, where they are not known."""
    return np.array([int(each or "0", 16) for each in hashes] or [0] * count, np.uint64)
