"""Taggers without a network: a gazetteer, and a linear model of words and their shapes that knows it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cityzoo.data.text.tags import OUTSIDE, Span, spans_of, tags_of, to_bio
from cityzoo.replace_file import replace_file

FILE = "baseline.npz"
COLUMNS = 2**16  # of hashed features
ROUNDS, STRENGTH = 5, 1e-5  # of stochastic gradient descent
Phrases = dict[tuple[str, ...], Counter[str]]
Tagged = Sequence[tuple[Sequence[str], Sequence[str]]]  # words and BIO tags of each text


def find_phrases(texts: Tagged) -> Phrases:
    """Return the entities of texts in lower case, with how often each has which type.

    Example:
        >>> find_phrases([(["A", "9", "closed"], ["B-road", "I-road", "O"])])
        {('a', '9'): Counter({'road': 1})}
    """
    found: Phrases = {}
    for words, tags in texts:
        for span in spans_of(tags):
            phrase = tuple(word.lower() for word in words[span.start : span.end])
            found.setdefault(phrase, Counter())[span.type] += 1
    return found


def match_phrases(words: Sequence[str], phrases: Phrases, without: Phrases | None = None) -> tuple[str, ...]:
    """Return the BIO tags of the longest phrases from left to right.

    Args:
        words: of a text.
        phrases: the gazetteer.
        without: phrases that do not count as often: those of the text itself, in training.

    Example:
        >>> phrases = find_phrases([(["New", "York"], ["B-city", "I-city"]), (["York"], ["B-city"])])
        >>> match_phrases(["to", "new", "york"], phrases)
        ('O', 'B-city', 'I-city')
    """
    lower, found, start = [word.lower() for word in words], [], 0
    longest = max(map(len, phrases), default=0)
    while start < len(lower):
        for end in range(min(start + longest, len(lower)), start, -1):
            phrase = tuple(lower[start:end])
            types = phrases.get(phrase, Counter()) - (without or {}).get(phrase, Counter())
            if types:
                found.append(Span(start, end, types.most_common(1)[0][0]))
                start = end - 1
                break
        start += 1
    return tags_of(found, len(words))


def word_shape(word: str) -> str:
    """Return capitals as X, other letters as x, digits as 0, runs shortened.

    Example:
        >>> word_shape("B101"), word_shape("McDonald"), word_shape("#St.")
        ('X0', 'XxXx', '#Xx.')
    """
    kinds = "".join(
        "X" if letter.isupper() else "x" if letter.isalpha() else "0" if letter.isdigit() else letter
        for letter in word
    )
    return re.sub(r"(.)\1+", r"\1", kinds)


def word_features(words: Sequence[str], matched: Sequence[str]) -> Iterator[list[str]]:
    """Yield the features of each word: itself, its start, end and shape, its match, and those of its neighbors."""
    rows = [
        (word.lower(), word_shape(word), tag)
        for word, tag in zip(["", *words, ""], [OUTSIDE, *matched, OUTSIDE], strict=True)
    ]
    for place in range(1, len(rows) - 1):
        word, shape, _ = rows[place]
        around = [f"{step}{part}={rows[place + step][part]}" for step in (-1, 0, 1) for part in (0, 1, 2)]
        yield [
            *around,
            f"start={word[:3]}",
            f"end={word[-3:]}",
            f"two={word[-2:]}",
            f"{rows[place - 1][0]}+{shape}",
        ]


def hash_features(rows: Iterable[list[str]]):
    """Return (rows, 65,536) sparse counts of features by their hash."""
    from sklearn.feature_extraction import FeatureHasher

    return FeatureHasher(COLUMNS, input_type="string", alternate_sign=False).transform(rows)


@dataclass(frozen=True)
class WordShapeTagger:
    """A gazetteer of the training texts' entities, and logistic regression on words, shapes and its matches.

    Attributes:
        phrases: the gazetteer.
        tags: what the rows of `weights` stand for.
        weights: (tags, 65,537) float16, the last column the intercepts.
    """

    phrases: Phrases
    tags: tuple[str, ...]
    weights: np.ndarray

    @classmethod
    def fit(cls, texts: Tagged, seed: int = 0) -> WordShapeTagger:
        """Learn from tagged texts; in training a text's own entities do not count as matches."""
        from sklearn.linear_model import SGDClassifier

        phrases = find_phrases(texts)
        own = (match_phrases(text[0], phrases, find_phrases([text])) for text in texts)
        rows = (
            row for text, matched in zip(texts, own, strict=True) for row in word_features(text[0], matched)
        )
        inputs, labels = hash_features(rows), [tag for _, tags in texts for tag in tags]
        names = sorted(set(labels))
        if len(names) < 2:
            return cls(phrases, (OUTSIDE,), np.zeros((1, COLUMNS + 1), np.float16))
        model = SGDClassifier(
            loss="log_loss", alpha=STRENGTH, max_iter=ROUNDS, tol=None, average=True, random_state=seed
        ).fit(inputs, labels)
        weights = np.concatenate([model.coef_, model.intercept_[:, None]], axis=1)
        weights = np.concatenate([-weights, weights]) if len(names) == 2 else weights
        return cls(phrases, tuple(names), weights.astype(np.float16))

    def __call__(self, texts: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
        """Return the BIO tags of texts, given as words."""
        matched = [match_phrases(words, self.phrases) for words in texts]
        rows = [row for pair in zip(texts, matched, strict=True) for row in word_features(*pair)]
        if not rows:
            return [() for _ in texts]
        weights = self.weights.astype(np.float32)
        best = (hash_features(rows) @ weights[:, :-1].T + weights[:, -1]).argmax(axis=1)
        ends = np.cumsum([len(words) for words in texts])
        return [
            to_bio([self.tags[row] for row in best[end - len(words) : end]])[0]
            for words, end in zip(texts, ends, strict=True)
        ]

    def write(self, folder: Path) -> None:
        """Write it as `read` reads it."""
        rows = [
            (" ".join(phrase), name, n) for phrase, types in self.phrases.items() for name, n in types.items()
        ]
        phrases, types, counts = (
            (np.array(column) for column in zip(*rows, strict=True)) if rows else ((),) * 3
        )
        with replace_file(folder / FILE) as part, part.open("wb") as file:
            np.savez_compressed(
                file, tags=np.array(self.tags), weights=self.weights, phrase=phrases, type=types, count=counts
            )

    @classmethod
    def read(cls, folder: Path) -> WordShapeTagger | None:
        """Return what was written into a folder; None where nothing was."""
        if not (folder / FILE).is_file():
            return None
        with np.load(folder / FILE, allow_pickle=False) as arrays:
            content = dict(arrays)
        phrases: Phrases = {}
        for phrase, name, n in zip(*(content[key] for key in ("phrase", "type", "count")), strict=True):
            phrases.setdefault(tuple(str(phrase).split(" ")), Counter())[str(name)] = int(n)
        return cls(phrases, tuple(map(str, content["tags"])), content["weights"])
