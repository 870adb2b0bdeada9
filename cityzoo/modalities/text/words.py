"""Texts that are tagged word by word: where words begin among tokens, and taggers without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.data.text.tags import split_words
from cityzoo.metrics.tagging_baseline import WordShapeTagger, match_phrases
from heads.tagging_decode import tag_names

if TYPE_CHECKING:
    from cityzoo.data.text import TextSet
    from cityzoo.outputs import Output

AT_ONCE = 1024  # texts


def tags_words(output: Output | type[Output]) -> bool:
    """Return whether an output says something about each word."""
    return "tokens" in output.encoder_outputs


def place_words(texts: TextSet, output: Output, tokenizer: Any) -> TextSet:
    """Return texts with their words and the token that each word begins with; as they are for other outputs."""
    if not tags_words(output):
        return texts
    examples = [replace(each, words=each.words or split_words(each.text)) for each in texts.examples]
    placed = []
    for start in range(0, len(examples), AT_ONCE):
        some = examples[start : start + AT_ONCE]
        encoded = tokenizer.encode_words([each.words for each in some])
        for each, pieces in zip(some, encoded.first_pieces, strict=True):
            starts = np.full(len(each.words), -1)
            starts[pieces[pieces >= 0]] = np.flatnonzero(pieces >= 0)
            placed.append(replace(each, starts=tuple(starts.tolist())))
    return replace(texts, examples=tuple(placed))


def write_baseline(folder: Path, train: TextSet) -> None:
    """Fit a tagger without a network and write it into a run folder."""
    WordShapeTagger.fit([(each.words, each.tags) for each in train.examples]).write(folder)


def baseline_results(folder: Path, texts: TextSet, output: Any) -> Mapping[str, Sequence[Any]]:
    """Return the results of taggers without a network, by name; none where the run has none."""
    tagger = WordShapeTagger.read(folder)
    if tagger is None:
        return {}
    words = [each.words for each in texts.examples]
    found = {
        "gazetteer": [match_phrases(each, tagger.phrases) for each in words],
        "gazetteer and word shapes": tagger(words),
    }
    place = {name: number for number, name in enumerate(tag_names(output.class_names))}
    return {
        name: [
            output.result_type(np.array([place.get(tag, 0) for tag in tags], int), np.ones(len(tags)))
            for tags in each
        ]
        for name, each in found.items()
    }
