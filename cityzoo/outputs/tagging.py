"""Tagging: entities in texts that are given as words; evaluated by strict F1."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from cityzoo.cli import flag
from cityzoo.cli.search_range import linear_range
from cityzoo.cli.values import parse_smoothing
from cityzoo.data.text.tags import Span, spans_of, split_words, word_offsets
from cityzoo.errors import InputError
from cityzoo.metrics import tagging
from cityzoo.metrics.weighted import WeightedMetrics
from cityzoo.outputs import Output, PredictionSummary
from heads.tagging_decode import decode_tags, tag_names

if TYPE_CHECKING:
    import keras

    from cityzoo.data.text import TextExample, TextSet


class TaggedWords(NamedTuple):
    """Tags of the words of a text."""

    tags: np.ndarray  # (W,) int, columns of `tag_names`
    confidence: np.ndarray  # (W,) float, probability of each; 0 for words that were cut off


@dataclass(frozen=True)
class Tagging(Output):
    """Entities of several types; see `cityzoo.outputs.Output`."""

    class_names: tuple[str, ...]  # types of entities
    dropout: float = flag(
        0.1,
        "share of each token's features that is dropped in training, 0 to 0.9",
        parse_smoothing,
        "SHARE",
        search=linear_range(0.0, 0.5),
    )
    page: ClassVar[str] = "tagging"
    primary_metrics: ClassVar[tuple[str, ...]] = ("f1", "macro_f1", "precision", "recall")
    result_type: ClassVar[type] = TaggedWords
    bootstrap_samples: ClassVar[int] = 1000
    per_class_metrics: ClassVar[tuple[str, ...]] = ("f1",)
    encoder_outputs: ClassVar[tuple[str, ...]] = ("tokens", "token_mask")
    label_layouts: ClassVar[tuple[str, ...]] = ("conll",)

    def with_train_statistics(self, train: TextSet, may_lack_classes: bool = False) -> Tagging:
        """Return the output as it is.

        Raises:
            InputError: no entity to learn.
        """
        missing = set(self.class_names) - {
            span.type for each in train.examples for span in spans_of(each.tags)
        }
        if (missing and not may_lack_classes) or not self.class_names:
            raise InputError(
                f"no entity of {', '.join(sorted(missing)) or 'any type'} to train on: give texts with "
                "tags such as B-road, or other --classes"
            )
        return self

    def label_columns(self, examples: Sequence[TextExample]) -> dict[str, Sequence[Any]]:
        """Return the tag at each word's first token, -1 elsewhere: (N, tokens)."""
        place = {name: number for number, name in enumerate(tag_names(self.class_names))}
        width = 1 + max((max(each.starts, default=0) for each in examples), default=0)
        labels = np.full((len(examples), width), -1, np.int32)
        for row, each in zip(labels, examples, strict=True):
            for start, tag in zip(each.starts, each.tags, strict=False):
                if start >= 0:
                    row[start] = place[tag]
        return {"labels": list(labels)}

    def build_head(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Return (batch, tokens, tags) float32 logits."""
        from heads.tagging import TaggingHead

        return TaggingHead(len(tag_names(self.class_names)), self.dropout)(features)

    def average_outputs(self, outputs: Sequence[Any], weights: Sequence[float]) -> Any:
        """Return logits of the weighted mean of the tags' probabilities."""
        from heads.averaging import average_logits

        return average_logits(outputs, weights)

    def loss(self, size_hw: Any) -> keras.losses.Loss:
        """Return the cross-entropy of words."""
        from heads.tagging import TaggingLoss

        return TaggingLoss()

    def decode(
        self, outputs: np.ndarray, matrices: Any, examples: Sequence[TextExample]
    ) -> list[TaggedWords]:
        """Return the most probable valid tags of each text."""
        rows = np.asarray(outputs)
        return [TaggedWords(*decode_tags(row, each.starts)) for row, each in zip(rows, examples, strict=True)]

    def entities(self, results: Sequence[TaggedWords]) -> list[list[Span]]:
        """Return the entities that were found in each text, in words."""
        names = np.array(tag_names(self.class_names))
        return tagging.spans_of_texts([names[each.tags].tolist() for each in results])

    def metrics(self, truth: TextSet, results: Sequence[TaggedWords]) -> dict[str, Any]:
        """Return strict F1, precision and recall in all and by class, and how many words were cut off."""
        cut = [int((np.asarray(each.confidence) == 0).sum()) for each in results]
        found = tagging.entity_metrics(_true(truth), self.entities(results), self.class_names)
        return {**found, "words_cut": sum(cut), "texts_cut": sum(map(bool, cut))}

    def weighted_metrics(self, truth: TextSet, results: Sequence[TaggedWords]) -> WeightedMetrics:
        """Return what gives the metrics of weighted texts."""
        counts = tagging.count_entities(_true(truth), self.entities(results), self.class_names)
        return tagging.weighted_entity_metrics(counts, self.class_names)

    def details(self, truth: TextSet, results: Sequence[TaggedWords]) -> dict[str, Any]:
        """Return the classification report, errors by kind and calibration."""
        true, found = _true(truth), self.entities(results)
        return {
            "classification_report": tagging.classification_report(self.metrics(truth, results)),
            "errors": tagging.count_errors(true, found),
            "calibration": tagging.entity_calibration(true, found, [each.confidence for each in results]),
        }

    def write_results(self, truth: TextSet, results: Sequence[TaggedWords], folder: Path) -> None:
        """Write `entities.json`: true and found entities of each text with their characters."""
        rows = self.document(truth, results)
        for row, example, spans in zip(rows, truth.examples, _true(truth), strict=True):
            row["true"] = _with_characters(example, spans)
        (folder / "entities.json").write_text(
            json.dumps({"texts": rows}, ensure_ascii=False), encoding="utf-8"
        )

    def document(
        self, texts: TextSet, results: Sequence[TaggedWords], least: float = 0.0
    ) -> list[dict[str, Any]]:
        """Return the entities of each text, for JSON: characters from `start` to `end`, exclusive.

        Args:
            texts: N of them.
            results: of each.
            least: confidence from which on entities count.
        """
        rows = []
        for example, result, spans in zip(texts.examples, results, self.entities(results), strict=True):
            shares = [round(tagging.confidence_of(span, result.confidence), 4) for span in spans]
            entities = [
                {**entity, "confidence": share}
                for entity, share in zip(_with_characters(example, spans), shares, strict=True)
                if share >= least
            ]
            cut = int((np.asarray(result.confidence) == 0).sum())
            rows.append({"path": example.path, "text": example.text, "entities": entities, "words_cut": cut})
        return rows

    def summarize_predictions(
        self,
        examples: TextSet,
        results: Sequence[TaggedWords],
        report: Mapping[str, Any],
        score: float | None,
    ) -> PredictionSummary:
        """Return the entities of each text with their characters, those of a confidence of --score or more."""
        rows = self.document(examples, results, score or 0.0)
        count, cut = sum(len(row["entities"]) for row in rows), sum(row["words_cut"] for row in rows)
        line = f"{count} entities" + (f" ({cut} words beyond --max-tokens have none)" if cut else "")
        return PredictionSummary(list(results), "entities.json", {"texts": rows}, line)

    def uncertainty(self, outputs: np.ndarray, results: Sequence[TaggedWords]) -> np.ndarray:
        """Return 1 minus the confidence of each text's least certain word, cut words left out."""
        shares = [np.asarray(each.confidence) for each in results]
        return np.array([1 - row[row > 0].min() if (row > 0).any() else 1.0 for row in shares])

    def prelabel(
        self, results: Sequence[TaggedWords], report: Mapping[str, Any], score: float | None
    ) -> list[tuple[str, ...]]:
        """Return the tag of each word."""
        names = np.array(tag_names(self.class_names))
        return [tuple(names[each.tags].tolist()) for each in results]


def _true(truth: TextSet) -> list[list[Span]]:
    return tagging.spans_of_texts([each.tags for each in truth.examples])


def _with_characters(example: TextExample, spans: Sequence[Span]) -> list[dict[str, Any]]:
    offsets = word_offsets(example.text, example.words or split_words(example.text))
    places = [(offsets[span.start][0], offsets[span.end - 1][1], span.type) for span in spans]
    return [
        {"start": start, "end": end, "type": name, "text": example.text[start:end]}
        for start, end, name in places
    ]
