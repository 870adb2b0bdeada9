"""What a frozen prefix says about each view, computed once and kept on disk while the rest trains on it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cityzoo.errors import InputError
from cityzoo.views import Rows, Views, in_order

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

# Half the size of float32 and finer than bfloat16; activations beyond its range would be clipped.
STORED, LARGEST = np.float16, 65504.0
BATCH = 16
SPARE_BYTES = 2**30  # that stay free on the disk
MARK = "complete.json"


@dataclass(frozen=True)
class Features:
    """Hold the prefix's outputs, targets and matrices of `count` pictures in some views, as memory-mapped files.

    Row `view * count + picture` belongs to a view of a picture. `tensors` has the names of the suffix's inputs.
    """

    tensors: dict[str, np.ndarray]
    targets: np.ndarray
    matrices: np.ndarray
    count: int

    def batches(self, rows: Rows, batch_size: int) -> tf.data.Dataset:
        """Return batches of ({name: (batch, ...) float32}, target) in the order of `rows`."""
        import tensorflow as tf

        def gather() -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
            positions = [view * self.count + row for row, view in rows()]
            for start in range(0, len(positions), batch_size):
                chosen = positions[start : start + batch_size]
                yield {name: array[chosen] for name, array in self.tensors.items()}, self.targets[chosen]

        signature = (
            {name: tf.TensorSpec((None, *array.shape[1:]), STORED) for name, array in self.tensors.items()},
            tf.TensorSpec((None, *self.targets.shape[1:]), tf.float32),
        )
        stored = tf.data.Dataset.from_generator(gather, output_signature=signature)
        return stored.map(
            lambda tensors, y: ({n: tf.cast(t, tf.float32) for n, t in tensors.items()}, y)
        ).prefetch(4)


def bytes_needed(prefix: keras.Model, views: Views, number_of_views: int) -> int:
    """Return how large the features of a set would be on disk."""
    each = (
        sum(int(np.prod(tensor.shape[1:])) for tensor in prefix.output.values()) * np.dtype(STORED).itemsize
    )
    return len(views.pictures) * number_of_views * (each + views.max_rows * 20 + 36)


def fits(needed: int, folder: Path) -> bool:
    """Return whether features of that size may be kept: half of what is free, a spare left."""
    return needed < (shutil.disk_usage(folder).free - SPARE_BYTES) / 2


def compute(prefix: keras.Model, views: Views, number_of_views: int, folder: Path, key: str) -> Features:
    """Run a frozen prefix over every view of every picture once; a finished folder of the same key is used again.

    Args:
        prefix: images -> {name: tensor}; its weights do not change while the features are used.
        views: how pictures come to the network.
        number_of_views: augmented versions of each picture.
        folder: where the files go.
        key: says what the features depend on; a folder of another key, or an unfinished one, is made anew.

    Raises:
        InputError: the disk is full.
    """

    mark, count = folder / MARK, len(views.pictures)
    fresh = not (mark.is_file() and mark.read_text() == json.dumps(key))
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    if fresh:
        batches = views.batches(in_order(count, number_of_views), BATCH, unmixed_from=number_of_views - 1)
        try:
            _fill(prefix, batches, *_create(prefix, batches.element_spec, count * number_of_views, folder))
            mark.write_text(json.dumps(key))
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise InputError(
                f"features could not be written to '{folder}' ({error.strerror}): free some disk, or lower --views or "
                "--image-size"
            ) from error
    targets, matrices = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("targets", "matrices"))
    tensors = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in prefix.output}
    return Features(tensors, targets, matrices, count)


def _create(
    prefix: keras.Model, spec: tuple, total: int, folder: Path
) -> tuple[dict, np.ndarray, np.ndarray]:
    def create(name: str, dtype: type, shape: tuple[int, ...]) -> np.ndarray:
        array = np.lib.format.open_memmap(
            folder / f"{name}.npy", mode="w+", dtype=dtype, shape=(total, *shape)
        )
        if hasattr(os, "posix_fallocate"):  # a full disk then says so here, and not by a bus error later
            with open(folder / f"{name}.npy", "r+b") as file:
                os.posix_fallocate(file.fileno(), 0, array.offset + array.nbytes)
        return array

    tensors = {name: create(name, STORED, tuple(tensor.shape[1:])) for name, tensor in prefix.output.items()}
    return (
        tensors,
        create("targets", np.float32, tuple(spec[1].shape[1:])),
        create("matrices", np.float32, (3, 3)),
    )


def _fill(
    prefix: keras.Model, batches: tf.data.Dataset, tensors: dict, targets: np.ndarray, matrices: np.ndarray
) -> None:
    import keras
    import tensorflow as tf

    @tf.function
    def run(images: tf.Tensor) -> dict[str, tf.Tensor]:
        found = prefix(tf.cast(images, tf.float32), training=False)
        return {
            n: tf.cast(tf.clip_by_value(tf.cast(t, tf.float32), -LARGEST, LARGEST), STORED)
            for n, t in found.items()
        }

    bar = keras.utils.Progbar(len(targets), unit_name="view")
    start = 0
    for images, target, matrix in batches:
        end = start + len(target)
        for name, tensor in run(images).items():
            tensors[name][start:end] = tensor.numpy()
        targets[start:end], matrices[start:end] = target.numpy(), matrix.numpy()
        bar.update(end)
        start = end
