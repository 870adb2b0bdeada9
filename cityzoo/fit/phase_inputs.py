"""What a phase trains on: features behind a cut where a frozen prefix ran once, images otherwise."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import augment
import zoo
from cityzoo import predict
from cityzoo.data.image import views
from cityzoo.fit import distributed, feature_cache, features

if TYPE_CHECKING:
    import keras

    from cityzoo.fit.phases import TrainContext
    from cityzoo.spec import Phase

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class PhaseInput:
    """Hold what a phase works with.

    Attributes:
        trained: the model that learns: the part behind the cut, or the whole.
        batches: (first epoch, number after the last) -> batches of (inputs, target), whole ones alone.
        results: judges nothing yet: the model's results for the held-out images.
        train: the features of the training images, where they were kept.
        prefix: what makes features of images; None where the model takes images.
    """

    trained: keras.Model
    batches: Callable[[int, int], Any]
    results: Callable[[], list[Any]]
    train: features.Features | None = None
    prefix: keras.Model | None = None


def of_phase(fitting: TrainContext, phase: Phase) -> PhaseInput:
    """Return what a phase trains on; the frozen prefix runs here, once, where its answers can be kept.

    Raises:
        InputError: there is no room for them where the user asked for it.
    """
    if phase.freeze == "none":
        return _streamed(fitting, None)
    if fitting.cache is None:
        return _streamed(fitting, fitting.spec.views)
    backbone = fitting.assembled.backbone
    last_stage = list(zoo.stages(backbone))[-1]
    prefix = zoo.prefix(backbone, last_stage if phase.freeze == "backbone" else phase.freeze)
    number_of_views = fitting.spec.views
    gigabytes = features.bytes_needed(prefix, fitting.train, number_of_views) / 1e9
    key = feature_cache.key_of(prefix, fitting.train, number_of_views)
    if distributed.all_gather(feature_cache.make_room(fitting.cache, key, int(gigabytes * 1e9))):
        what = "frozen to %s: each image runs through it %d times, %.2f GB of features in %s"
        LOG.info(what, phase.freeze, number_of_views, gigabytes, fitting.cache.folder)
        return cached_suffix_input(fitting, prefix)
    what = (
        "features would take %.1f GB, more than there is room for in %s: the frozen part runs in every epoch"
    )
    LOG.info(what, gigabytes, fitting.cache.folder)
    return _streamed(fitting, number_of_views)


def cached_suffix_input(fitting: TrainContext, prefix: keras.Model) -> PhaseInput:
    """Return what is behind a frozen prefix; it runs here, once, and its answers are kept.

    Raises:
        InputError: there is no room for them.
    """
    spec = fitting.spec
    train = features.compute(prefix, fitting.train, spec.views, fitting.cache)
    val = features.compute(prefix, fitting.val, 1, fitting.cache)
    suffix = zoo.suffix(prefix, fitting.assembled.model)

    def batches(first: int, last: int) -> Any:
        rows = views.shuffled(train.count, spec.batch_size, spec.seed, first, last, spec.views)
        return train.batches(*distributed.process_shard(rows, spec.batch_size))

    def results() -> list[Any]:
        inputs = val.batches(views.sequential_order(val.count), spec.batch_size)
        starts = range(0, val.count, spec.batch_size)
        matrices = (val.matrices[start : start + spec.batch_size] for start in starts)
        pairs = ((tensors, matrix) for (tensors, _), matrix in zip(inputs, matrices, strict=True))
        return predict.predict_batches(suffix, pairs, fitting.val)

    return PhaseInput(suffix, batches, results, train, prefix)


def _streamed(fitting: TrainContext, number_of_views: int | None) -> PhaseInput:
    # Each epoch shows new views; or, as behind a cut, the same ones in turn.
    import tensorflow as tf

    spec, model, count = fitting.spec, fitting.assembled.model, len(fitting.train.examples)
    if number_of_views is None:
        epochs = sum(phase.epochs for phase in spec.phases)
        unmixed_from = math.ceil(epochs * augment.get_policy(spec.augment).mix_until)
    else:
        unmixed_from = number_of_views - 1

    def batches(first: int, last: int) -> Any:
        rows = views.shuffled(count, spec.batch_size, spec.seed, first, last, number_of_views)
        triples = fitting.train.batches(
            *distributed.process_shard(rows, spec.batch_size), unmixed_from=unmixed_from
        )
        return triples.map(lambda images, y, matrix: (tf.cast(images, tf.float32), y)).prefetch(
            tf.data.AUTOTUNE
        )

    def results() -> list[Any]:
        return predict.predict_views(model, fitting.val, spec.batch_size)

    return PhaseInput(model, batches, results)
