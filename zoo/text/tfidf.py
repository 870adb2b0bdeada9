"""TF-IDF of words and character n-grams: a text backbone that needs no weights.

Salton and Buckley, "Term-weighting approaches in automatic text retrieval", 1988,
https://doi.org/10.1016/0306-4573(88)90021-0.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

if TYPE_CHECKING:
    import keras

WORDS, CHARACTERS = (1, 2), (2, 3, 4)  # lengths of n-grams
LARGEST = 30_000  # terms
LONGEST = 20_000  # characters that are read of a text
WORD = re.compile(r"\w+")


class TfidfTokenizer:
    """Texts to rows of length 1: 1 + log of each term's count, times its inverse document frequency.

    Terms are single words and pairs of words, and runs of 2 to 4 characters within words, which survive typos and
    inflection. Values equal those of scikit-learn's TfidfVectorizer with `sublinear_tf` on the same terms.

    Args:
        weights: inverse document frequency by term.

    Example:
        >>> tokenizer = TfidfTokenizer.fit(["bus late", "bus broken", "tram late"], smallest=2)
        >>> sorted(term for term in tokenizer.terms if term.startswith("word"))
        ['word bus', 'word late']
        >>> tokenizer(["the bus"]).shape == (1, len(tokenizer.terms))
        True
    """

    file: ClassVar[str] = "tfidf.json"

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.terms = {term: number for number, term in enumerate(weights)}
        self._weights = np.array(list(weights.values()), np.float32)

    @classmethod
    def fit(cls, texts: Sequence[str], largest: int = LARGEST, smallest: int = 2) -> TfidfTokenizer:
        """Choose the terms of a vocabulary.

        Args:
            texts: to train on.
            largest: number of terms that are kept, the most frequent ones.
            smallest: number of texts that a term must occur in.

        Raises:
            ValueError: no term occurs often enough.
        """
        counts = Counter(term for text in texts for term in set(_split(text)))
        common = sorted(
            (term for term in counts if counts[term] >= smallest), key=lambda term: (-counts[term], term)
        )
        if not common:
            raise ValueError(f"no word occurs in {smallest} of {len(texts)} texts: give more texts")
        total = len(texts)
        return cls({term: float(np.log((1 + total) / (1 + counts[term])) + 1) for term in common[:largest]})

    @classmethod
    def from_folder(cls, folder: Path) -> TfidfTokenizer:
        """Return what `write` has written.

        Raises:
            ValueError: the file is missing or damaged.
        """
        try:
            content = json.loads((folder / cls.file).read_text(encoding="utf-8"))
            return cls({str(term): float(weight) for term, weight in content.items()})
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"'{folder / cls.file}' cannot be read ({error}): restore the run") from error

    @property
    def vocabulary_size(self) -> int:
        """Number of terms."""
        return len(self.terms)

    def write(self, folder: Path) -> None:
        """Write it as `from_folder` reads it."""
        content = dict(zip(self.terms, map(float, self._weights), strict=True))
        (folder / self.file).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")

    def __call__(self, texts: Sequence[str], length: int | None = None) -> np.ndarray:
        """Return (B, terms) float32; a text without any known term: zeros."""
        rows = np.zeros((len(texts), len(self.terms)), np.float32)
        for row, text in zip(rows, texts, strict=True):
            counts = Counter(self.terms[term] for term in _split(text) if term in self.terms)
            if counts:
                columns = np.fromiter(counts, np.int64)
                values = 1 + np.log(np.fromiter(counts.values(), np.float32))
                row[columns] = values * self._weights[columns]
                row /= np.linalg.norm(row)
        return rows


def _split(text: str) -> Iterator[str]:
    """Yield the terms of a text."""
    words = WORD.findall(text[:LONGEST].lower())
    for size in WORDS:
        for start in range(len(words) - size + 1):
            yield "word " + " ".join(words[start : start + size])
    for word in words:
        padded = f" {word} "
        for size in CHARACTERS:
            for start in range(len(padded) - size + 1):
                yield "part " + padded[start : start + size]


def build_tfidf(terms: int, name: str = "tfidf") -> keras.Model:
    """Build the backbone of rows that `TfidfTokenizer` makes: {"pooled": (batch, terms)} float32, as they are.

    Example:
        >>> build_tfidf(5).output["pooled"].shape
        (None, 5)
    """
    import keras

    rows = keras.Input((terms,), name="tfidf")
    return keras.Model(rows, {"pooled": keras.layers.Identity(name="pooled")(rows)}, name=name)
