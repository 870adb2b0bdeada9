"""Guessed languages, on the demo's sentences."""

from collections import Counter

import pytest

from cityzoo.data.text.language import guess_language, script_of
from cityzoo.demo.texts.calls import make_calls

NAMES = {"en": "English", "de": "German", "es": "Spanish", "tr": "Turkish"}


def test_most_sentences_of_the_demo_are_told_apart():
    """Typos, capitals and missing accents included."""
    calls = make_calls("test")
    right = Counter(each.language for each in calls if guess_language(each.text) == NAMES[each.language])
    for language, total in Counter(each.language for each in calls).items():
        assert right[language] / total >= 0.85, language


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Где остановка автобуса?", "Cyrillic"),
        ("バスはどこですか", "Hiragana"),
        ("12:30!!", "other"),
        ("", "other"),
        ("😀😀", "other"),
    ],
)
def test_other_scripts_stand_for_themselves(text, wanted):
    """No list of words is needed for them; what has no letters is of no language."""
    assert guess_language(text) == wanted == script_of(text)
