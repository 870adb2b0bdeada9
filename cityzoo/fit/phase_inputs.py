"""What a phase trains on: cached features behind a frozen prefix, or the examples themselves."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import zoo
from augment.epoch_order import sequential_order, shuffled
from cityzoo import predict
from cityzoo.fit import distributed, feature_cache, features
from cityzoo.fit.adversarial import attack_of

if TYPE_CHECKING:
    import keras

    from cityzoo.fit.context import TrainContext
    from cityzoo.spec import Phase

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class PhaseInput:
    """What a phase works with."""

    trained: keras.Model  # the model that trains: the part behind the cut, or the whole
    batches: Callable[[int, int], Any]  # (first epoch, epoch after the last) -> batches of (inputs, target)
    results: Callable[[], list[Any]]  # returns the model's results for the validation examples
    train: features.Features | None = None  # the features of the training examples, if they are cached
    prefix: keras.Model | None = None  # the model that computes features; None where the whole model trains


def of_phase(context: TrainContext, phase: Phase) -> PhaseInput:
    """Return what a phase trains on; a frozen prefix runs here, once, if its outputs can be cached.

    Raises:
        InputError: there is no room for them where the user asked for it.
    """
    shown = context.modality.views_shown(context.spec, phase.freeze)
    if (
        phase.freeze == "none" or context.cache is None or attack_of(context.spec)
    ):  # images change in each step
        return _stream(context, shown)
    prefix = context.modality.prefix(context.assembled.backbone, phase.freeze)
    if prefix is None or shown is None:
        return _stream(context, shown)
    if has_room(context, prefix, context.train, shown, f"frozen up to {phase.freeze}: features of"):
        return cached_suffix_input(context, prefix)
    return _stream(context, shown)


def has_room(context: TrainContext, prefix: keras.Model, views: Any, shown: int, what: str) -> bool:
    """Return whether a model's outputs for some views of each image may be cached, and log it.

    Args:
        context: what all phases share.
        prefix: the model.
        views: the images.
        shown: views of each image.
        what: what the log calls the outputs, e.g. "features of".

    Raises:
        InputError: there is no room for them where the user asked for it.
    """
    if context.cache is None:
        return False
    gigabytes = features.bytes_needed(prefix, views, shown) / 1e9
    key = feature_cache.key_of(prefix, views, shown)
    if distributed.all_gather(feature_cache.make_room(context.cache, key, int(gigabytes * 1e9))):
        LOG.info(
            "%s %d views per example are cached (%.2f GB) in %s", what, shown, gigabytes, context.cache.folder
        )
        return True
    LOG.info(
        "%s %d views per example need %.1f GB, more than there is room for in %s: they are computed in every epoch",
        *(what, shown, gigabytes, context.cache.folder),
    )
    return False


def cached_suffix_input(context: TrainContext, prefix: keras.Model) -> PhaseInput:
    """Return what is behind a frozen prefix, which runs here, once.

    Raises:
        InputError: there is no room for its outputs.
    """
    spec, size = context.spec, context.spec.fit.batch_size
    shown = context.modality.views_shown(spec, "backbone") or 1
    train = features.compute(prefix, context.train, shown, context.cache)
    val = features.compute(prefix, context.val, 1, context.cache)
    suffix = zoo.suffix(prefix, context.assembled.model)

    def batches(first: int, last: int) -> Any:
        rows = shuffled(train.count, size, spec.run.seed, first, last, shown)
        return train.batches(*distributed.process_shard(rows, size))

    def results() -> list[Any]:
        inputs = val.batches(sequential_order(val.count), size)
        matrices = (val.matrices[start : start + size] for start in range(0, val.count, size))
        pairs = ((tensors, matrix) for (tensors, _), matrix in zip(inputs, matrices, strict=True))
        return predict.predict_batches(suffix, pairs, context.val)

    return PhaseInput(suffix, batches, results, train, prefix)


def _stream(context: TrainContext, shown: int | None) -> PhaseInput:
    # Each epoch shows new views; or, as behind a cut, the same ones in turn.
    spec, modality, model = context.spec, context.modality, context.assembled.model

    def batches(first: int, last: int) -> Any:
        return modality.training_batches(
            context.assembled, context.train, spec, first, last, shown, distributed.process_shard
        )

    def results() -> list[Any]:
        return modality.predict_views(model, context.val, spec.fit.batch_size)

    return PhaseInput(model, batches, results)
