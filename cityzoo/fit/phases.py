"""One phase: freeze, compile, fit; the model is left at its best."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

import zoo
from cityzoo.data.image import views
from cityzoo.errors import InputError
from cityzoo.fit import distributed, feature_cache, phase_inputs, semi_supervised
from cityzoo.fit.callbacks import CheckpointCallback, EvaluationCallback, ImageSummaryCallback, TrainState
from cityzoo.fit.ema import WeightEMA
from cityzoo.fit.lr_finder import draw, find_lr
from cityzoo.fit.nan_guard import NanGuard, write_batch
from cityzoo.fit.optimizers import optimizer, stage_rates
from cityzoo.fit.run_folder import RunFolder
from cityzoo.fit.schedules import schedule
from cityzoo.model import AssembledModel
from cityzoo.outputs import Output
from cityzoo.spec import SOLVE, Phase, TrainSpec
from cityzoo.tasks import Task

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainContext:
    """Hold what all phases of a run share."""

    task: Task
    output: Output
    assembled: AssembledModel
    train: views.AugmentedViews
    val: views.AugmentedViews
    spec: TrainSpec
    run: RunFolder
    cache: feature_cache.Cache | None
    progress: TrainState
    clock: Callable[[], float]
    unlabelled: tuple[views.AugmentedViews, views.AugmentedViews] | None = (
        None  # weakly and strongly augmented
    )

    @property
    def steps(self) -> int:
        """Return the steps of an epoch: a pass over the labelled images or, if there are more, the unlabelled."""
        unlabelled = len(self.unlabelled[0].examples) if self.unlabelled else 0
        return max(len(self.train.examples), unlabelled) // self.spec.batch_size


def fit_phase(
    fitting: TrainContext, phase: Phase, checkpoint: Mapping[str, Sequence[np.ndarray]] | None = None
) -> None:
    """Train for one phase; the model is left with the weights of the best epoch so far.

    Args:
        fitting: what all phases share; its `progress` says where this phase stands.
        phase: what is frozen, for how long, how fast.
        checkpoint: "optimizer" and "average" state and "best" weights, where this phase had begun before.

    Raises:
        InputError: the backbone lacks the stage, the disk is full, or the loss is no number any more.
    """
    progress, spec, checkpoint = fitting.progress, fitting.spec, checkpoint or {}
    started = time.perf_counter()
    last = sum(earlier.epochs for earlier in spec.phases[: progress.phase]) + phase.epochs
    freeze(fitting, phase)
    _synchronize(fitting.assembled.model)
    source = semi_supervised.with_unlabelled(fitting, phase_inputs.of_phase(fitting, phase))
    prepared = time.perf_counter()
    trained = source.trained
    trained.compile(_optimizer(fitting, phase, source), semi_supervised.loss(fitting))
    _restore(trained.optimizer, checkpoint.get("optimizer", ()), trained)
    average = WeightEMA(trained, spec.ema) if spec.ema else None
    if average:
        average.restore(checkpoint.get("average", ()))
    guard = NanGuard()
    judge = make_evaluator(fitting, source, average)
    keeper = CheckpointCallback(fitting, average, guard)
    if checkpoint.get("best"):
        keeper.twin.set_weights(checkpoint["best"])
    trained.fit(
        source.batches(progress.epoch, last),
        initial_epoch=progress.epoch,
        epochs=last,
        steps_per_epoch=fitting.steps,
        shuffle=False,  # the rows come shuffled
        callbacks=[*_movers(fitting, phase, average), guard, *_watchers(fitting, judge, guard, keeper, last)],
    )
    if guard.broken:
        _say_what_broke(fitting, source, guard, phase)
    fitting.assembled.model.set_weights(keeper.twin.get_weights())
    name = f"phase {progress.phase + 1}"
    for what, seconds in (("features", prepared - started), ("training", time.perf_counter() - prepared)):
        progress.seconds[f"{name} {what}"] = progress.seconds.get(f"{name} {what}", 0.0) + round(seconds, 1)


def make_evaluator(
    fitting: TrainContext, source: phase_inputs.PhaseInput, average: WeightEMA | None
) -> Callable[[], tuple]:
    """Return what judges the model as it is: (figures, results) for the held-out images."""

    # One process judges and tells the others, so that all stop at the same epoch.
    def judge() -> tuple[dict, list]:
        with average.applied() if average else nullcontext():
            results = source.results() if distributed.is_chief() else []
        figures = fitting.output.metrics(fitting.val.examples, results) if distributed.is_chief() else {}
        return distributed.broadcast_from_chief(figures), results

    return judge


def _movers(fitting: TrainContext, phase: Phase, average: WeightEMA | None) -> list[keras.callbacks.Callback]:
    # What changes weights besides the optimizer.
    movers = [average] if average else []
    if hasattr(fitting.assembled.backbone, "adaptation") and phase.freeze != "backbone":
        movers += zoo.rank_allocation(fitting.assembled.backbone, fitting.steps * phase.epochs)
    return movers


def _watchers(
    fitting: TrainContext,
    judge: Callable[[], tuple],
    guard: NanGuard,
    keeper: CheckpointCallback,
    last_epoch: int,
) -> list[keras.callbacks.Callback]:
    judged = EvaluationCallback(judge, guard, fitting.output.primary_metrics)
    if not distributed.is_chief():
        return [judged, keeper]
    return [
        judged,
        keeper,
        ImageSummaryCallback(judged, fitting.output, fitting.val.examples, str(fitting.run.logs), last_epoch),
        keras.callbacks.TensorBoard(fitting.run.logs, write_graph=False),
    ]


def freeze(fitting: TrainContext, phase: Phase) -> zoo.Freeze | zoo.ParameterShares:
    """Freeze the backbone as the phase says; the BatchNorms of what learns too, unless the spec lets them move.

    Raises:
        InputError: the backbone lacks the stage, or there is no head to compute.
    """
    backbone, spec = fitting.assembled.backbone, fitting.spec
    if phase.freeze == SOLVE and not fitting.output.closed_form_layer:
        raise InputError("this task's head cannot be computed: leave solve out of --phases")
    stage = "backbone" if phase.freeze == SOLVE else phase.freeze
    try:
        if hasattr(backbone, "adaptation"):
            return zoo.freeze_base(backbone, stage)
        return zoo.freeze(backbone, stage, batchnorm=spec.batchnorm == "frozen")
    except ValueError as error:
        raise InputError(str(error)) from error


def _synchronize(model: keras.Model) -> None:
    # A BatchNorm that learns sees the whole batch, not the share of its own device.
    import tensorflow as tf

    several = tf.distribute.get_strategy().num_replicas_in_sync > 1
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = several and layer.trainable


def _optimizer(
    fitting: TrainContext, phase: Phase, source: phase_inputs.PhaseInput
) -> keras.optimizers.Optimizer:
    spec = fitting.spec
    rates = stage_rates(fitting.assembled.backbone, source.trained, spec.layer_decay)

    def make(rate: Any) -> keras.optimizers.Optimizer:
        return optimizer(
            spec.optimizer,
            rate,
            weight_decay=spec.weight_decay,
            clip_norm=spec.clip_norm or None,
            rates=rates,
        )

    peak = phase.learning_rate
    if spec.find_lr == "yes" and phase is next(each for each in spec.phases if each.freeze != SOLVE):
        loss, enough = semi_supervised.loss(fitting), 100 // max(fitting.steps, 1) + 1
        peak, found = find_lr(source.trained, loss, source.batches(0, enough), make)
        draw(found, peak, fitting.run.path / "find_lr.png")
    return make(schedule(spec.schedule, peak, max(1, fitting.steps * phase.epochs)))


def _restore(made: keras.optimizers.Optimizer, state: Sequence[np.ndarray], model: keras.Model) -> None:
    made.build(model.trainable_variables)  # a step that makes variables is traced twice: seconds a phase
    if len(state):
        for variable, value in zip(made.variables, state, strict=True):
            variable.assign(value)


def _say_what_broke(
    fitting: TrainContext, source: phase_inputs.PhaseInput, guard: NanGuard, phase: Phase
) -> None:
    spec, run = fitting.spec, fitting.run
    shown = None if phase.freeze == "none" else spec.views
    rows = [
        {"image": path, "view": view}
        for path, view in semi_supervised.examples_of_step(fitting, guard.epoch, guard.step, shown)
    ]
    write_batch(run.bad_batch, source.batches(guard.epoch, guard.epoch + 1), guard.step, rows)
    kept = f"the weights of epoch {guard.epoch} are kept, " if guard.epoch else ""
    raise InputError(
        f"the loss became {guard.loss} in epoch {guard.epoch + 1}, step {guard.step + 1}: {kept}the batch lies in "
        f"'{run.bad_batch}' (first image: {rows[0]['image']}); look at it, or start anew with a lower "
        "--learning-rate"
    )
