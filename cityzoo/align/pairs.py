"""Pairs of an image and a sentence: how they are read, encoded and projected, and what is measured of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cityzoo.cli import flag
from cityzoo.cli.values import AUTO, parse_count, parse_mapping, parse_smoothing
from cityzoo.data.multimodal import MultimodalDataset, MultimodalSet, load
from cityzoo.metrics.retrieval import DEPTHS, number_contents, rank_first_relevant
from cityzoo.modalities.multimodal import BACKBONE, Multimodal
from cityzoo.modalities.multimodal.encoders import choose_encoders, count_cells
from cityzoo.outputs import Output
from cityzoo.tasks import Task

if TYPE_CHECKING:
    import keras

    from cityzoo.model import AssembledModel

MODALITIES = ("image", "text")
IMAGE_ENCODER = "mobilenet_v2:4"
DIRECTIONS = ("image_to_text", "text_to_image")


@dataclass(frozen=True)
class PairFlags:
    """How pairs are read and encoded."""

    val: str | None = flag(
        None, "held-out pairs (default: the val split of --data, else a fifth of it)", metavar="PATH"
    )
    encoders: Mapping[str, str] | None = flag(
        None,
        "frozen encoders of both columns: run folders, backbones, hashing (text); an image backbone takes :N for the "
        f"means of N x N cells (default: image={IMAGE_ENCODER}; text=minilm if it is here, else hashing)",
        parse_mapping,
        "COLUMN=ENCODER",
    )
    cache: str = flag(
        AUTO,
        "where features are cached: auto (up to 12 GB in the user's cache), off, or a folder",
        metavar="auto|off|FOLDER",
    )


class Pairs(Multimodal):
    """Rows that have an image and a text."""

    unit: ClassVar[str] = "pairs"
    flags: ClassVar[type] = PairFlags
    supports_closed_form: ClassVar[bool] = False

    def read(self, spec: Any, task: Task) -> MultimodalDataset:
        """Return the pairs with their features.

        Raises:
            InputError: anything about the data or the encoders that cannot be used.
        """
        from cityzoo.modalities.multimodal.features import add_features

        flags = spec.modality
        data = load(
            spec.run.data, val=flags.val, limit=spec.run.limit, strict=spec.run.strict, pairs=MODALITIES
        )
        encoders = choose_encoders({"image": IMAGE_ENCODER} | dict(flags.encoders or {}), MODALITIES)
        return add_features(data, encoders, flags.cache)

    def default_freeze(self, spec: Any) -> str:
        """Return "none": both projections train."""
        return "none"

    def build(self, spec: Any, output: Output, data: MultimodalDataset) -> AssembledModel:
        """Put the projections on the features of both encoders."""
        import keras

        from cityzoo.model import AssembledModel

        sizes, encoders = data.train.sizes, data.train.encoders
        rows = keras.Input((sum(sizes.values()) + len(sizes),), name="features")
        image, text = rows[:, : sizes["image"]], rows[:, sizes["image"] : -len(sizes)]
        backbone = keras.Model(rows, {"image": image, "text": text}, name=BACKBONE)
        features = {**backbone.output, "cells": count_cells(encoders["image"][0])}
        return AssembledModel(
            keras.Model(rows, output.build_head(features), name="alignment"), backbone, None
        )

    def freeze(self, assembled: AssembledModel, spec: Any, stage: str) -> None:
        """Do nothing: the encoders are no part of the model."""


PAIRS = Pairs()


@dataclass(frozen=True)
class Alignment(Output):
    """Projections of images and sentences that are alike where both belong together."""

    class_names: tuple[str, ...] = ()
    width: int = flag(256, "width of the shared space", parse_count, "N")
    hidden: int = flag(512, "units of the hidden layer of the sentence's projection", parse_count, "N")
    dropout: float = flag(0.4, "share of the features that is hidden in training", parse_smoothing, "SHARE")
    primary_metrics: ClassVar[tuple[str, ...]] = tuple(f"recall_at_{depth}" for depth in DEPTHS)
    page: ClassVar[str] = "alignment"

    def label_columns(self, examples: Sequence[Any]) -> dict[str, Sequence[Any]]:
        """Return a number for the content of each pair, equal for equal sentences."""
        return {"labels": number_contents([each.cells["text"] for each in examples])[:, None].tolist()}

    def build_head(self, features: dict[str, Any]) -> keras.KerasTensor:
        """Return (batch, 2, width), see `heads.contrastive.project_pair`."""
        from heads.contrastive import project_pair

        cells = features["cells"]
        return project_pair(features["image"], features["text"], cells, self.width, self.hidden, self.dropout)

    def loss(self, size_hw: Any) -> keras.losses.Loss:
        """Return the symmetric InfoNCE."""
        from heads.contrastive import ContrastiveLoss

        return ContrastiveLoss()

    def decode(self, outputs: np.ndarray, matrices: Any, examples: Sequence[Any]) -> list[Any]:
        """Return (2, width) of each pair, both of length 1."""
        rows = np.asarray(outputs, np.float32)
        return list(rows / np.maximum(np.linalg.norm(rows, axis=2, keepdims=True), 1e-9))

    def metrics(self, truth: MultimodalSet, results: Sequence[np.ndarray]) -> dict[str, Any]:
        """Return the recall at each depth, the mean of both directions and each."""
        rows, content = np.stack(results), number_contents([each.cells["text"] for each in truth.examples])
        ranks = [rank_first_relevant(rows[:, k], rows[:, 1 - k], content, content) for k in (0, 1)]
        found = {
            f"{name}_recall_at_{depth}": float((each < depth).mean())
            for name, each in zip(DIRECTIONS, ranks, strict=True)
            for depth in DEPTHS
        }
        mean = {
            key: float(np.mean([found[f"{name}_{key}"] for name in DIRECTIONS]))
            for key in self.primary_metrics
        }
        return mean | found


def make_task() -> Task:
    """Return what `cityzoo.fit` trains; it is none of train.py's.

    Example:
        >>> make_task().monitor
        'recall_at_5'
    """
    defaults = {
        "backbone": BACKBONE,
        "batch_size": 512,
        "learning_rate": 0.003,
        "weight_decay": 0.05,
        "epochs": 30,
        "patience": 15,
    }
    return Task("images and sentences in one space", PAIRS, Alignment, load, None, "recall_at_5", defaults)
