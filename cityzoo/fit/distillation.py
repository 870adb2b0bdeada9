"""Distillation: the teacher's answers to the examples of a phase, and the losses of a student against them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import zoo
from augment.epoch_order import Rows, shuffled
from cityzoo import backend
from cityzoo.fit import distributed, features, phase_inputs, semi_supervised

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from cityzoo.fit.context import TrainContext
    from cityzoo.fit.phase_inputs import PhaseInput
    from cityzoo.spec import Phase

FEATURE_WEIGHT = 2.0  # of each layer's features, next to the teacher's outputs
Answered = Callable[
    [Rows, Any], Any
]  # (rows, their batches of (inputs, target)) -> the same with the answers


def loss(context: TrainContext) -> keras.losses.Loss | dict[str, keras.losses.Loss]:
    """Return the loss of a run; with a teacher, one for each output of `Teacher.extend`."""
    if context.teacher is None:
        return semi_supervised.loss(context)
    from heads.distillation import ChannelDistillationLoss, EmbeddingDistillationLoss, WeightedLoss

    size, weight = context.modality.size_hw(context.spec), context.spec.fit.teacher_weight
    answers = context.teacher.answers.output
    is_map = {name: len(answers[name].shape) == 4 for name in context.teacher.adapters}
    taught = {n: ChannelDistillationLoss() if m else EmbeddingDistillationLoss() for n, m in is_map.items()}
    return {
        "labels": context.output.loss(size),
        "teacher": WeightedLoss(context.output.distillation_loss(size), weight),
        **{name: WeightedLoss(each, weight * FEATURE_WEIGHT) for name, each in taught.items()},
    }


def with_teacher(context: TrainContext, source: PhaseInput, phase: Phase) -> PhaseInput:
    """Return a phase's input with the teacher's answers among its targets, and with unlabeled images.

    Answers to views that come again are computed once and cached as features are; those to new views in each step.

    Raises:
        InputError: there is no room for features of unlabeled images.
    """
    if context.teacher is None:
        return semi_supervised.with_unlabelled(context, source)
    import tensorflow as tf

    spec, size, train = context.spec, context.spec.fit.batch_size, context.train
    trained = context.teacher.extend(context.assembled.model)
    if source.prefix is not None:
        trained = zoo.suffix(source.prefix, trained)
    shown = context.modality.views_shown(spec, phase.freeze)
    answered = _answered(context, train, shown)
    if context.unlabelled is None:

        def batches(first: int, last: int) -> Any:
            rows = shuffled(len(train), size, spec.run.seed, first, last, shown)
            return answered(rows, source.batches(first, last))

        return replace(source, trained=trained, batches=batches)
    side = context.unlabelled[0]
    of_side = semi_supervised.side_batches(context, source, side, shown)
    answered_side = _answered(context, side, shown)

    def mixed(first: int, last: int) -> tf.data.Dataset:
        passes = semi_supervised.passes(context)
        start, end = first * passes, last * passes
        rows = shuffled(len(train), size, spec.run.seed, start, end, shown)
        labelled = answered(rows, source.batches(start, end))
        rows = semi_supervised.unlabelled_rows(context, first, last, shown)
        others = answered_side(rows, of_side(first, last)).repeat()
        return tf.data.Dataset.zip(labelled, others).map(tf.autograph.experimental.do_not_convert(_paired))

    return replace(source, trained=trained, batches=mixed)


def _answered(context: TrainContext, views: Any, shown: int | None) -> Answered:
    answers = context.teacher.answers
    if shown is None or not phase_inputs.has_room(context, answers, views, shown, "the teacher's answers to"):
        return lambda rows, plain: _answer_live(answers, plain)
    import tensorflow as tf

    size = context.spec.fit.batch_size
    kept = features.compute(answers, views, shown, context.cache)

    def from_cache(rows: Rows, plain: tf.data.Dataset) -> tf.data.Dataset:
        pairs = tf.data.Dataset.zip(plain, kept.batches(*distributed.process_shard(rows, size)))
        joined = tf.autograph.experimental.do_not_convert(
            lambda own, other: (own[0], {"labels": own[1], **other[0]})
        )
        return pairs.map(joined)

    return from_cache


def _answer_live(answers: keras.Model, plain: tf.data.Dataset) -> tf.data.Dataset:
    import tensorflow as tf

    run = backend.compiled(answers)

    def generate() -> Any:
        for inputs, target in plain:
            yield inputs, {"labels": target, **run(inputs)}

    inputs, target = plain.element_spec
    found = {name: tf.TensorSpec((None, *t.shape[1:]), t.dtype) for name, t in answers.output.items()}
    signature = inputs, {"labels": target, **found}
    return tf.data.Dataset.from_generator(generate, output_signature=signature).prefetch(2)


def _paired(labelled: tuple[Any, Any], other: tuple[Any, Any]) -> tuple[Any, Any, Any]:
    # An unlabeled row after each labeled one; its labels, anything that the loss can take, have no weight.
    import tensorflow as tf

    (inputs, target), (more, answers) = labelled, other
    count = tf.shape(target["labels"])[0]
    weights = {name: tf.ones((2 * count,)) for name in target}
    weights["labels"] = tf.tile([2.0, 0.0], [count])  # the mean over both is that over the labeled ones
    pairs = ((inputs, target), (more, {**answers, "labels": target["labels"]}))
    return *tf.nest.map_structure(semi_supervised.interleave, *pairs), weights
