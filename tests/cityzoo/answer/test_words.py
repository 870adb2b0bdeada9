"""BM25 against numbers worked out by hand and against the package bm25s."""

import math

import numpy as np
import pytest

from cityzoo.answer.words import WordIndex, split_words


def test_scores_are_those_of_the_formula():
    """N = 2, n = 1, mean length 2.5: ln(1 + 1.5 / 1.5) * 2 / (2 + 1.5 * (0.25 + 0.75 * 3 / 2.5))."""
    scores, bound = WordIndex(["bus bus late", "tram early"]).scores("BUS?")
    assert scores[0] == pytest.approx(math.log(2) * 2 / (2 + 1.5 * (0.25 + 0.75 * 3 / 2.5)))
    assert scores[1] == 0
    assert bound == pytest.approx(math.log(2))


def test_scores_are_those_of_bm25s():
    """The package divides by nothing else in its variant "lucene"."""
    bm25s = pytest.importorskip("bm25s")
    rng = np.random.default_rng(0)
    texts = [" ".join(f"w{word}" for word in rng.integers(0, 40, rng.integers(1, 12))) for _ in range(50)]
    other = bm25s.BM25(k1=1.5, b=0.75, method="lucene")
    other.index([split_words(text) for text in texts], show_progress=False)
    for question in ("w1 w2 w3", "w7", "w39 w0 w5 w11"):
        expected = other.get_scores(split_words(question))
        np.testing.assert_allclose(WordIndex(texts).scores(question)[0], expected, rtol=1e-5)


def test_words_without_letters_or_in_other_scripts():
    assert split_words("🙂 ... \u200f") == []
    assert split_words("Où est l'arrêt n°5_b? Где автобус?") == [
        "ou",
        "est",
        "l",
        "arret",
        "n",
        "5",
        "b",
        "где",
        "автоб",
    ]
    scores, bound = WordIndex(["a b"]).scores("🙂")
    assert scores.tolist() == [0] and bound == 0
