"""One phase: freeze, compile, fit. Where a prefix is frozen it runs once, and the rest trains on what it said."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

import augment
import zoo
from cityzoo import predict, views
from cityzoo.errors import InputError
from cityzoo.fit import feature_cache, features
from cityzoo.fit.callbacks import Judge, Keeper, Pictures, Progress
from cityzoo.fit.run_folder import RunFolder
from cityzoo.kinds import Kind
from cityzoo.model import Assembled
from cityzoo.spec import Phase, TrainSpec
from cityzoo.tasks import Task

LOG = logging.getLogger(__name__)
WARM_UP = 0.1  # share of a phase's steps
WEIGHT_DECAY = 0.01
CLIP_NORM = 10.0


@dataclass(frozen=True)
class Fitting:
    """Hold what all phases of a run share."""

    task: Task
    kind: Kind
    assembled: Assembled
    train: views.Views
    val: views.Views
    spec: TrainSpec
    run: RunFolder
    cache: feature_cache.Cache | None
    progress: Progress
    clock: Callable[[], float]


def fit_phase(
    fitting: Fitting, phase: Phase, checkpoint: Mapping[str, Sequence[np.ndarray]] | None = None
) -> None:
    """Train for one phase; the model is left with the weights of the best epoch so far.

    Args:
        fitting: what all phases share; its `progress` says where this phase stands.
        phase: what is frozen, for how long, how fast.
        checkpoint: "optimizer" state and "best" weights, where this phase had begun before.

    Raises:
        InputError: the backbone lacks the stage, the disk is full, or the loss is no number any more.
    """
    progress, spec, checkpoint = fitting.progress, fitting.spec, checkpoint or {}
    started = time.perf_counter()
    first = sum(earlier.epochs for earlier in spec.phases[: progress.phase])
    last = first + phase.epochs
    keeper = Keeper(
        fitting.assembled.model, fitting.run, fitting.task.monitor, spec.patience, progress, fitting.clock
    )
    if checkpoint.get("best"):
        keeper.twin.set_weights(checkpoint["best"])
    freeze(fitting, phase)
    _synchronize(fitting.assembled.model)
    trained, batches, judge = _source(fitting, phase)
    prepared = time.perf_counter()
    steps = len(fitting.train.pictures) // spec.batch_size
    trained.compile(_optimizer(phase, steps), fitting.kind.loss(spec.image_size))
    _restore(trained.optimizer, checkpoint.get("optimizer", ()), trained)
    if progress.before is None:
        progress.before = {n: v for n, v in judge()[0].items() if not isinstance(v, dict)}
    judged = Judge(judge)
    trained.fit(
        batches(progress.epoch, last),
        initial_epoch=progress.epoch,
        epochs=last,
        steps_per_epoch=steps,
        shuffle=False,  # the rows come shuffled
        callbacks=[judged, keeper, *_watchers(fitting, judged, last)],
    )
    if not np.isfinite(progress.history[-1].get("loss", 0.0)):
        raise InputError(
            f"the loss became {progress.history[-1]['loss']} in epoch {progress.epoch}: lower --learning-rate"
        )
    fitting.assembled.model.set_weights(keeper.twin.get_weights())
    name = f"phase {progress.phase + 1}"
    for what, seconds in (("features", prepared - started), ("training", time.perf_counter() - prepared)):
        progress.seconds[f"{name} {what}"] = progress.seconds.get(f"{name} {what}", 0.0) + round(seconds, 1)


def _watchers(fitting: Fitting, judged: Judge, last_epoch: int) -> list[keras.callbacks.Callback]:
    return [
        Pictures(judged, fitting.val.pictures, str(fitting.run.logs), last_epoch),
        keras.callbacks.TensorBoard(fitting.run.logs, write_graph=False),
        keras.callbacks.TerminateOnNaN(),
    ]


def freeze(fitting: Fitting, phase: Phase) -> zoo.Freeze:
    """Freeze the backbone as the phase says, every BatchNorm of it with it.

    Raises:
        InputError: the backbone lacks the stage.
    """
    try:
        return zoo.freeze(fitting.assembled.backbone, phase.freeze, batchnorm=True)
    except ValueError as error:
        raise InputError(str(error)) from error


def _synchronize(model: keras.Model) -> None:
    # A BatchNorm that learns sees the whole batch, not the share of its own device.
    import tensorflow as tf

    several = tf.distribute.get_strategy().num_replicas_in_sync > 1
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = several and layer.trainable


def _source(
    fitting: Fitting, phase: Phase
) -> tuple[keras.Model, Callable[[int, int], Any], Callable[[], Any]]:
    # What trains, what feeds it epoch by epoch, and what judges it: behind a cut where one pays, whole otherwise.
    assembled, spec = fitting.assembled, fitting.spec
    if phase.freeze == "none":
        return _streamed(fitting, None)
    if fitting.cache is not None:
        prefix = zoo.prefix(assembled.backbone, "C5" if phase.freeze == "backbone" else phase.freeze)
        needed = features.bytes_needed(prefix, fitting.train, spec.views)
        if feature_cache.make_room(
            fitting.cache, feature_cache.key_of(prefix, fitting.train, spec.views), needed
        ):
            return _cached(fitting, phase, prefix, needed)
        LOG.info(
            "features would take %.1f GB, more than there is room for in %s: the frozen part runs in every epoch",
            needed / 1e9,
            fitting.cache.folder,
        )
    return _streamed(fitting, spec.views)


def _cached(fitting: Fitting, phase: Phase, prefix: keras.Model, needed: int):
    spec, kind, whole = fitting.spec, fitting.kind, fitting.assembled.model
    LOG.info(
        "frozen to %s: each picture runs through it %d times, %.2f GB of features in %s",
        phase.freeze,
        spec.views,
        needed / 1e9,
        fitting.cache.folder,
    )
    train = features.compute(prefix, fitting.train, spec.views, fitting.cache)
    val = features.compute(prefix, fitting.val, 1, fitting.cache)
    suffix = zoo.suffix(prefix, whole)

    def batches(first: int, last: int) -> Any:
        rows = views.shuffled(train.count, spec.batch_size, spec.seed, first, last, spec.views)
        return train.batches(rows, spec.batch_size)

    def judge() -> tuple[dict, list]:
        inputs = val.batches(views.in_order(val.count), spec.batch_size)
        starts = range(0, val.count, spec.batch_size)
        matrices = (val.matrices[start : start + spec.batch_size] for start in starts)
        pairs = ((tensors, matrix) for (tensors, _), matrix in zip(inputs, matrices, strict=True))
        results = predict.over_batches(suffix, pairs, fitting.val)
        return kind.metrics(fitting.val.pictures, results), results

    return suffix, batches, judge


def _streamed(fitting: Fitting, number_of_views: int | None):
    # Each epoch shows new views; or, as behind a cut, the same ones in turn.
    import tensorflow as tf

    spec, kind, model = fitting.spec, fitting.kind, fitting.assembled.model
    count = len(fitting.train.pictures)
    all_epochs = sum(phase.epochs for phase in spec.phases)
    unmixed_from = math.ceil(all_epochs * augment.get_policy(spec.augment).mix_until)

    def batches(first: int, last: int) -> Any:
        rows = views.shuffled(count, spec.batch_size, spec.seed, first, last, number_of_views)
        triples = fitting.train.batches(rows, spec.batch_size, unmixed_from=unmixed_from)
        return triples.map(lambda images, y, matrix: (tf.cast(images, tf.float32), y)).prefetch(
            tf.data.AUTOTUNE
        )

    def judge() -> tuple[dict, list]:
        results = predict.over_views(model, fitting.val, spec.batch_size)
        return kind.metrics(fitting.val.pictures, results), results

    return model, batches, judge


def _optimizer(phase: Phase, steps: int) -> keras.optimizers.Optimizer:
    total = steps * phase.epochs
    warm_up = max(1, min(int(total * WARM_UP), 100))
    schedule = keras.optimizers.schedules.CosineDecay(
        phase.learning_rate * 0.05,
        max(1, total - warm_up),
        alpha=0.01,
        warmup_target=phase.learning_rate,
        warmup_steps=warm_up,
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY, global_clipnorm=CLIP_NORM)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _restore(optimizer: keras.optimizers.Optimizer, state: Sequence[np.ndarray], model: keras.Model) -> None:
    optimizer.build(model.trainable_variables)  # a step that makes variables is traced twice: seconds a phase
    if len(state):
        for variable, value in zip(optimizer.variables, state, strict=True):
            variable.assign(value)
