"""How right it was: word error rate, intents, invented texts and sounds, against a table of what was said."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.data.files import open_text
from cityzoo.errors import InputError
from cityzoo.metrics.weighted import bootstrap_weights, interval

OUTSIDE = ("", "oos")  # labels of what nobody answers


def read_truth(path: Path) -> dict[str, tuple[str, str | None]]:
    """Return path of a recording -> (text, intent or None) of a CSV with the columns path, text and, if known, label.

    Raises:
        InputError: not there, or a column is missing.
    """
    if not path.is_file():
        raise InputError(f"'{path}' does not exist: give a CSV with the columns path, text and label")
    with open_text(path) as opened:
        rows = csv.DictReader(opened)
        names = rows.fieldnames or []
        missing = [name for name in ("path", "text") if name not in names]
        if missing:
            raise InputError(f"'{path}' has no column {missing[0]}: expected path, text, and label if known")
        return {row["path"]: (row["text"] or "", row.get("label")) for row in rows}


def split_words(text: str) -> list[str]:
    """Return what is compared: words in lower case, without marks.

    Example:
        >>> split_words("It's late, isn't it?")
        ["it's", 'late', "isn't", 'it']
    """
    return re.findall(r"[\w']+", text.lower())


def count_word_errors(truth: Sequence[str], found: Sequence[str]) -> int:
    """Return the fewest words to replace, insert and delete (Levenshtein distance).

    Example:
        >>> count_word_errors("a b c d".split(), "a x c".split())
        2
    """
    row = list(range(len(found) + 1))
    for number, word in enumerate(truth, 1):
        before, row[0] = row[0], number
        for place, other in enumerate(found, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (word != other))
    return row[-1]


def evaluate(
    truth: Mapping[str, tuple[str, str | None]], heard: Mapping[str, Sequence[Mapping[str, Any]]]
) -> dict[str, Any]:
    """Return the metrics of recordings.

    Sentences outside of what can be answered (label oos) are left out of the word error rate: a grammar does not know
    their words, and has to stay silent.

    Args:
        truth: as `read_truth` returns it.
        heard: path -> its events.

    Raises:
        InputError: a recording of the truth was not heard.
    """
    missing = [name for name in truth if name not in heard]
    if missing:
        raise InputError(f"'{missing[0]}' of the truth was not heard: listen to the folder that holds it")
    errors, words, right, invented, quiet = [], [], [], 0, 0
    for name, (text, label) in truth.items():
        speech = [event for event in heard[name] if event["type"] == "speech"]
        found = split_words(" ".join(event["text"] for event in speech))
        intents = [
            event["intent"] for event in speech if event.get("intent", "not understood") != "not understood"
        ]
        if not text or label in OUTSIDE:
            quiet += 1
            invented += bool(found)
        else:
            errors.append(count_word_errors(split_words(text), found))
            words.append(len(split_words(text)))
        if label is not None and any("intent" in event for event in speech):
            right.append(set(intents) == (set() if label in OUTSIDE else {label}))
    result: dict[str, Any] = {"recordings": len(truth), "words": int(sum(words))}
    if words:
        result["word_error_rate"] = _rate(np.array(errors), np.array(words))
    if right:
        result["intents_right"] = _rate(np.array(right), np.ones(len(right)))
    return result | {"without_answer": quiet, "invented_texts": invented}


def _rate(counts: np.ndarray, sizes: np.ndarray) -> dict[str, Any]:
    """Return a ratio with its 95 % interval, recordings resampled."""
    weights = bootstrap_weights(len(counts))
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = (weights @ counts) / (weights @ sizes)
    return {"value": float(counts.sum() / sizes.sum()), "interval": interval(drawn)}
