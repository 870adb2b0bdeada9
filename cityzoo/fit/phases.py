"""One phase: freeze, compile, fit; the model is left at its best."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import keras
import numpy as np

import zoo
from cityzoo.errors import InputError
from cityzoo.fit import distillation, distributed, phase_inputs, semi_supervised
from cityzoo.fit.adversarial import measure_attacked, with_attack
from cityzoo.fit.callbacks import CheckpointCallback, EvaluationCallback, ImageSummaryCallback
from cityzoo.fit.context import TrainContext
from cityzoo.fit.ema import WeightEMA
from cityzoo.fit.lr_finder import draw, find_lr
from cityzoo.fit.nan_guard import NanGuard, write_batch
from cityzoo.fit.optimizers import optimizer, stage_rates
from cityzoo.fit.phase_inputs import PhaseInput
from cityzoo.fit.robust_groups import GroupWeightsCallback
from cityzoo.fit.schedules import schedule
from cityzoo.spec import CLOSED_FORM, Phase
from cityzoo.tasks import Task

PROFILED_STEPS = (5, 10)  # of a phase, when everything is compiled
LOG = logging.getLogger(__name__)
RANGE_TEST_STEPS = 100
Evaluate = Callable[[], tuple[dict, list]]


def fit_phase(
    context: TrainContext, phase: Phase, checkpoint: Mapping[str, Sequence[np.ndarray]] | None = None
) -> None:
    """Train for one phase; the model is left with the weights of the best epoch so far.

    Args:
        context: what all phases share; its `state` says where this phase stands.
        phase: what is frozen, for how long, at which learning rate.
        checkpoint: "optimizer" and "average" state and "best" weights if this phase had begun before.

    Raises:
        InputError: the backbone lacks the stage, the disk is full, or the loss is not finite.
    """
    state, spec, checkpoint = context.state, context.spec, checkpoint or {}
    started = time.perf_counter()
    last = sum(earlier.epochs for earlier in spec.plan[: state.phase]) + phase.epochs
    freeze(context, phase)
    _synchronize(context.assembled.model)
    source = distillation.with_teacher(context, phase_inputs.of_phase(context, phase), phase)
    source = with_attack(context, source)
    prepared = time.perf_counter()
    trained = source.trained
    trained.compile(_optimizer(context, phase, source), distillation.loss(context))
    _restore(trained.optimizer, checkpoint.get("optimizer", ()), trained)
    average = WeightEMA(trained, spec.fit.ema) if spec.fit.ema else None
    if average:
        average.restore(checkpoint.get("average", ()))
    guard = NanGuard()
    keeper = CheckpointCallback(context, average, guard)
    if checkpoint.get("best"):
        keeper.twin.set_weights(checkpoint["best"])
    elif context.known_val and not state.epoch:
        keeper.keep_start(make_evaluator(context, source, None)()[0])
    watchers = _watchers(context, make_evaluator(context, source, average), guard, keeper, last)
    trained.fit(
        source.batches(state.epoch, last),
        initial_epoch=state.epoch,
        epochs=last,
        steps_per_epoch=context.steps,
        shuffle=False,  # batches come shuffled
        callbacks=[*_weight_changers(context, phase, average, checkpoint), guard, *watchers],
    )
    if guard.broken:
        _raise_not_finite(context, source, guard, phase)
    context.assembled.model.set_weights(keeper.twin.get_weights())
    name = f"phase {state.phase + 1}"
    for what, seconds in (("features", prepared - started), ("training", time.perf_counter() - prepared)):
        state.seconds[f"{name} {what}"] = state.seconds.get(f"{name} {what}", 0.0) + round(seconds, 1)


def make_evaluator(context: TrainContext, source: PhaseInput, average: WeightEMA | None) -> Evaluate:
    """Return a function that evaluates the model as it is: (metrics, results) of the validation examples."""

    # One process evaluates and tells the others, so that all stop at the same epoch.
    def evaluate() -> tuple[dict, list]:
        if not len(context.val):
            return {}, []
        with average.applied() if average else nullcontext():
            results = source.results() if distributed.is_chief() else []
            attacked = measure_attacked(context) if distributed.is_chief() else {}
        metrics = _measure(context, results) | attacked if distributed.is_chief() else {}
        return distributed.broadcast_from_chief(metrics), results

    return evaluate


def _measure(context: TrainContext, results: list) -> dict:
    # Examples of earlier runs also on their own, so that forgetting is seen while it happens.
    truth, count = context.val.examples, context.known_val
    metrics = context.output.metrics(truth, results)
    if count:
        known = context.modality.select(truth, range(count))
        metrics[known_metric(context.task)] = context.output.metrics(known, results[:count])[
            context.task.monitor
        ]
    return metrics


def known_metric(task: Task) -> str:
    """Return the name of the monitored metric of validation examples of earlier runs."""
    return f"{task.monitor}_earlier"


def _weight_changers(
    context: TrainContext,
    phase: Phase,
    average: WeightEMA | None,
    checkpoint: Mapping[str, Sequence[np.ndarray]],
) -> list[keras.callbacks.Callback]:
    callbacks: list[keras.callbacks.Callback] = [average] if average else []
    if getattr(context.output, "robust_groups", None):
        callbacks.append(GroupWeightsCallback(context, checkpoint.get("groups", ())))
    callbacks += context.output.step_callbacks(context.assembled.model, context.steps * phase.epochs)
    if hasattr(context.assembled.backbone, "adaptation") and phase.freeze != "backbone":
        callbacks += zoo.rank_allocation(context.assembled.backbone, context.steps * phase.epochs)
    return callbacks


def _watchers(
    context: TrainContext, evaluate: Evaluate, guard: NanGuard, keeper: CheckpointCallback, last_epoch: int
) -> list[keras.callbacks.Callback]:
    own = [context.task.monitor, *([known_metric(context.task)] if context.known_val else [])]
    shown = dict.fromkeys((*context.output.primary_metrics, *own))
    evaluation = EvaluationCallback(evaluate, guard, [*shown])
    if not distributed.is_chief():
        return [evaluation, keeper]
    images = [ImageSummaryCallback(evaluation, context, last_epoch)] if len(context.val) else []
    profiled = PROFILED_STEPS if context.spec.fit.profile else 0
    board = keras.callbacks.TensorBoard(context.folder.logs, write_graph=False, profile_batch=profiled)
    return [evaluation, keeper, *images, board]


def freeze(context: TrainContext, phase: Phase) -> None:
    """Freeze the backbone as the phase says.

    Raises:
        InputError: the backbone lacks the stage, or the head cannot be computed.
    """
    computes = context.output.closed_form_layer and context.modality.supports_closed_form
    if phase.freeze == CLOSED_FORM and not computes:
        raise InputError(f"the head of this task cannot be computed: remove {CLOSED_FORM} from --phases")
    try:
        context.modality.freeze(context.assembled, context.spec, phase.freeze)
    except ValueError as error:
        raise InputError(str(error)) from error


def _synchronize(model: keras.Model) -> None:
    # A BatchNorm that trains sees the whole batch, not the part of its own device.
    import tensorflow as tf

    several = tf.distribute.get_strategy().num_replicas_in_sync > 1
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = several and layer.trainable


def _optimizer(context: TrainContext, phase: Phase, source: PhaseInput) -> keras.optimizers.Optimizer:
    spec, modality, backbone = context.spec, context.modality, context.assembled.backbone
    factors = modality.layer_decay(spec), modality.backbone_rate(spec)
    rates = stage_rates(modality.stage_of_layers(backbone), backbone, source.trained, *factors)

    def make(rate: Any) -> keras.optimizers.Optimizer:
        return optimizer(
            spec.fit.optimizer,
            rate,
            weight_decay=spec.fit.weight_decay,
            clip_norm=spec.fit.clip_norm or None,
            rates=rates,
            **modality.optimizer_settings(spec),
        )

    peak = phase.learning_rate
    if spec.fit.find_lr and phase is next(each for each in spec.plan if each.freeze != CLOSED_FORM):
        peak = context.state.found_rate or _find_rate(context, source, make)
        context.state.found_rate = peak  # a resumed run has other weights, which give another rate
    steps = max(1, context.steps * (phase.schedule_epochs or phase.epochs))
    settings = {"steps": steps, **modality.schedule_settings(spec, steps)}
    return make(schedule(spec.fit.schedule, peak, **settings))


def _find_rate(context: TrainContext, source: PhaseInput, make: Callable[..., Any]) -> float:
    loss, enough = distillation.loss(context), RANGE_TEST_STEPS // max(context.steps, 1) + 1
    peak, found = find_lr(source.trained, loss, source.batches(0, enough), make)
    draw(found, peak, context.folder.path / "find_lr.png")
    return peak


def _restore(made: keras.optimizers.Optimizer, state: Sequence[np.ndarray], model: keras.Model) -> None:
    made.build(model.trainable_variables)  # a step that makes variables is traced twice: seconds per phase
    if len(state):
        for variable, value in zip(made.variables, state, strict=True):
            variable.assign(value)


def _raise_not_finite(context: TrainContext, source: PhaseInput, guard: NanGuard, phase: Phase) -> None:
    file, unit = context.folder.bad_batch, context.modality.unit.removesuffix("s")
    shown = context.modality.views_shown(context.spec, phase.freeze)
    found = semi_supervised.examples_of_step(context, guard.epoch, guard.step, shown)
    rows = [{"example": name, "view": view} for name, view in found]
    write_batch(file, source.batches(guard.epoch, guard.epoch + 1), guard.step, rows)
    kept = f"the weights of epoch {guard.epoch} are saved, " if guard.epoch else ""
    first = f" (first {unit}: {rows[0]['example']})" if rows else ""
    raise InputError(
        f"loss is {guard.loss} at epoch {guard.epoch + 1}, step {guard.step + 1}: {kept}batch saved to "
        f"'{file}'{first}. Inspect it, or lower --learning-rate"
    )
