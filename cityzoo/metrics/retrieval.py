"""Retrieval: how often what belongs to a query is among the first few that are found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cityzoo.metrics.weighted import bootstrap_weights, interval

DEPTHS = (1, 5, 10)
BLOCK = 1024  # queries whose scores are held at once
PERMUTATIONS = 20  # of the control


def rank_first_relevant(
    queries: np.ndarray, gallery: np.ndarray, query_content: np.ndarray, gallery_content: np.ndarray
) -> np.ndarray:
    """Return how many items of other content score at least as high as the best one of a query's content, (Q,) int.

    Args:
        queries: (Q, D) float32.
        gallery: (N, D) float32; the score is the dot product.
        query_content: (Q,) int, what a query is about.
        gallery_content: (N,) int; items of equal content are all correct.

    Example:
        >>> rank_first_relevant(np.eye(2), np.array([[0.9, 0], [0.5, 0], [0, 1]]), np.array([1, 2]), np.arange(3))
        array([1, 0])
    """
    found = []
    for start in range(0, len(queries), BLOCK):
        scores = queries[start : start + BLOCK] @ gallery.T
        is_relevant = query_content[start : start + BLOCK, None] == gallery_content[None]
        best = np.where(is_relevant, scores, -np.inf).max(axis=1, keepdims=True)
        found.append(((scores >= best) & ~is_relevant).sum(axis=1))
    return np.concatenate(found) if found else np.zeros(0, int)


def find_chance(query_content: np.ndarray, gallery_content: np.ndarray, depth: int) -> float:
    """Return the recall of a random order.

    Example:
        >>> find_chance(np.arange(10), np.arange(10), 5)
        0.5
    """
    values, counts = np.unique(gallery_content, return_counts=True)
    relevant, total = counts[np.searchsorted(values, query_content)], len(gallery_content)
    missed = np.ones(len(query_content))
    for drawn in range(min(depth, total)):
        missed *= np.maximum(total - relevant - drawn, 0) / (total - drawn)
    return float(1 - missed.mean())


def evaluate_retrieval(
    queries: np.ndarray, gallery: np.ndarray, content: np.ndarray, seed: int = 0
) -> dict[str, Any]:
    """Return recall at each of `DEPTHS` with its interval, by chance, and with the pairs permuted as a control.

    Args:
        queries: (N, D) float32.
        gallery: (N, D) float32; row i belongs to query i.
        content: (N,) int; pairs of equal content are correct for each other.
        seed: of the bootstrap of the queries and of the permutations.

    Returns:
        "pairs", "chance" and "shuffled" -> "recall_at_5" and its "_interval": 95 %, of "shuffled" over permutations;
        of "pairs" also "median_rank", 1 for the first.
    """
    ranks = rank_first_relevant(queries, gallery, content, content)
    weights, rng = bootstrap_weights(len(ranks), seed=seed), np.random.default_rng(seed)
    permuted = [
        rank_first_relevant(queries, gallery, content, rng.permutation(content)) for _ in range(PERMUTATIONS)
    ]
    found: dict[str, Any] = {
        "pairs": {"median_rank": float(np.median(ranks) + 1)},
        "chance": {},
        "shuffled": {},
    }
    for depth in DEPTHS:
        key, hits = f"recall_at_{depth}", (ranks < depth).astype(float)
        control = np.array([(each < depth).mean() for each in permuted])
        found["pairs"] |= {
            key: float(hits.mean()),
            f"{key}_interval": interval(weights @ hits / weights.sum(axis=1)),
        }
        found["chance"][key] = find_chance(content, content, depth)
        found["shuffled"] |= {key: float(control.mean()), f"{key}_interval": interval(control)}
    return found


def number_contents(texts: Sequence[str]) -> np.ndarray:
    """Return a number for each text, equal for texts that differ in case and spaces alone, (N,) int.

    Example:
        >>> number_contents(["A bus.", "a  bus.", "No bus."]).tolist()
        [0, 0, 1]
    """
    known: dict[str, int] = {}
    return np.array([known.setdefault(" ".join(text.lower().split()), len(known)) for text in texts], int)
