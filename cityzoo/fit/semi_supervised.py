"""FixMatch: unlabeled images in the batches of a phase."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras

from cityzoo.data.image.views import AugmentedViews, Rows, shuffled
from cityzoo.fit import features
from cityzoo.fit.phase_inputs import PhaseInput

if TYPE_CHECKING:
    from cityzoo.fit.context import TrainContext


def loss(context: TrainContext) -> keras.losses.Loss:
    """Return the loss of a run: the output's, and the agreement on unlabeled images if there are any."""
    labelled = context.output.loss(context.modality.size_hw(context.spec))
    if context.unlabelled is None:
        return labelled
    from heads.classification import FixMatchLoss

    return FixMatchLoss(labelled)


def with_unlabelled(context: TrainContext, source: PhaseInput) -> PhaseInput:
    """Return a phase's input with two rows of unlabeled images after each labeled one.

    Raises:
        InputError: there is no room for their features.
    """
    if context.unlabelled is None:
        return source
    import tensorflow as tf

    spec, (weak, strong) = context.spec, context.unlabelled
    shown = None if source.prefix is None else spec.modality.views

    def rows(first: int, last: int) -> Any:
        return _rows(context, first, last, shown)

    if source.prefix is None:

        def of(side: AugmentedViews, first: int, last: int) -> tf.data.Dataset:
            triples = side.batches(rows(first, last), spec.fit.batch_size)
            return triples.map(lambda images, y, matrix: (tf.cast(images, tf.float32), y))
    else:
        kept = {
            id(side): features.compute(source.prefix, side, spec.modality.views, context.cache)
            for side in (weak, strong)
        }

        def of(side: AugmentedViews, first: int, last: int) -> tf.data.Dataset:
            return kept[id(side)].batches(rows(first, last), spec.fit.batch_size)

    def batches(first: int, last: int) -> tf.data.Dataset:
        # The same rows for both, so that a group's second and third are one image.
        sides = (of(side, first, last).repeat() for side in (weak, strong))
        passes = _passes(context)
        labelled = source.batches(first * passes, last * passes)
        return tf.data.Dataset.zip(labelled, *sides).map(
            tf.autograph.experimental.do_not_convert(_interleaved)
        )

    return replace(source, batches=batches)


def _rows(context: TrainContext, first: int, last: int, shown: int | None) -> Rows:
    """Order of the unlabeled images."""
    spec, count = context.spec, len(context.unlabelled[0])
    return shuffled(count, spec.fit.batch_size, spec.run.seed + 1, first, last, shown)


def _passes(context: TrainContext) -> int:
    """Passes over the labeled images in an epoch."""
    return -(-context.steps // (len(context.train) // context.spec.fit.batch_size))


def examples_of_step(
    context: TrainContext, epoch: int, step: int, shown: int | None
) -> list[tuple[str, int]]:
    """Return name and view of each example of a training step.

    Args:
        context: what all phases share.
        epoch: from 0.
        step: of the epoch, from 0.
        shown: views that examples are shown in, in turn; None: a new one each time.
    """
    spec, modality = context.spec, context.modality
    if context.unlabelled is None:
        return modality.examples_of_step(context.assembled, context.train, spec, epoch, step, shown)
    passes, count = _passes(context), len(context.train)
    order = shuffled(count, spec.fit.batch_size, spec.run.seed, epoch * passes, (epoch + 1) * passes, shown)
    labelled = _of_step(order, context.train, step, spec.fit.batch_size)
    again = itertools.cycle(_rows(context, epoch, epoch + 1, shown)())
    others = _of_step(lambda: again, context.unlabelled[0], step, spec.fit.batch_size)
    return [each for own, other in zip(labelled, others, strict=True) for each in (own, other, other)]


def _of_step(order: Rows, side: AugmentedViews, step: int, batch_size: int) -> list[tuple[str, int]]:
    chosen = itertools.islice(order(), step * batch_size, (step + 1) * batch_size)
    return [(side.examples.examples[row].path, view) for row, view in chosen]


def _interleaved(*triples: Any) -> Any:
    import tensorflow as tf

    def groups(*parts: tf.Tensor) -> tf.Tensor:
        stacked = tf.stack(parts, axis=1)
        return tf.reshape(stacked, (-1, *parts[0].shape[1:]))

    return tf.nest.map_structure(groups, *triples)
