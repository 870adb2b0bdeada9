"""Images as they are pretrained on: pairs of views, or views with hidden patches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from augment.epoch_order import Rows, shuffled
from cityzoo.modalities import Shard
from cityzoo.modalities.image import Image
from cityzoo.pretrain.objectives import VALIDATION_SEED

if TYPE_CHECKING:
    import keras

    from cityzoo.data.image.views import AugmentedViews
    from cityzoo.model import AssembledModel
    from cityzoo.outputs import Output

OTHER_FRAME = 0.5  # share of pairs that are of neighbouring frames, where there are any


class PretrainingImages(Image):
    """Images in pairs of views; see `cityzoo.pretrain.objectives` for what is made of them."""

    trains_head_first: ClassVar[bool] = False  # all of it is untrained
    steps_of_only_phase: ClassVar[int] = 2000

    def views(self, spec: Any, output: Output, data: Any) -> tuple[AugmentedViews, AugmentedViews]:
        """Return the training and the held-out images, both augmented as the spec says."""
        from cityzoo.data.image.views import AugmentedViews
        from cityzoo.modalities.image.unlabelled import drop_mixes

        flags, seed = spec.modality, spec.run.seed
        policy = drop_mixes(flags.augment)
        train = AugmentedViews(data.train, output, policy, flags.image_size, 1, seed, flags.keep_decoded)
        return train, replace(train, examples=data.val, seed=seed + VALIDATION_SEED)

    def build(self, spec: Any, output: Output, data: Any) -> AssembledModel:
        """Return the model, for BYOL with its target."""
        from cityzoo.pretrain.momentum_target import add_target
        from cityzoo.pretrain.objectives import BYOL

        assembled = super().build(spec, output, data)
        return add_target(assembled) if isinstance(output, BYOL) else assembled

    def make_network(self, spec: Any, assembled: AssembledModel) -> keras.Model:
        """Return a fresh network of the backbone, whole."""
        import zoo

        return zoo.build(spec.run.backbone, spec.modality.image_size, "random", ()).model

    def training_batches(
        self,
        assembled: AssembledModel,
        views: AugmentedViews,
        spec: Any,
        first: int,
        last: int,
        shown: int | None,
        shard: Shard,
    ) -> Iterable[Any]:
        """Return batches of pairs, one after the other, or of single views with what is hidden in them."""
        import tensorflow as tf

        size, seed = spec.fit.batch_size, spec.run.seed
        output: Any = views.output
        rows = shuffled(len(views), size, seed, first, last, None)
        if output.views == 2:
            distance = spec.reader.get("neighbours", 0)
            rows, size = pair_rows(rows, _places(views) if distance else None, distance, seed), 2 * size

        def shape(images: Any, target: Any, matrix: Any) -> tuple[Any, Any]:
            return output.hide(tf.cast(images, tf.float32), target), target

        batches = views.batches(*shard(rows, size))
        return batches.map(tf.autograph.experimental.do_not_convert(shape)).prefetch(tf.data.AUTOTUNE)

    def predict_views(self, model: keras.Model, views: AugmentedViews, batch_size: int) -> list[Any]:
        """Return what is measured of every held-out image, of the same views after each epoch."""
        import tensorflow as tf

        from cityzoo.backend import compiled

        output: Any = views.output
        run = compiled(model)
        found: list[Any] = []
        both = [(row, view) for row in range(len(views)) for view in range(output.views)]
        for images, target, _ in views.batches(lambda: iter(both), batch_size * output.views):
            outputs = run(output.hide(tf.cast(images, tf.float32), target))
            found += output.measure(np.asarray(target), np.asarray(outputs))
        return found


def _places(views: AugmentedViews) -> np.ndarray:
    return np.array([np.asarray(image.target)[0] for image in views.examples.examples])


def pair_rows(rows: Rows, places: np.ndarray | None, distance: int, seed: int) -> Rows:
    """Return each row and, behind it, its partner: another view of the image or, half of the time, a near frame.

    Args:
        rows: the images in their order, each with the number of its view.
        places: (N,) place of each image on the time line, ascending; None: no neighbours.
        distance: on the time line, at most.
        seed: of the choice.

    Example:
        >>> rows = lambda: iter([(0, 0), (2, 0)])
        >>> list(pair_rows(rows, None, 0, 0)())
        [(0, 0), (0, 1), (2, 0), (2, 1)]
        >>> {pair for seed in range(9) for pair in list(pair_rows(rows, np.array([0, 1, 65]), 2, seed)())[1::2]}
        {(0, 1), (1, 1), (2, 1)}
    """

    def pairs() -> Iterator[tuple[int, int]]:
        for row, view in rows():
            yield row, 2 * view
            partner = row if places is None else _partner(row, places, distance, (seed, view, row))
            yield partner, 2 * view + 1

    return pairs


def _partner(row: int, places: np.ndarray, distance: int, seed: tuple[int, ...]) -> int:
    near = np.flatnonzero(np.abs(places - places[row]) <= distance)
    near, rng = near[near != row], np.random.default_rng(seed)
    return int(rng.choice(near)) if len(near) and rng.random() < OTHER_FRAME else row


IMAGES = PretrainingImages()
