"""Texts: hotline calls, reports, posts; labels are classes of whole texts or tags of their words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from augment.epoch_order import Rows
from cityzoo.modalities import Masks
from cityzoo.modalities.labeled_examples import labeled_options
from cityzoo.modalities.labeled_modality import LabeledModality
from cityzoo.modalities.text import data as reading
from cityzoo.modalities.text.annotation_export import TextExport
from cityzoo.modalities.text.check_flags import check_flags
from cityzoo.modalities.text.checks import TextChecks
from cityzoo.modalities.text.delivery import DeliveredText
from cityzoo.modalities.text.flags import TextEvaluateFlags, TextFlags
from cityzoo.modalities.text.words import place_words, tags_words
from cityzoo.monitor.text_statistics import measure_text
from cityzoo.spec import ResolvedSpec, TrainSpec
from zoo.text import registry

if TYPE_CHECKING:
    import keras

    from cityzoo.data.text import TextDataset, TextSet
    from cityzoo.modalities.text.views import TextViews
    from cityzoo.model import AssembledModel
    from cityzoo.outputs import Output
    from cityzoo.tasks import Task

default_backbone = registry.default_name
BLOCKS = tuple(f"block{number:02d}" for number in range(25))
BATCH_SIZE = 32  # texts, in inference
Spec = ResolvedSpec[Any]


class Text(TextChecks, TextExport, DeliveredText, LabeledModality[TextFlags]):
    """Texts, cut into tokens."""

    name: ClassVar[str] = "text"
    unit: ClassVar[str] = "texts"
    flags: ClassVar[type] = TextFlags
    evaluate_flags: ClassVar[type] = TextEvaluateFlags
    report_sections: ClassVar[tuple[str, ...]] = ("explain", "robustness", "interventions")
    freeze_points: ClassVar[tuple[str, ...]] = ("none", *BLOCKS, "backbone")
    trains_head_first: ClassVar[bool] = True
    supports_closed_form: ClassVar[bool] = True
    epochs_after_closed_form: ClassVar[int] = 5
    help_words: ClassVar[Mapping[str, str]] = {
        "sources": "CSV, TSV, JSON, JSONL or CoNLL, or a folder of them or of a folder for each class",
        "stages": "auto|none|block00|...|backbone",
        "weights": "auto|pretrained|random|PATH",
        "about_weights": "auto: the published ones; or a weights file of the encoder, or the model.keras of an earlier "
        "run",
        "about_freeze": "block00: the embeddings, block01: the first block as well, and so on; backbone: train "
        "the head only; auto: block00",
        "plan": "closed_form,block04:3, which computes the head first",
        "later": "a tenth, half with --adapt",
    }

    def backbones(self) -> Mapping[str, str]:
        lines = {
            name: f"{row.params_millions:>8.1f} M   {row.about}" for name, row in registry.BACKBONES.items()
        }
        return {
            **lines,
            registry.TFIDF: f"{'':>10}   TF-IDF of words and characters: no weights, any language",
        }

    def check(self, spec: TrainSpec[TextFlags], task: Task) -> None:
        check_flags(spec.run, spec.modality, task.output)

    def read_options(self, spec: TrainSpec[TextFlags]) -> dict[str, Any]:
        return {**labeled_options(spec), "hold_out": spec.modality.hold_out}

    def other_options(self, flags: Mapping[str, Any]) -> dict[str, Any]:
        given = {"format": flags["format"], "class_map": flags["class_map"]}
        return {**given, "hold_out": (), "split_by": "text", "is_training": False}

    def read_unlabelled(self, path: str, flags: Mapping[str, Any]) -> TextSet:
        return reading.read_unlabelled(path)

    def fingerprint(self, data: TextDataset) -> list[Any]:
        return [(e.text, e.target.tolist(), e.tags) for side in (data.train, data.val) for e in side.examples]

    def named_labels(self, examples: TextSet, source: str) -> Iterable[tuple[str, bytes]]:
        for each in examples.examples:
            yield each.path, each.target.tobytes() + "\t".join(each.tags).encode() + each.text.encode()

    def resolve(self, spec: TrainSpec[TextFlags], data: TextDataset) -> TextFlags:
        return reading.resolve_flags(spec, data)

    def default_freeze(self, spec: TrainSpec[TextFlags]) -> str:
        # Most embeddings are of words that no training text has: trained ones would drift away from them.
        return "backbone" if spec.run.backbone == registry.TFIDF else "block00"

    def build(self, spec: Spec, output: Output, data: TextDataset) -> AssembledModel:
        from cityzoo.modalities.text import build

        return build.build(spec, output, data.train)

    def layer_decay(self, spec: Spec) -> float:
        return spec.modality.layer_decay

    def prefix(self, backbone: keras.Model, stage: str) -> keras.Model | None:
        from zoo.text import stages

        # Cached tokens are padded to the longest text, batches to their own: short texts are faster without.
        if stage != "backbone" and not stages.is_cache_faster(backbone, stage, backbone.mean_fill):
            return None
        return stages.prefix(backbone, stage)

    def views(self, spec: Spec, output: Output, data: TextDataset) -> tuple[TextViews, TextViews]:
        from cityzoo.modalities.text.build import make_tokenizer
        from cityzoo.modalities.text.views import TextViews, rows_by_length

        tokenizer = make_tokenizer(spec.run.backbone, spec.modality.max_tokens, data.train, spec.run.weights)
        # Features are computed in order: texts of similar length together need little padding.
        by_length = self.select(data.train, rows_by_length(data.train))
        train = place_words(by_length, output, tokenizer)
        val = place_words(data.val, output, tokenizer)
        return (
            TextViews(train, output, tokenizer, spec.run.seed),
            TextViews(val, output, tokenizer, spec.run.seed),
        )

    def order(self, views: TextViews, spec: Spec, first: int, last: int, shown: int | None) -> Rows:
        return views.order_by_length(super().order(views, spec, first, last, shown), spec.fit.batch_size)

    def predict_views(self, model: keras.Model, views: TextViews, batch_size: int) -> list[Any]:
        from cityzoo.modalities.text.views import predict_views

        return predict_views(model, views, BATCH_SIZE)

    def predict(self, model: keras.Model, examples: TextSet, output: Output) -> list[Any]:
        from cityzoo.modalities.text.build import tokenizer_of
        from cityzoo.modalities.text.views import TextViews

        tokenizer = tokenizer_of(model)
        views = TextViews(place_words(examples, output, tokenizer), output, tokenizer)
        return self.predict_views(model, views, BATCH_SIZE)

    def identify(self, examples: TextSet) -> list[Any]:
        return [(each.path, each.text, each.words) for each in examples.examples]

    def input_signals(self, examples: TextSet, row: int) -> dict[str, list[float]]:
        return {name: [value] for name, value in measure_text(examples.examples[row].text).items()}

    def slices(self, examples: TextSet, by: str) -> Masks:
        return reading.slices(examples)

    def write_manifest(self, folder: Path, data: TextDataset, output: Output) -> None:
        from cityzoo.modalities.text.build import make_tokenizer

        spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
        run, flags = spec["run"], spec["modality"]
        make_tokenizer(run["backbone"], flags["max_tokens"], data.train, run["weights"]).write(folder)
        self.fit_baselines(folder, data, output)

    def write_examples(
        self,
        output: Output,
        examples: TextSet,
        results: Sequence[Any],
        details: Mapping[str, Any],
        folder: Path,
    ) -> dict[str, Any]:
        if tags_words(output):
            from cityzoo.visualize import tagging_examples

            tagging_examples.write_examples(examples, results, output, details, folder)
        return {}


TEXT = Text()
