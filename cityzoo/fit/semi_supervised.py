"""Images without labels beside those with them: what FixMatch needs of a phase."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

import augment
from cityzoo.data import image as datasets
from cityzoo.data.image.raw import images_under
from cityzoo.data.image.views import AugmentedViews, Rows, shuffled
from cityzoo.errors import InputError
from cityzoo.fit import distributed, features
from cityzoo.fit.phase_inputs import PhaseInput
from cityzoo.outputs import Output
from cityzoo.sample import ImageSet
from cityzoo.spec import TrainSpec

if TYPE_CHECKING:
    from cityzoo.fit.phases import TrainContext

STRONG = "randaugment"  # what the paper pairs with its weak flips and shifts


def views(spec: TrainSpec, output: Output) -> tuple[AugmentedViews, AugmentedViews] | None:
    """Return how the images of `--unlabelled` come to the network, weakly and strongly changed; None without any.

    Raises:
        InputError: nothing there, fewer than a batch, or a task that cannot use them.
    """
    if spec.unlabelled is None:
        return None
    if not output.supports_unlabelled:
        raise InputError("--unlabelled helps tasks that name one class an image; leave it out for this one")
    found = datasets.load_images(spec.unlabelled, labels=spec.labels)
    if len(found) < spec.batch_size:
        raise InputError(
            f"--unlabelled '{spec.unlabelled}' holds {len(found)} images, less than a batch of {spec.batch_size}: "
            "give more, or a smaller --batch-size"
        )
    nothing = np.zeros(len(output.class_names), np.float32)
    images = tuple(replace(each, target=nothing) for each in found.examples)
    whole = ImageSet("unlabelled", output.class_names, images)
    if distributed.process_count() > 1:
        raise InputError("--unlabelled takes one process: train without it, or on one machine")
    weak = AugmentedViews(
        whole, output, _unmixed(spec.augment), spec.image_size, 1, spec.seed, spec.keep_decoded
    )
    return weak, replace(weak, policy=_unmixed(STRONG), seed=spec.seed + 1)


def _unmixed(policy: Any) -> augment.Policy:
    # An image that takes parts of its neighbours shows no one thing to agree on.
    from augment import transforms  # noqa: F401  # fills TRANSFORMS

    whole = augment.get_policy(policy)
    alone = (step for step in whole.steps if augment.TRANSFORMS[step.transform].stage != "mix")
    return replace(whole, steps=tuple(alone))


def count(spec: TrainSpec) -> int:
    """Return how many images `--unlabelled` names; 0 without it, or where there are none."""
    if spec.unlabelled is None or not Path(spec.unlabelled).is_dir():
        return 0
    return len(images_under(Path(spec.unlabelled)))


def loss(fitting: TrainContext) -> keras.losses.Loss:
    """Return the loss of a run: its kind's, and the agreement on unlabelled images where there are any."""
    labelled = fitting.output.loss(fitting.spec.image_size)
    if fitting.unlabelled is None:
        return labelled
    from heads.fixmatch import FixMatchLoss

    return FixMatchLoss(labelled)


def with_unlabelled(fitting: TrainContext, source: PhaseInput) -> PhaseInput:
    """Return a phase's source with two rows of unlabelled images beside each labelled one.

    Raises:
        InputError: there is no room for what a frozen prefix says of them.
    """
    if fitting.unlabelled is None:
        return source
    import tensorflow as tf

    spec, (weak, strong) = fitting.spec, fitting.unlabelled
    shown = None if source.prefix is None else spec.views

    def rows(first: int, last: int) -> Any:
        return _rows(fitting, first, last, shown)

    if source.prefix is None:

        def of(side: AugmentedViews, first: int, last: int) -> tf.data.Dataset:
            triples = side.batches(rows(first, last), spec.batch_size)
            return triples.map(lambda images, y, matrix: (tf.cast(images, tf.float32), y))
    else:
        kept = {
            id(side): features.compute(source.prefix, side, spec.views, fitting.cache)
            for side in (weak, strong)
        }

        def of(side: AugmentedViews, first: int, last: int) -> tf.data.Dataset:
            return kept[id(side)].batches(rows(first, last), spec.batch_size)

    def batches(first: int, last: int) -> tf.data.Dataset:
        # The same rows for both, so that a group's second and third are one image.
        sides = (of(side, first, last).repeat() for side in (weak, strong))
        passes = _passes(fitting)
        labelled = source.batches(first * passes, last * passes)
        return tf.data.Dataset.zip(labelled, *sides).map(_interleaved)

    return replace(source, batches=batches)


def _rows(fitting: TrainContext, first: int, last: int, shown: int | None) -> Rows:
    """Which unlabelled image comes when."""
    spec, count = fitting.spec, len(fitting.unlabelled[0].examples)
    return shuffled(count, spec.batch_size, spec.seed + 1, first, last, shown)


def _passes(fitting: TrainContext) -> int:
    """How often the labelled images are gone through in an epoch."""
    return -(-fitting.steps // (len(fitting.train.examples) // fitting.spec.batch_size))


def examples_of_step(
    fitting: TrainContext, epoch: int, step: int, shown: int | None
) -> list[tuple[str, int]]:
    """Return path and view of each row of a batch.

    Args:
        fitting: what all phases share.
        epoch: from 0.
        step: of the epoch, from 0.
        shown: views that images are shown in turn; None: a new one each time.
    """
    spec, passes = fitting.spec, _passes(fitting) if fitting.unlabelled else 1
    count = len(fitting.train.examples)
    order = shuffled(count, spec.batch_size, spec.seed, epoch * passes, (epoch + 1) * passes, shown)
    labelled = _of_step(order, fitting.train, step, spec.batch_size)
    if fitting.unlabelled is None:
        return labelled
    again = itertools.cycle(_rows(fitting, epoch, epoch + 1, shown)())
    others = _of_step(lambda: again, fitting.unlabelled[0], step, spec.batch_size)
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
