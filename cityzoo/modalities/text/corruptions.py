"""Texts as they come in practice: typos, other case, without marks or accents, more polite."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from cityzoo.data.text.language import guess_language
from cityzoo.data.text.texts import TextExample, TextSet
from cityzoo.modalities.model_checks import Corruption

Change = Callable[[str, np.random.Generator], str]  # of a word
TYPOS = {"1 word in 10": 0.1, "1 word in 4": 0.25, "every second word": 0.5}
LEAST_LETTERS = 4  # of a word with a typo
MARKS = re.compile(r"[^\w\s]|_")
CODES = {"English": "en", "German": "de", "Spanish": "es", "Turkish": "tr"}  # of the demo's templates


def corrupt(texts: TextSet, seed: int) -> Iterator[Corruption]:
    """Yield the texts under each condition; of those that it does not change, none.

    Words of tagged texts keep their number and order, so that tags still fit.

    Args:
        texts: labeled texts.
        seed: of all random values.
    """
    for name, level, change in _changes():
        yield from _condition(texts, name, level, partial(_change_words, change), seed)
    if not any(each.tags for each in texts.examples):
        yield from _condition(texts, "politeness", "greeting and thanks", _wrap, seed)
        for language in CODES:
            yield from _condition(
                texts, "other words", language, partial(_say_otherwise, texts.class_names, language), seed
            )


def _changes() -> Iterator[tuple[str, str, Change]]:
    for level, share in TYPOS.items():
        yield "typos", level, partial(_mistype, share=share)
    yield "case", "lower", lambda word, rng: word.lower()
    yield "case", "upper", lambda word, rng: word.upper()
    yield "no punctuation", "", lambda word, rng: MARKS.sub("", word) or word
    yield "no accents", "", lambda word, rng: _strip_accents(word)


def _condition(
    texts: TextSet,
    name: str,
    level: str,
    change: Callable[[TextExample, np.random.Generator], TextExample],
    seed: int,
) -> Iterator[Corruption]:
    changed = [change(each, np.random.default_rng([seed, row])) for row, each in enumerate(texts.examples)]
    rows = [
        row
        for row, (old, new) in enumerate(zip(texts.examples, changed, strict=True))
        if old.text != new.text
    ]
    if rows:
        examples = tuple(changed[row] for row in rows)
        yield Corruption(name, level, replace(texts, examples=examples), rows)


def _change_words(change: Change, example: TextExample, rng: np.random.Generator) -> TextExample:
    if example.words:
        words = tuple(change(word, rng) for word in example.words)
        return replace(example, text=" ".join(words), words=words)
    return replace(example, text=re.sub(r"\S+", lambda found: change(found[0], rng), example.text))


def _mistype(word: str, rng: np.random.Generator, share: float) -> str:
    from cityzoo.demo.texts.typing_errors import make_typo

    letters = MARKS.sub("", word)
    if len(letters) < LEAST_LETTERS or rng.random() >= share:
        return word
    return word.replace(letters, make_typo(letters, rng))


def _strip_accents(word: str) -> str:
    from cityzoo.demo.texts.typing_errors import strip_accents

    return strip_accents(word) or word


def _wrap(example: TextExample, rng: np.random.Generator) -> TextExample:
    """Return a text with a greeting and thanks in its language; in another one unchanged."""
    from cityzoo.demo.texts import read_templates

    code = CODES.get(guess_language(example.text))
    if code is None:
        return example
    words = read_templates("calls")[code]
    opener, closer = (rng.choice([each for each in words[part] if each]) for part in ("openers", "closers"))
    return replace(example, text=f"{opener} {example.text} {closer}")


def _say_otherwise(
    class_names: Sequence[str], language: str, example: TextExample, rng: np.random.Generator
) -> TextExample:
    """Return a text of the demo's with the same class, in a language; unchanged where the demo has no such class."""
    labels = [name for name, value in zip(class_names, example.target, strict=True) if value]
    known = _demo_texts().get((labels[0] if len(labels) == 1 else "", CODES[language]), ())
    return replace(example, text=str(rng.choice(known))) if known else example


@functools.cache
def _demo_texts() -> dict[tuple[str, str], list[str]]:
    """Return the texts of the demo's test split by class and language."""
    from cityzoo.demo.texts.calls import make_calls

    found: dict[tuple[str, str], list[str]] = {}
    for each in make_calls("test"):
        found.setdefault((each.label, each.language), []).append(each.text)
    return found
