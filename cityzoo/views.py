"""Pictures and their augmented versions as tf.data: every view has a seed, so that it can be made again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import augment
from cityzoo.data.pictures import decode
from cityzoo.kinds import Kind
from cityzoo.sample import PictureSet

if TYPE_CHECKING:
    import tensorflow as tf

View = tuple[int, int]  # row of the picture in its set, number of the view
Rows = Callable[[], Iterator[View]]


@dataclass(frozen=True)
class Views:
    """Hold how the pictures of a set come to the network.

    Attributes:
        pictures: the set.
        kind: makes the targets.
        policy: name of the augmentation policy; "none" shows each picture as it is.
        size_hw: height and width of the network's input in pixels.
        max_rows: rows that each picture's boxes are padded to.
        seed: of the run.
    """

    pictures: PictureSet
    kind: Kind
    policy: str
    size_hw: tuple[int, int]
    max_rows: int
    seed: int

    def samples(self, rows: Rows) -> tf.data.Dataset:
        """Return (images (h, w, 3) uint8, target, matrix (3, 3) float32) for each (picture, view) of `rows`."""
        import tensorflow as tf

        columns = _columns(self.pictures)
        source = tf.data.Dataset.from_generator(rows, output_signature=tf.TensorSpec((2,), tf.int32))

        def make(row: tf.Tensor) -> tuple[Any, Any, Any]:
            seed = tf.random.experimental.stateless_fold_in(tf.stack([self.seed, row[0]]), row[1])
            sample = augment.apply(_sample(columns, row[0]), self.policy, self.size_hw, seed)
            sample = augment.pad_boxes(sample, self.max_rows)
            return sample["images"], self.kind.target(sample), sample["matrix"]

        return source.map(make, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def _columns(pictures: PictureSet) -> dict[str, Any]:
    import tensorflow as tf

    each = pictures.pictures
    lengths = [len(picture.labels) for picture in each]
    boxes = np.concatenate([picture.boxes_xyxy for picture in each]) if each else np.zeros((0, 4), np.float32)
    labels = np.concatenate([picture.labels for picture in each]) if each else np.zeros((0,), np.int32)
    return {
        "path": tf.constant([picture.path for picture in each]),
        "plain": tf.constant([picture.plain for picture in each]),
        "boxes": tf.RaggedTensor.from_row_lengths(boxes, lengths),
        "labels": tf.RaggedTensor.from_row_lengths(labels, lengths),
    }


def _sample(columns: dict[str, Any], row: tf.Tensor) -> dict[str, Any]:
    return {
        "images": decode(columns["path"][row], columns["plain"][row]),
        "bounding_boxes": {"boxes": columns["boxes"][row], "labels": columns["labels"][row]},
        "image_id": row,
    }


def in_order(count: int, views: int = 1) -> Rows:
    """Return every picture once for each view, view by view."""
    return lambda: ((row, view) for view in range(views) for row in range(count))


def shuffled(
    count: int, batch_size: int, seed: int, first_epoch: int, epochs: int, views: int | None
) -> Rows:
    """Return the pictures of some epochs, each epoch in an order of its own, whole batches alone.

    Args:
        count: number of pictures.
        batch_size: the remainder of an epoch that fills no batch is left to the next epoch's chance.
        seed: of the run.
        first_epoch: number of the first epoch, counted from 0 over the whole run.
        epochs: number after the last epoch.
        views: epoch e shows view e modulo this; None: view e, a new one each time.

    Example:
        >>> rows = list(shuffled(4, 1, seed=0, first_epoch=0, epochs=2, views=1)())
        >>> sorted(rows[:4]), rows[:4] == rows[4:]
        ([(0, 0), (1, 0), (2, 0), (3, 0)], False)
        >>> list(shuffled(4, 1, 0, 1, 2, 1)()) == rows[4:]  # going on at epoch 1 sees what it would have seen
        True
    """

    def rows() -> Iterator[View]:
        for epoch in range(first_epoch, epochs):
            order = np.random.default_rng((seed, epoch)).permutation(count)
            view = epoch if views is None else epoch % views
            for row in order[: count // batch_size * batch_size]:
                yield int(row), view

    return rows
