"""Texts as they are pretrained on: some tokens are hidden, and have to be named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from augment.epoch_order import shuffled
from cityzoo.cli import flag
from cityzoo.data import text as texts
from cityzoo.data.text.formats import Columns
from cityzoo.errors import InputError
from cityzoo.modalities import Shard
from cityzoo.modalities.text import Text
from cityzoo.pretrain.hidden_tokens import MaskedViews
from cityzoo.pretrain.objectives import VALIDATION_SEED
from cityzoo.transfer import is_model
from zoo.text import registry

if TYPE_CHECKING:
    import keras

    from cityzoo.model import AssembledModel

BATCH_SIZE = 32  # texts, in evaluation


@dataclass(frozen=True)
class UnlabelledReader:
    """Read texts; labels are ignored."""

    text_column: str = flag(
        "", "column or key of the texts (default: text, sentence, message ...)", metavar="NAME"
    )

    def __call__(self, source: str, **how: Any) -> texts.TextDataset:
        """Return the checked texts of a source."""
        return texts.load(source, columns=Columns(self.text_column), is_labeled=False, **how)


class PretrainingText(Text):
    """Texts with hidden tokens."""

    trains_head_first: ClassVar[bool] = False
    steps_of_only_phase: ClassVar[int] = 1000

    def check(self, spec: Any, task: Any) -> None:
        run = spec.run
        if run.backbone == registry.TFIDF:
            raise InputError(
                "tfidf has no encoder to pretrain: give --backbone minilm or a Hugging Face folder"
            )
        if is_model(run.weights):
            raise InputError(
                f"--weights '{run.weights}' is a whole model: give a weights file of the encoder"
            )
        super().check(spec, task)

    def resolve(self, spec: Any, data: texts.TextDataset) -> Any:
        """Return the flags as for training; the tokenizer must have a mask."""
        from cityzoo.modalities.text.build import make_tokenizer

        flags: Any = super().resolve(spec, data)
        tokenizer: Any = make_tokenizer(spec.run.backbone, flags.max_tokens, data.train)
        if tokenizer.mask_id is None:
            raise InputError(
                f"the tokenizer of backbone '{spec.run.backbone}' has no mask ([MASK] or <mask>), so no token can be "
                "hidden: give an encoder that was trained as a masked language model"
            )
        return flags

    def views(self, spec: Any, output: Any, data: texts.TextDataset) -> tuple[MaskedViews, MaskedViews]:
        """Return the training texts and the held-out ones, in which the same tokens are hidden each time."""
        from cityzoo.modalities.text.build import make_tokenizer

        seed = spec.run.seed
        tokenizer = make_tokenizer(spec.run.backbone, spec.modality.max_tokens, data.train)
        train = MaskedViews(data.train, output, tokenizer, seed)
        return train, replace(train, examples=data.val, seed=seed + VALIDATION_SEED)

    def views_shown(self, spec: Any, stage: str) -> int | None:
        return None

    def prefix(self, backbone: keras.Model, stage: str) -> keras.Model | None:
        """Return None: what is hidden changes, so nothing can be kept."""
        return None

    def build(self, spec: Any, output: Any, data: texts.TextDataset) -> AssembledModel:
        """Put the head on the encoder, with its published weights where the encoder's folder has them."""
        import keras

        from cityzoo.modalities.text.build import make_tokenizer
        from cityzoo.model import AssembledModel

        run = spec.run
        try:
            tokenizer: Any = make_tokenizer(run.backbone, spec.modality.max_tokens, data.train)
            encoder, origin = registry.build(run.backbone, run.weights, tokenizer)
        except ValueError as error:
            raise InputError(str(error)) from error
        places = keras.Input((None,), dtype="int32", name="places")
        features = {"tokens": encoder.output["tokens"], "places": places, "encoder": encoder}
        inputs = {"token_ids": encoder.inputs[0], "places": places}
        model = keras.Model(inputs, output.build_head(features), name="masked_language_model")
        if run.weights in ("auto", "pretrained"):
            _load_head(model, registry.find_folder(run.backbone))
        model.tokenizer = tokenizer
        return AssembledModel(model, encoder, origin)

    def make_network(self, spec: Any, assembled: AssembledModel) -> keras.Model:
        """Return a fresh encoder."""
        return registry.build(spec.run.backbone, "random", assembled.model.tokenizer)[0]

    def training_batches(
        self,
        assembled: AssembledModel,
        views: Any,
        spec: Any,
        first: int,
        last: int,
        shown: int | None,
        shard: Shard,
    ) -> Iterable[Any]:
        """Return batches of texts of similar length and of what is hidden in them."""
        size = spec.fit.batch_size
        rows = views.order_by_length(shuffled(len(views), size, spec.run.seed, first, last, None), size)
        return views.masked_batches(*shard(rows, size)).prefetch(4)

    def predict_views(self, model: keras.Model, views: Any, batch_size: int) -> list[Any]:
        """Return what is measured of every text, in order."""
        from cityzoo.backend import compiled

        run, results = compiled(model), [None] * len(views)
        order = np.argsort(views.lengths, kind="stable").tolist()
        for start in range(0, len(order), BATCH_SIZE):
            rows = order[start : start + BATCH_SIZE]
            inputs, target = views.hide([(row, 0) for row in rows])
            for row, found in zip(rows, views.output.measure(target, np.asarray(run(inputs))), strict=True):
                results[row] = found
        return results


def _load_head(model: keras.Model, folder: Path) -> None:
    from safetensors.numpy import load_file

    from zoo.text.hugging_face import WEIGHTS
    from zoo.text.masked_language import has_masked_head, read_masked_head

    if not has_masked_head(folder):
        return
    head = read_masked_head(load_file(folder / WEIGHTS))
    model.get_layer("head_dense").set_weights([head.kernel, head.bias])
    model.get_layer("head_norm").set_weights([head.scale, head.offset])
    model.get_layer("head_logits").set_weights([head.token_bias])


TEXTS = PretrainingText()
