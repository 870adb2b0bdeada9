"""Build text models: backbone, tokenizer and head."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

import zoo
from cityzoo import peft
from cityzoo.errors import InputError
from cityzoo.modalities.text.flags import ResolvedTextFlags
from cityzoo.model import AssembledModel, label_outputs
from cityzoo.outputs import Output
from cityzoo.spec import ResolvedSpec
from cityzoo.transfer import is_model, start_from
from zoo.text import registry
from zoo.text.tfidf import TfidfTokenizer, build_tfidf
from zoo.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from cityzoo.data.text import TextSet

SAMPLE = 500  # texts whose lengths are looked at
TextSpec = ResolvedSpec[ResolvedTextFlags]
AnyTokenizer = Tokenizer | TfidfTokenizer


def build(spec: TextSpec, output: Output, train: TextSet) -> AssembledModel:
    """Put the head on the backbone and give it its starting weights; the tokenizer goes with the model.

    Raises:
        InputError: weights that are not there, or that do not fit.
    """
    run, flags = spec.run, spec.modality
    try:
        tokenizer = make_tokenizer(run.backbone, flags.max_tokens, train, run.weights)
        backbone, origin = _build_backbone(run.backbone, run.weights, tokenizer)
    except ValueError as error:
        raise InputError(str(error)) from error
    needed = output.encoder_outputs
    chosen = {name: backbone.output[name] for name in needed}
    backbone = keras.Model(backbone.inputs[0], chosen, name=backbone.name)
    outputs = label_outputs(output.build_head(backbone.output), output.class_names)
    model = keras.Model(backbone.inputs[0], outputs, name=f"{run.task_name}_{Path(run.backbone).name}")
    assembled = AssembledModel(model, backbone, origin)
    assembled = start_from(assembled, run.weights)
    assembled = peft.adapt(assembled, flags.adapt, flags.delta, spec.plan, run.seed)
    assembled.model.tokenizer = tokenizer
    assembled.backbone.mean_fill = _mean_fill(tokenizer, train)
    return assembled


def _mean_fill(tokenizer: AnyTokenizer, train: TextSet) -> float:
    """Return the mean length of the texts, as a share of the longest that is read."""
    if isinstance(tokenizer, TfidfTokenizer):
        return 1.0
    lengths = tokenizer.lengths([each.text for each in train.examples[:SAMPLE]])
    return float(np.minimum(lengths, tokenizer.max_length).mean() / tokenizer.max_length)


def make_tokenizer(backbone: str, max_tokens: int, train: TextSet, weights: str = "auto") -> AnyTokenizer:
    """Return the tokenizer of a backbone.

    That of TF-IDF learns its terms from the training texts, or keeps those that the weights of a whole model belong to.
    """
    if backbone == "tfidf" and is_model(weights):
        return TfidfTokenizer.from_folder(Path(weights).parent)
    if backbone == "tfidf":
        return TfidfTokenizer.fit([each.text for each in train.examples])
    return Tokenizer.from_folder(registry.find_folder(backbone), max_tokens)


def _build_backbone(
    name: str, weights: str, tokenizer: AnyTokenizer
) -> tuple[keras.Model, zoo.Origin | None]:
    if isinstance(tokenizer, TfidfTokenizer):
        return build_tfidf(tokenizer.vocabulary_size), None
    return registry.build(name, "random" if is_model(weights) else weights, tokenizer)


def tokenizer_of(model: keras.Model) -> AnyTokenizer:
    """Return the tokenizer that a model was trained with: it goes with the model, or lies next to its file.

    Raises:
        InputError: the file is missing or damaged.
    """
    if hasattr(model, "tokenizer"):
        return model.tokenizer
    file = getattr(model, "file", None)
    if file is None:
        raise InputError(f"model '{model.name}' has no tokenizer: load it from its run folder")
    folder = Path(file).parent
    try:
        if (folder / TfidfTokenizer.file).is_file():
            return TfidfTokenizer.from_folder(folder)
        if not (folder / Tokenizer.file).is_file() and (folder / "spec.json").is_file():
            return _tokenizer_of_spec(folder / "spec.json")
        return Tokenizer.from_folder(folder)
    except ValueError as error:
        raise InputError(f"{error}; '{file}' needs it") from error


def _tokenizer_of_spec(file: Path) -> Tokenizer:
    """Return the tokenizer of the backbone of a run that was stopped before it was written."""
    spec = json.loads(file.read_text(encoding="utf-8"))
    return Tokenizer.from_folder(
        registry.find_folder(spec["run"]["backbone"]), spec["modality"]["max_tokens"]
    )


def write_tokenizer(folder: Path, tokenizer: AnyTokenizer) -> None:
    """Write the tokenizer into a run folder."""
    tokenizer.write(folder)
