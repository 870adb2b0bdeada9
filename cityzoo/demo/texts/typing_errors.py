"""How people type in a hurry: typos, no capitals, no marks, letters that a foreign keyboard lacks."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np

TYPO_SHARE = 0.25  # texts with a typo
STYLES = {"as written": 0.6, "lower case": 0.22, "upper case": 0.05, "plain letters": 0.13}
LEAST_LETTERS = 4  # of a word with a typo
PLAIN = str.maketrans({"ß": "ss", "ı": "i", "ø": "o", "¿": None, "¡": None})


def type_words(words: Sequence[str], rng: np.random.Generator) -> list[str]:
    """Return words as somebody may type them, equally many and in their order.

    Args:
        words: as written carefully.
        rng: random numbers; equal ones give equal errors.
    """
    typed = list(words)
    long = [place for place, word in enumerate(words) if word.isalpha() and len(word) >= LEAST_LETTERS]
    if long and rng.random() < TYPO_SHARE:
        place = long[rng.integers(len(long))]
        typed[place] = make_typo(typed[place], rng)
    style = rng.choice([*STYLES], p=[*STYLES.values()])
    if style == "lower case":
        return [word.lower() for word in typed]
    if style == "upper case":
        return [word.upper() for word in typed]
    return [strip_accents(word) or word for word in typed] if style == "plain letters" else typed


def make_typo(word: str, rng: np.random.Generator) -> str:
    """Return a word with two letters swapped, one left out, or one doubled; the first letter stays."""
    place = int(rng.integers(1, len(word) - 1))
    kind = rng.integers(3)
    if kind == 0:
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return word[:place] + (word[place] * 2 if kind == 1 else "") + word[place + 1 :]


def strip_accents(text: str) -> str:
    """Return a text in the 26 Latin letters.

    Example:
        >>> strip_accents("¿Straße, Çınar, señal?")
        'Strasse, Cinar, senal?'
    """
    parts = unicodedata.normalize("NFD", text.translate(PLAIN))
    return "".join(letter for letter in parts if not unicodedata.combining(letter))
