"""Typing errors keep the number of words, and are as frequent as stated."""

import numpy as np

from cityzoo.demo.texts.typing_errors import make_typo, type_words


def test_a_typo_keeps_the_first_letter():
    """Swapped, left out or doubled."""
    rng = np.random.default_rng(0)
    found = {make_typo("lamp", rng) for _ in range(200)}
    assert found == {"lmap", "lapm", "lmp", "lap", "laamp", "lammp"}


def test_words_stay_in_place():
    """Equally many, and mostly as they were."""
    rng = np.random.default_rng(0)
    words = ["¿", "Qué", "pasa", "en", "la", "plaza", "Mayor", "?"]
    typed = [type_words(words, rng) for _ in range(300)]
    assert {len(each) for each in typed} == {8} and all(all(each) for each in typed)
    assert 0.3 < sum(each == words for each in typed) / 300 < 0.6
