"""Numbers of a text by which a change of what people write is noticed."""

from __future__ import annotations


def measure_text(text: str) -> dict[str, float]:
    """Return characters, words, and the share of letters outside ASCII, which other languages have more of.

    Example:
        >>> measure_text("Wo ist Bahnhofstraße 7?")
        {'characters': 23.0, 'words': 4.0, 'other_letters': 0.05555555555555555}
    """
    letters = [letter for letter in text if letter.isalpha()]
    other = sum(not letter.isascii() for letter in letters)
    return {
        "characters": float(len(text)),
        "words": float(len(text.split())),
        "other_letters": other / max(len(letters), 1),
    }
