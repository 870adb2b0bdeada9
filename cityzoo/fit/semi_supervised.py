"""FixMatch and pseudo-labels: unlabeled images in the batches of a phase."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import keras

from cityzoo.data.image.views import AugmentedViews, Rows, shuffled
from cityzoo.fit import features
from cityzoo.fit.phase_inputs import PhaseInput

if TYPE_CHECKING:
    import tensorflow as tf

    from cityzoo.fit.context import TrainContext


def loss(context: TrainContext) -> keras.losses.Loss:
    """Return the loss of a run: the output's, and the agreement of two views of unlabeled images, if there are."""
    labelled = context.output.loss(context.modality.size_hw(context.spec))
    if context.unlabelled is None or len(context.unlabelled) == 1:  # pseudo-labels are labels
        return labelled
    from heads.classification import FixMatchLoss

    return FixMatchLoss(labelled)


def with_unlabelled(context: TrainContext, source: PhaseInput) -> PhaseInput:
    """Return a phase's input with a row of each view of unlabeled images after each labeled one.

    Raises:
        InputError: there is no room for their features.
    """
    if context.unlabelled is None:
        return source
    import tensorflow as tf

    rows = getattr(context.train, "max_rows", 1)  # of boxes; of more the largest stay
    of = [side_batches(context, source, replace(side, max_rows=rows)) for side in context.unlabelled]

    def batches(first: int, last: int) -> tf.data.Dataset:
        # The same rows for both, so that a group's second and third are one image.
        sides = (of_side(first, last).repeat() for of_side in of)
        labelled = source.batches(first * passes(context), last * passes(context))
        return tf.data.Dataset.zip(labelled, *sides).map(
            tf.autograph.experimental.do_not_convert(lambda *pairs: tf.nest.map_structure(interleave, *pairs))
        )

    return replace(source, batches=batches)


def side_batches(
    context: TrainContext, source: PhaseInput, side: AugmentedViews, shown: int | None = None
) -> Callable[[int, int], tf.data.Dataset]:
    """Return a function from epochs to batches of unlabeled images, or of their features behind a frozen prefix.

    Args:
        context: what all phases share.
        source: the phase's input.
        side: the images.
        shown: views that images are shown in, in turn, where no features are cached; None: a new one each time.

    Raises:
        InputError: there is no room for their features.
    """
    import tensorflow as tf

    size = context.spec.fit.batch_size
    if source.prefix is None:

        def of(first: int, last: int) -> tf.data.Dataset:
            triples = side.batches(unlabelled_rows(context, first, last, shown), size)
            return triples.map(lambda images, y, matrix: (tf.cast(images, tf.float32), y))

        return of
    views = context.spec.modality.views
    kept = features.compute(source.prefix, side, views, context.cache)
    return lambda first, last: kept.batches(unlabelled_rows(context, first, last, views), size)


def unlabelled_rows(context: TrainContext, first: int, last: int, shown: int | None) -> Rows:
    """Return the order of the unlabeled images."""
    spec, count = context.spec, len(context.unlabelled[0])
    return shuffled(count, spec.fit.batch_size, spec.run.seed + 1, first, last, shown)


def passes(context: TrainContext) -> int:
    """Return the number of passes over the labeled images in an epoch."""
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
    times, count = passes(context), len(context.train)
    order = shuffled(count, spec.fit.batch_size, spec.run.seed, epoch * times, (epoch + 1) * times, shown)
    labelled = _of_step(order, context.train, step, spec.fit.batch_size)
    again = itertools.cycle(unlabelled_rows(context, epoch, epoch + 1, shown)())
    others = _of_step(lambda: again, context.unlabelled[0], step, spec.fit.batch_size)
    copies = len(context.unlabelled) if context.teacher is None else 1
    return [each for own, other in zip(labelled, others, strict=True) for each in (own, *[other] * copies)]


def _of_step(order: Rows, side: AugmentedViews, step: int, batch_size: int) -> list[tuple[str, int]]:
    chosen = itertools.islice(order(), step * batch_size, (step + 1) * batch_size)
    return [(side.examples.examples[row].path, view) for row, view in chosen]


def interleave(*parts: tf.Tensor) -> tf.Tensor:
    """Return the rows of tensors in groups: the first row of each, then the second."""
    import tensorflow as tf

    return tf.reshape(tf.stack(parts, axis=1), (-1, *parts[0].shape[1:]))
