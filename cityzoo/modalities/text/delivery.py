"""How exported models of texts are fed: the tokenizer goes with the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cityzoo.data.text.check import LONGEST, REMOVED
from cityzoo.data.text.tags import WORD
from cityzoo.modalities.delivery import DeliveredInput
from cityzoo.modalities.text.words import place_words, tags_words
from zoo.text.tfidf import TfidfTokenizer
from zoo.text.tokenizer import STEP, Tokenizer

if TYPE_CHECKING:
    from cityzoo.data.text import TextSet


class DeliveredText(DeliveredInput):
    """The part of the modality that export asks."""

    companions: ClassVar[tuple[str, ...]] = (Tokenizer.file, TfidfTokenizer.file)

    def describe_input(self, model: Any, output: Any, shape: Sequence[int | None]) -> dict[str, Any]:
        from cityzoo.modalities.text.build import tokenizer_of

        tokenizer = tokenizer_of(model)
        about: dict[str, Any] = {"file": tokenizer.file, "removed": REMOVED.pattern, "longest": LONGEST}
        if tags_words(output):
            about["words"] = WORD.pattern
        if isinstance(tokenizer, TfidfTokenizer):
            return {"text": {**about, "rule": "TF-IDF of the terms in the file, rows of length 1"}}
        rule = f"the package tokenizers, padded at the end to the longest text, in steps of {STEP} tokens"
        sizes = {"max_length": tokenizer.max_length, "padding_id": tokenizer.padding_id, "step": STEP}
        return {"range": [0, tokenizer.vocabulary_size - 1], "text": {**about, "rule": rule, **sizes}}

    def fixed_shape(self, model: Any) -> dict[str, tuple[int, ...]]:
        from cityzoo.modalities.text.build import tokenizer_of

        tokenizer = tokenizer_of(model)
        return {"token_ids": (tokenizer.max_length,)} if isinstance(tokenizer, Tokenizer) else {}

    def sources(self, examples: TextSet) -> np.ndarray | None:
        # Words of tagged data were split by others; what clients send is split here.
        texts = [each.text for each in examples.examples if not each.words]
        return np.array(texts) if len(texts) == len(examples) else None

    def feeding_order(self, model: Any, examples: TextSet, output: Any) -> Sequence[int]:
        from cityzoo.modalities.text.build import tokenizer_of
        from cityzoo.modalities.text.views import TextViews

        tokenizer = tokenizer_of(model)
        lengths = TextViews(place_words(examples, output, tokenizer), output, tokenizer).lengths
        return np.argsort(lengths, kind="stable").tolist()
