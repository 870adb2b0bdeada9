"""Texts as they come to the network: token ids or TF-IDF rows, in batches of similar length."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from augment.epoch_order import Rows, View
from cityzoo.data.text.texts import TextSet
from cityzoo.modalities.labeled_views import LabeledViews
from cityzoo.outputs import Output
from zoo.text.tfidf import TfidfTokenizer

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from zoo.text.tokenizer import Tokenizer

POOL = 50  # batches that are sorted by length together


def rows_by_length(texts: TextSet) -> list[int]:
    """Return the rows of a set from the shortest text to the longest."""
    return sorted(range(len(texts)), key=lambda row: len(texts.examples[row].text))


@dataclass(frozen=True)
class TextViews(LabeledViews):
    """The texts of a set, as the network gets them; a text has one view.

    Attributes:
        tokenizer: of the backbone.
        seed: of the run.
    """

    examples: TextSet
    output: Output
    tokenizer: Tokenizer | TfidfTokenizer
    seed: int = 0

    @property
    def length(self) -> int:
        """Most tokens of a text: what features of single tokens are padded to."""
        return getattr(self.tokenizer, "max_length", 1)

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """Tokens of each text, (N,) int."""
        if self.has_words:
            starts = (each.starts for each in self.examples.examples)
            return np.array([2 + max(each, default=0) for each in starts], int)
        texts = [each.text for each in self.examples.examples]
        if hasattr(self.tokenizer, "lengths"):
            return np.minimum(self.tokenizer.lengths(texts), self.length)
        return np.ones(len(texts), int)

    @functools.cached_property
    def targets(self) -> np.ndarray:
        """Targets of the loss, (N, ...) float32."""
        targets = super().targets
        if not self.has_words:
            return targets
        missing = max(0, self.length - targets.shape[1])
        return np.pad(targets, ((0, 0), (0, missing)), constant_values=-1.0)

    @property
    def has_words(self) -> bool:
        """Whether texts are words with their tokens, as `cityzoo.modalities.text.words.place_words` returns them."""
        return "tokens" in self.output.encoder_outputs

    def inputs(self, rows: Sequence[int]) -> np.ndarray:
        """Return what the network takes of some texts."""
        examples = [self.examples.examples[row] for row in rows]
        if self.has_words and not isinstance(self.tokenizer, TfidfTokenizer):
            return self.tokenizer.encode_words([each.words for each in examples]).token_ids
        return self.tokenizer([each.text for each in examples])

    def load(self, views: Sequence[View]) -> np.ndarray:
        """Return what the network takes of (text, view) pairs."""
        return self.inputs([row for row, _ in views])

    def input_spec(self) -> tf.TensorSpec:
        """Return the shape of a batch of token ids or of TF-IDF rows."""
        import tensorflow as tf

        example = self.inputs([0])
        return tf.TensorSpec((None, None if example.dtype == np.int32 else example.shape[1]), example.dtype)

    def order_by_length(self, rows: Rows, batch_size: int) -> Rows:
        """Return shuffled rows such that each batch holds texts of similar length, batches in shuffled order."""

        def ordered() -> Iterator[tuple[int, int]]:
            rng = np.random.default_rng(self.seed)
            waiting: list[tuple[int, int]] = []
            for each in rows():
                waiting.append(each)
                if len(waiting) == POOL * batch_size:
                    yield from self._sorted_batches(waiting, batch_size, rng)
                    waiting = []
            yield from self._sorted_batches(waiting, batch_size, rng)

        return ordered

    def _sorted_batches(
        self, rows: list[tuple[int, int]], batch_size: int, rng: np.random.Generator
    ) -> Iterator[tuple[int, int]]:
        rows = sorted(rows, key=lambda each: self.lengths[each[0]])
        whole = len(rows) // batch_size
        for number in [*rng.permutation(whole), whole]:  # the incomplete one comes last
            yield from rows[number * batch_size : (number + 1) * batch_size]

    def cache_facts(self) -> Iterator[Any]:
        """Yield what features depend on, besides the network: plain values and bytes."""
        yield type(self.output).__qualname__, self.examples.class_names, self.length
        yield self.targets.tobytes()
        for each in self.examples.examples:
            yield "\t".join(each.words or (each.text,)).encode()


def predict_views(model: keras.Model, views: TextViews, batch_size: int) -> list[Any]:
    """Return the result for each text, in order; texts of similar length are computed together."""
    from cityzoo.backend import compiled

    run, results = compiled(model), [None] * len(views)
    order = np.argsort(views.lengths, kind="stable").tolist()
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        examples = [views.examples.examples[row] for row in rows]
        found = views.output.decode(np.asarray(run(views.inputs(rows))), None, examples)
        for row, result in zip(rows, found, strict=True):
            results[row] = result
    return results
