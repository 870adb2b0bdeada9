"""Calls to a municipal hotline: what somebody wants, or something that no city hall does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.data.text.check import normalize
from cityzoo.demo.texts import LANGUAGES, OUTSIDE, SPLITS, VERSION, read_templates, write_table
from cityzoo.demo.texts.typing_errors import type_words
from cityzoo.demo.write import write_once

INTENTS = (
    "broken_light", "missed_collection", "road_damage", "noise_complaint", "parking_permit",
    "lost_property", "water_leak", "illegal_dumping", "opening_hours", "traffic_signal",
)  # fmt: skip
COUNTS = {"train": 20, "val": 6, "test": 6}  # texts of an intent and language
OUTSIDE_SHARE = 2.5  # times as many are outside of all intents
AGAIN = 0.3  # of the callers say it twice, in other words
MOST_DRAWS = 30  # until a text is new


@dataclass(frozen=True)
class Call:
    """What a caller says, as it was typed in."""

    text: str
    label: str
    group: str  # texts of one call
    language: str


def make_calls(split: str, seed: int = 0) -> list[Call]:
    """Return the texts of a split; no template is used in two splits.

    Args:
        split: train, val or test.
        seed: 0 or more; equal seeds give equal texts.

    Example:
        >>> calls = make_calls("val")
        >>> len(calls), calls[0].label, calls == make_calls("val"), calls == make_calls("val", seed=1)
        (300, 'broken_light', True, False)
    """
    rng = np.random.default_rng([seed, SPLITS.index(split)])
    templates = read_templates("calls")
    calls: list[Call] = []
    seen: set[str] = set()
    for language in LANGUAGES:
        for label in (*INTENTS, OUTSIDE):
            count = round(COUNTS[split] * (OUTSIDE_SHARE if label == OUTSIDE else 1))
            calls += _make_calls(templates[language], split, label, language, count, seen, rng)
    return calls


def _make_calls(
    words: dict[str, Any],
    split: str,
    label: str,
    language: str,
    count: int,
    seen: set[str],
    rng: np.random.Generator,
) -> list[Call]:
    calls: list[Call] = []
    number = 0
    while len(calls) < count:
        number += 1
        slots = {name: rng.choice(words[name]) for name in ("street", "since")}
        sentences = rng.permutation(words[label][split])[: 1 + (rng.random() < AGAIN)]
        for sentence in sentences[: count - len(calls)]:
            text = _draw_new(str(sentence), slots, words, seen, rng)
            calls.append(Call(text, label, f"{split}-{language}-{label}-{number}", language))
    return calls


def _draw_new(
    sentence: str, slots: dict[str, str], words: dict[str, Any], seen: set[str], rng: np.random.Generator
) -> str:
    for _ in range(MOST_DRAWS):
        opener, closer = rng.choice(words["openers"]), rng.choice(words["closers"])
        body = sentence.format(**slots)
        if not opener:
            body = body[0].upper() + body[1:]
        end = "" if body.endswith("?") or rng.random() < 0.3 else "."
        text = " ".join(type_words(f"{opener} {body}{end} {closer}".split(), rng))
        if normalize(text) not in seen:
            break
    seen.add(normalize(text))
    return text


def write(folder: Path, seed: int = 0) -> Path:
    """Write train.csv, val.csv and test.csv once: text, label, group, language; return the folder.

    Args:
        folder: a new or empty folder, or one that has this content.
        seed: 0 or more.

    Raises:
        InputError: the folder has other content.
    """

    def fill(draft: Path) -> None:
        for split in SPLITS:
            rows = ((each.text, each.label, each.group, each.language) for each in make_calls(split, seed))
            write_table(draft / f"{split}.csv", ("text", "label", "group", "language"), rows)

    return write_once(Path(folder), {"demo": "hotline_calls", "version": VERSION, "seed": seed}, fill)
