"""A light guess of a text's language, by letters and frequent words: for slices of a report, not for routing."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

SCRIPTS = (
    "LATIN",
    "CYRILLIC",
    "GREEK",
    "ARABIC",
    "HEBREW",
    "CJK",
    "HIRAGANA",
    "KATAKANA",
    "HANGUL",
    "DEVANAGARI",
    "THAI",
)
# Letters that few other languages have, and words that most sentences have one of.
LETTERS = {"German": "ß", "Spanish": "ñ¿¡", "Turkish": "ğış", "French": "çèêàù"}
WORDS = {
    "English": """the is are and to of my in i it you on for what how can a not have do be was there please with
        this an me we has at from""",
    "German": """der die das ist und ich nicht ein eine zu auf in mein meine den dem von mit wie was wo kann es wir
        sie seit bei im am für haben hat bitte wann""",
    "Spanish": """el la los las es de que y en un una mi no se por con para del hay al está qué cómo dónde
        cuándo puedo desde lo me han ha""",
    "Turkish": """bir ve bu için ne mi mı mu var yok çok ben değil nasıl nerede zaman lütfen sokakta de da ile
        kadar beri olarak gibi daha iyi cok icin degil lutfen bunu kimse""",
    "French": """le la les est et de un une je ne pas que pour dans mon ma du des il au où comment vous nous ce""",
}
KNOWN = {language: frozenset(words.split()) for language, words in WORDS.items()}
LETTER_WEIGHT = 1.5  # words that a rare letter counts as
UNKNOWN = "other"


def guess_language(text: str) -> str:
    """Return the language of a text in Latin letters, else its script; "other" where no word is known.

    Example:
        >>> [guess_language(text) for text in ("where is the bus?", "Wo ist der Bus?", "¿Dónde está el bus?", "ok")]
        ['English', 'German', 'Spanish', 'other']
    """
    script = script_of(text)
    if script not in ("Latin", UNKNOWN):
        return script
    words = re.findall(r"\w+", text.lower())
    scores = {
        language: sum(word in known for word in words)
        + LETTER_WEIGHT * sum(text.lower().count(letter) for letter in LETTERS.get(language, ""))
        for language, known in KNOWN.items()
    }
    best = max(scores, key=lambda language: scores[language])
    return best if scores[best] > 0 else UNKNOWN


def script_of(text: str) -> str:
    """Return the script that most letters of a text belong to.

    Example:
        >>> script_of("Wo ist der Bus?"), script_of("Где автобус?"), script_of("12:30")
        ('Latin', 'Cyrillic', 'other')
    """
    letters = [letter for letter in text[:500] if letter.isalpha()]
    names = Counter(unicodedata.name(letter, "OTHER").split()[0] for letter in letters)
    name = names.most_common(1)[0][0] if names else "OTHER"
    return name.capitalize() if name in SCRIPTS else "other"
