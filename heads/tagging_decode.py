"""Decode tags of words: the most probable sequence that is valid BIO. NumPy only, so that servers use it as well."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FORBIDDEN = -1e9


def tag_names(class_names: Sequence[str]) -> tuple[str, ...]:
    """Return what the columns of a tagging head stand for.

    Example:
        >>> tag_names(["place", "road"])
        ('O', 'B-place', 'I-place', 'B-road', 'I-road')
    """
    return ("O", *(f"{part}-{name}" for name in class_names for part in "BI"))


def transition_scores(count: int) -> np.ndarray:
    """Return (1 + count, count) float64 scores of a tag after another: 0, or -1e9 for an inner tag out of place.

    Args:
        count: number of tags, with "O" first, then a first and an inner one of each class.

    Returns:
        row r of the tag that comes after tag r; the last row holds for the first word.
    """
    scores = np.zeros((1 + count, count))
    inner = np.arange(2, count, 2)
    scores[:, inner] = FORBIDDEN
    scores[inner, inner] = scores[inner - 1, inner] = 0
    return scores


def viterbi(scores: np.ndarray) -> np.ndarray:
    """Return the best valid sequence of tags (Viterbi 1967, https://doi.org/10.1109/TIT.1967.1054010).

    Args:
        scores: (W, tags) log probabilities or logits of each word.

    Returns:
        (W,) int64 tags.

    Example:
        >>> viterbi(np.array([[0.0, 1.0, 3.0], [0.0, -9.0, 2.0]])).tolist()  # "I" cannot be the first tag
        [1, 2]
    """
    words, count = scores.shape
    if not words:
        return np.zeros(0, np.int64)
    transitions = transition_scores(count)
    best, came_from = scores[0] + transitions[-1], np.zeros((words, count), np.int64)
    for word in range(1, words):
        paths = best[:, None] + transitions[:-1]
        came_from[word] = paths.argmax(axis=0)
        best = paths.max(axis=0) + scores[word]
    tags = np.zeros(words, np.int64)
    tags[-1] = best.argmax()
    for word in range(words - 1, 0, -1):
        tags[word - 1] = came_from[word, tags[word]]
    return tags


def decode_tags(logits: np.ndarray, starts: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the tag of each word of a text, and the probability of that tag at the word alone.

    Args:
        logits: (T, tags) of the tokens.
        starts: the token that each word begins with; -1 for words that were cut off, which get "O".

    Returns:
        (W,) int64 tags, (W,) float64 probabilities, 0 for words that were cut off.
    """
    places = np.asarray(starts, np.int64).reshape(-1)
    tags, shares = np.zeros(len(places), np.int64), np.zeros(len(places))
    kept = places >= 0
    scores = np.asarray(logits, np.float64)[places[kept]]
    scores = scores - scores.max(axis=1, keepdims=True, initial=FORBIDDEN)
    scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
    tags[kept] = viterbi(scores)
    shares[kept] = np.exp(scores[np.arange(len(scores)), tags[kept]])
    return tags, shares
