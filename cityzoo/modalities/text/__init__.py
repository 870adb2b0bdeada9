"""Texts: hotline calls, reports, posts; labels are classes of whole texts or tags of their words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from augment.epoch_order import shuffled
from cityzoo.modalities import Masks, Modality, Shard
from cityzoo.modalities.text import data as reading
from cityzoo.modalities.text.annotation_export import TextExport
from cityzoo.modalities.text.check_flags import check_flags
from cityzoo.modalities.text.checks import TextChecks
from cityzoo.modalities.text.delivery import DeliveredText
from cityzoo.modalities.text.flags import TextEvaluateFlags, TextFlags
from cityzoo.modalities.text.words import place_words, tags_words
from cityzoo.monitor.text_statistics import measure_text
from cityzoo.spec import CLOSED_FORM, ResolvedSpec, TrainSpec
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


class Text(TextChecks, TextExport, DeliveredText, Modality[TextFlags]):
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

    def read(self, spec: TrainSpec[TextFlags], task: Task) -> TextDataset:
        return reading.read(spec, task)

    def read_to_evaluate(
        self, spec: TrainSpec[TextFlags], task: Task, class_names: Sequence[str], flags: Mapping[str, Any]
    ) -> tuple[TextSet, Any]:
        return reading.read_to_evaluate(spec, task, class_names, flags)

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

    def class_names(self, model: keras.Model) -> tuple[str, ...]:
        from cityzoo.model import class_names

        return class_names(model)

    def freeze(self, assembled: AssembledModel, spec: Spec, stage: str) -> None:
        import zoo

        stage = "backbone" if stage == CLOSED_FORM else stage
        adapted = hasattr(assembled.backbone, "adaptation")
        (zoo.freeze_base if adapted else zoo.freeze)(assembled.backbone, stage)

    def stage_of_layers(self, backbone: keras.Model) -> Mapping[str, str]:
        import zoo

        return zoo.stage_of_layers(backbone)

    def layer_decay(self, spec: Spec) -> float:
        return spec.modality.layer_decay

    def optimizer_settings(self, spec: Spec) -> dict[str, Any]:
        return {}

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

    def views_shown(self, spec: Spec, stage: str) -> int | None:
        return 1

    def training_batches(
        self,
        assembled: AssembledModel,
        views: TextViews,
        spec: Spec,
        first: int,
        last: int,
        shown: int | None,
        shard: Shard,
    ) -> Iterable[Any]:
        import tensorflow as tf

        size = spec.fit.batch_size
        rows = views.order_by_length(shuffled(len(views), size, spec.run.seed, first, last, 1), size)
        triples = views.batches(*shard(rows, size))
        return triples.map(tf.autograph.experimental.do_not_convert(lambda x, y, _: (x, y))).prefetch(4)

    def examples_of_step(
        self,
        assembled: AssembledModel,
        views: TextViews,
        spec: Spec,
        epoch: int,
        step: int,
        shown: int | None,
    ) -> list[tuple[str, int]]:
        size = spec.fit.batch_size
        rows = list(
            views.order_by_length(shuffled(len(views), size, spec.run.seed, epoch, epoch + 1, 1), size)()
        )
        return [(views.examples.examples[row].path, 0) for row, _ in rows[step * size : (step + 1) * size]]

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

    def reorder_labels(self, examples: TextSet, class_names: Sequence[str]) -> TextSet:
        return reading.reorder_labels(examples, class_names)

    def groups(self, examples: TextSet) -> list[str]:
        return [each.group for each in examples.examples]

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
