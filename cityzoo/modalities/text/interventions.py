"""Names and numbers in texts that are exchanged: answers should not depend on which ones they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from cityzoo.data.text.texts import TextSet
from cityzoo.modalities.model_checks import Intervention

PLACES = """
    Amsterdam Athens Austin Barcelona Berlin Boston Brussels Budapest Chicago Copenhagen Dallas Denver Dublin Florence
    Geneva Hamburg Helsinki Houston Istanbul Lisbon London Lyon Madrid Manchester Miami Milan Munich Oslo Paris Phoenix
    Porto Prague Rome Seattle Seville Stockholm Tokyo Toronto Valencia Vienna Warsaw Zurich
""".split()  # noqa: SIM905 - a line is many names
PERSONS = """
    Adam Ahmed Alice Anna Anton Carlos Clara David Elena Emma Erik Fatima Frank George Hannah Ibrahim Ivan James Jane
    Johanna John Julia Karl Laura Lena Leon Lucas Maria Mark Martin Mary Michael Mohammed Olga Omar Paul Peter Robert
    Sarah Sofia Thomas Yusuf
""".split()  # noqa: SIM905 - a line is many names
GERMAN_PLACES = """
    Aachen Augsburg Basel Bern Bochum Bonn Braunschweig Bremen Chemnitz Dortmund Dresden Duisburg Düsseldorf Erfurt
    Essen Frankfurt Freiburg Genf Graz Hannover Innsbruck Karlsruhe Kassel Kiel Köln Leipzig Linz Lübeck Magdeburg Mainz
    Mannheim München Münster Nürnberg Potsdam Rostock Salzburg Stuttgart Ulm Wien Wuppertal Zürich
""".split()  # noqa: SIM905 - a line is many names
GERMAN_PERSONS = """
    Andreas Anja Bernd Birgit Christoph Dieter Felix Friedrich Gisela Greta Hans Heike Heinrich Ingrid Jonas Jürgen
    Katja Klaus Lukas Manfred Markus Matthias Mehmet Monika Petra Sabine Stefan Susanne Sven Tobias Ulrike Ursula Uwe
    Werner Wolfgang
""".split()  # noqa: SIM905 - a line is many names
WORD = re.compile(r"\w+", re.UNICODE)
Exchange = Callable[[str, bool, np.random.Generator], str | None]  # of a word, and whether it begins the text


def exchange_names(texts: TextSet, seed: int) -> Iterator[Intervention]:
    """Yield the texts with other places, persons, capitalized words and numbers, where they have any.

    In the control as many other words of each text are replaced by words of the other texts.

    Args:
        texts: labeled texts.
        seed: of all random values.

    Example:
        >>> from cityzoo.data.text.texts import TextExample
        >>> texts = TextSet("val", ("a",), (TextExample("a bus to Oslo", "t:1", target=np.ones(1)),))
        >>> [(each.name, len(each.examples.examples[0].text.split())) for each in exchange_names(texts, 0)]
        [('other places', 4)]
    """
    words = sorted({word for each in texts.examples for word in WORD.findall(each.text) if word.isalpha()})
    changes: dict[str, Exchange] = {
        "other places": _from_lists(PLACES, GERMAN_PLACES),
        "other persons": _from_lists(PERSONS, GERMAN_PERSONS),
        "other names": _exchange_name,
        "other numbers": _exchange_number,
    }
    for number, (name, exchange) in enumerate(changes.items()):
        rows, changed, controls = [], [], []
        for row, example in enumerate(texts.examples):
            rng = np.random.default_rng([seed, row, number])
            text, places = _exchange(example.text, exchange, rng)
            control = _replace_others(example.text, places, words, rng)
            if places and control:
                rows.append(row)
                changed.append(replace(example, text=text))
                controls.append(replace(example, text=control))
        if rows:
            yield Intervention(
                name,
                replace(texts, examples=tuple(changed)),
                replace(texts, examples=tuple(controls)),
                rows,
            )


def _from_lists(*lists: Sequence[str]) -> Exchange:
    """Exchange a name for another one of its list: of English texts, or of German ones."""
    known = {name.lower(): names for names in reversed(lists) for name in names}

    def exchange(word: str, is_first: bool, rng: np.random.Generator) -> str | None:
        names = known.get(word.lower())
        if names is None:
            return None
        other = str(rng.choice([name for name in names if name.lower() != word.lower()]))
        return other if word[0].isupper() else other.lower()

    return exchange


def _exchange_name(word: str, is_first: bool, rng: np.random.Generator) -> str | None:
    """Exchange a capitalized word within a text that is in no list."""
    listed = word.lower() in {name.lower() for name in (*PLACES, *PERSONS, *GERMAN_PLACES, *GERMAN_PERSONS)}
    if is_first or listed or len(word) < 3 or not word.istitle():
        return None
    return str(rng.choice(PERSONS))


def _exchange_number(word: str, is_first: bool, rng: np.random.Generator) -> str | None:
    if not word.isdecimal():
        return None
    return "".join(str(rng.integers(1 if place == 0 else 0, 10)) for place in range(len(word)))


def _exchange(text: str, exchange: Exchange, rng: np.random.Generator) -> tuple[str, set[int]]:
    """Return a text with other words, and the numbers of the words that changed."""
    changed: set[int] = set()
    parts, end = [], 0
    for number, found in enumerate(WORD.finditer(text)):
        other = exchange(found[0], number == 0, rng)
        if other is not None:
            changed.add(number)
        parts += [text[end : found.start()], found[0] if other is None else other]
        end = found.end()
    return "".join(parts) + text[end:], changed


def _replace_others(text: str, places: set[int], words: Sequence[str], rng: np.random.Generator) -> str:
    """Return a text with as many other words replaced; "" if it has none."""
    free = [number for number in range(len(WORD.findall(text))) if number not in places]
    if not places or not free or not words:
        return ""
    chosen = set(rng.permutation(free)[: len(places)].tolist())
    numbers = iter(range(len(free) + len(places)))
    return WORD.sub(lambda found: str(rng.choice(words)) if next(numbers) in chosen else found[0], text)
