"""Texts under other conditions: what changes, and what must not."""

import numpy as np

from cityzoo.data.text.texts import TextExample, TextSet
from cityzoo.modalities.text.corruptions import corrupt


def make_set(texts, **more):
    """Labeled texts."""
    examples = tuple(TextExample(text, f"a.csv:{n}", np.array([1.0]), **more) for n, text in enumerate(texts))
    return TextSet("val", ("bin",), examples)


TEXTS = make_set(["Where is the bus stop, please?", "El camión pasó sin parar", "ok", "STOP THE NOISE"])


def changed(texts, seed=0):
    """Condition -> {row: text}."""
    return {
        (each.name, each.level): dict(zip(each.rows, (e.text for e in each.examples.examples), strict=True))
        for each in corrupt(texts, seed)
    }


def test_each_condition_changes_what_it_names():
    """And leaves out texts that it cannot change."""
    found = changed(TEXTS)
    assert found["case", "lower"] == {
        0: "where is the bus stop, please?",
        1: "el camión pasó sin parar",
        3: "stop the noise",
    }
    assert found["no punctuation", ""] == {0: "Where is the bus stop please"}
    assert found["no accents", ""] == {1: "El camion paso sin parar"}
    polite = found["politeness", "greeting and thanks"]
    assert TEXTS.examples[0].text in polite[0] and len(polite[0]) > len(TEXTS.examples[0].text)
    assert 2 not in polite  # of no language that has templates


def test_typos_are_in_long_words_alone_and_repeat():
    """Equal seeds give equal typos; more of them at the stronger level; words stay as many."""
    many = make_set([f"please repair the broken lantern number {n} quickly" for n in range(200)])
    found = changed(many)
    assert found == changed(many) and found != changed(many, seed=1)
    strong = found["typos", "every second word"]
    words = [
        (old, new)
        for n, text in strong.items()
        for old, new in zip(many.examples[n].text.split(), text.split(), strict=True)
    ]
    assert all(old == new for old, new in words if len(old) < 4)
    share = np.mean([old != new for old, new in words if len(old) >= 4 and old.isalpha()])
    assert 0.35 < share < 0.6
    assert len(found["typos", "1 word in 10"]) < len(strong)


def test_tagged_texts_keep_their_words():
    """Tags belong to words by their number; no sentence is put around them."""
    words = ("Cañada", "Road", "is", "flooded", ".")
    texts = make_set([" ".join(words)], words=words, tags=("B-road", "I-road", "O", "O", "O"))
    conditions = list(corrupt(texts, 0))
    assert "politeness" not in {each.name for each in conditions}
    for each in conditions:
        (example,) = each.examples.examples
        assert len(example.words) == len(words) and " ".join(example.words) == example.text
        assert example.tags == texts.examples[0].tags


def test_classes_of_the_demo_are_said_in_other_languages():
    """Labels stay; classes that the demo does not know are left out."""
    examples = tuple(
        TextExample(text, f"a.csv:{n}", np.eye(2)[n]) for n, text in enumerate(("a pothole", "pay my bill"))
    )
    texts = TextSet("val", ("road_damage", "pay_bill"), examples)
    found = {each.level: each for each in corrupt(texts, 0) if each.name == "other words"}
    assert set(found) == {"English", "German", "Spanish", "Turkish"}
    for language, each in found.items():
        (example,) = each.examples.examples
        assert each.rows == [0] and example.target.tolist() == [1, 0] and example.text != "a pothole"
        assert language != "German" or any(
            word in example.text.lower() for word in ("stra", "riss", "asphalt")
        )
