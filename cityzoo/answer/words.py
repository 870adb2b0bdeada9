"""Find passages by their words: BM25."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

K1, B = 1.5, 0.75
PREFIX = 5  # letters of a word that are compared: a stemmer for any language (Can et al., JASIST 2008)


def split_words(text: str) -> list[str]:
    """Return the words of a text without case and accents; those of letters alone are cut to five.

    Example:
        >>> split_words("Wo ist die Hauptstraße 5? ¿Dónde está?")
        ['wo', 'ist', 'die', 'haupt', '5', 'donde', 'esta']
    """
    # numbers of forms stay whole
    return [word[:PREFIX] if word.isalpha() else word for word in split_whole_words(text)]


def split_whole_words(text: str) -> list[str]:
    """Return the words of a text without case, accents and punctuation.

    Example:
        >>> split_whole_words("Wo ist die Hauptstraße 5?")
        ['wo', 'ist', 'die', 'hauptstrasse', '5']
    """
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return re.findall(r"[^\W_]+", "".join(each for each in letters if not unicodedata.combining(each)))


class WordIndex:
    """BM25 of passages.

    Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, in the variant of Lucene:
    the weight of a word is ln(1 + (N - n + 0.5) / (n + 0.5)), where n of N passages have it.

    Args:
        texts: of the passages.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.size = len(texts)
        found: dict[str, list[tuple[int, int]]] = defaultdict(list)
        lengths = np.zeros(self.size, np.float32)
        for row, text in enumerate(texts):
            words = split_words(text)
            lengths[row] = len(words)
            for word, count in Counter(words).items():
                found[word].append((row, count))
        scale = K1 * (1 - B + B * lengths / max(lengths.mean(), 1e-9))
        self._postings = {}
        for word, pairs in found.items():
            rows, counts = (np.array(each, np.int32) for each in zip(*pairs, strict=True))
            self._postings[word] = (
                rows,
                (self._weight(len(rows)) * counts / (counts + scale[rows])).astype(np.float32),
            )

    def _weight(self, passages: int) -> float:
        return float(np.log1p((self.size - passages + 0.5) / (passages + 0.5)))

    def scores(self, question: str) -> tuple[np.ndarray, float]:
        """Return the BM25 score of each passage, (N,) float32, and the bound that none can exceed.

        Words that no passage has count in the bound alone: the ratio of both is low where a question is about
        something else.

        Example:
            >>> scores, bound = WordIndex(["a b", "a c", "c d"]).scores("b x")
            >>> [round(float(score), 3) for score in scores], round(bound, 3)
            ([0.392, 0.0, 0.0], 3.06)
        """
        scores, bound = np.zeros(self.size, np.float32), 0.0
        for word in set(split_words(question)):
            rows, weights = self._postings.get(word, ((), ()))
            bound += self._weight(len(rows))
            if len(rows):
                scores[rows] += weights
        return scores, bound
