"""Ranks and recall by hand, chance by counting, and the control of shuffled pairs."""

from itertools import permutations

import numpy as np
import pytest

from cityzoo.metrics.retrieval import (
    evaluate_retrieval,
    find_chance,
    number_contents,
    rank_first_relevant,
)


def test_ranks_by_hand():
    """Scores of query 0: 3, 2, 1; its own item is the last. A tie counts against the query."""
    gallery = np.array([[3.0, 1.0], [2.0, 1.0], [1.0, 1.0]])
    content = np.arange(3)
    assert rank_first_relevant(np.array([[1.0, 0]]), gallery, np.array([2]), content).tolist() == [2]
    assert rank_first_relevant(np.array([[0.0, 1]]), gallery, np.array([1]), content).tolist() == [2]
    assert rank_first_relevant(
        np.array([[1.0, 0]]), gallery, np.array([1]), np.array([1, 0, 1])
    ).tolist() == [0]


def test_chance_by_counting():
    """Of all orders of four items, two of them correct, how many have one among the first two: 5 of 6."""
    orders = list(permutations([True, True, False, False]))
    share = np.mean([any(order[:2]) for order in orders])
    content = np.array([7, 7, 8, 9])
    assert find_chance(np.array([7]), content, 2) == pytest.approx(share) == pytest.approx(5 / 6)
    assert find_chance(np.array([8]), content, 2) == pytest.approx(0.5)
    assert find_chance(np.array([8]), content, 10) == 1


def test_recall_and_control():
    """Three of four pairs are found first, the fourth second; shuffled pairs are at chance."""
    queries = np.eye(4)
    gallery = np.eye(4)
    gallery[3] = [0, 0, 0, 0.5]
    gallery[2] = [0, 0, 1, 0.6]
    found = evaluate_retrieval(queries, gallery, np.arange(4))
    assert found["pairs"]["recall_at_1"] == 0.75 and found["pairs"]["recall_at_5"] == 1
    assert found["chance"] == {"recall_at_1": 0.25, "recall_at_5": 1.0, "recall_at_10": 1.0}
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(200, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = evaluate_retrieval(vectors, vectors, np.arange(200))
    low, high = found["shuffled"]["recall_at_10_interval"]
    assert found["pairs"]["recall_at_1"] == 1 and low <= found["chance"]["recall_at_10"] <= high < 0.12


def test_equal_contents():
    assert number_contents(["A bus", "a  BUS ", "a car"]).tolist() == [0, 0, 1]
