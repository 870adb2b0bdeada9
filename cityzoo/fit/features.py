"""Features: outputs of a frozen prefix for each view, computed once and kept on disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from augment.epoch_order import Rows, sequential_order
from cityzoo.backend import compiled
from cityzoo.errors import InputError
from cityzoo.fit.feature_cache import META, Cache, CachedViews, key_of, locked, read_meta, write_meta
from cityzoo.replace_file import remove_unfinished

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

# Half the size of float32 and finer than bfloat16; activations beyond its range would be clipped.
STORED, LARGEST = np.float16, 65504.0
BATCH = 16  # views at a time; an interrupted set continues at a whole batch
SAVED_EVERY = 16  # batches


@dataclass(frozen=True)
class Features:
    """The prefix's outputs, targets and matrices of `count` images in some views, as memory-mapped files.

    Row `view * count + image` belongs to a view of an image. `tensors` has the names of the suffix's inputs.
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
            tf.autograph.experimental.do_not_convert(
                lambda tensors, y: ({n: tf.cast(t, tf.float32) for n, t in tensors.items()}, y)
            )
        ).prefetch(4)


def bytes_needed(prefix: keras.Model, views: CachedViews, number_of_views: int) -> int:
    """Return the size of the features on disk."""
    each = sum(int(np.prod(shape)) for shape in _shapes(prefix, views).values()) * np.dtype(STORED).itemsize
    return len(views.examples) * number_of_views * (each + views.row_bytes)


def _shapes(prefix: keras.Model, views: CachedViews) -> dict[str, tuple[int, ...]]:
    """Return the shapes of what is stored of a view; of examples of varying length, that of the longest."""
    return {
        name: tuple(views.length if side is None else side for side in tensor.shape[1:])
        for name, tensor in prefix.output.items()
    }


def compute(prefix: keras.Model, views: CachedViews, number_of_views: int, cache: Cache) -> Features:
    """Run a frozen prefix over every view of every image once, or reuse the features of an earlier run.

    Args:
        prefix: images -> {name: tensor}; its weights do not change while the features are used.
        views: how images come to the network.
        number_of_views: augmented versions of each image.
        cache: where features are kept. An unfinished set is finished, one of another key left alone.

    Raises:
        InputError: the disk is full, or the folder not to be written.
    """
    key, count = key_of(prefix, views, number_of_views), len(views.examples)
    folder, total = cache.entry(key), count * number_of_views
    try:
        with locked(folder):
            remove_unfinished(folder)
            done = read_meta(folder, key)
            if done < total:
                _make(prefix, views, number_of_views, folder, key, done)
            os.utime(folder / META)  # the longest unused are removed first
        return _open(folder, list(prefix.output), count)
    except (OSError, ValueError) as error:
        raise InputError(
            f"features could not be kept in '{folder}' ({getattr(error, 'strerror', None) or error}): free some disk, "
            "remove that folder, lower --views or --image-size, or give --cache off"
        ) from error


def _open(folder: Path, names: list[str], count: int) -> Features:
    arrays = {
        name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in [*names, "targets", "matrices"]
    }
    return Features({n: arrays[n] for n in names}, arrays["targets"], arrays["matrices"], count)


def _make(
    prefix: keras.Model, views: CachedViews, number_of_views: int, folder: Path, key: str, done: int
) -> None:
    total = len(views.examples) * number_of_views
    done = min(done // BATCH * BATCH, total)
    rows = list(sequential_order(len(views.examples), number_of_views)())[done:]
    batches = views.batches(lambda: iter(rows), BATCH, unmixed_from=number_of_views - 1)
    shapes: dict[str, tuple[type, tuple[int, ...]]] = {
        name: (STORED, shape) for name, shape in _shapes(prefix, views).items()
    }
    shapes["targets"] = np.float32, tuple(batches.element_spec[1].shape[1:])
    shapes["matrices"] = np.float32, (3, 3)
    arrays = {
        name: _memmap(folder / f"{name}.npy", dtype, (total, *shape), "r+" if done else "w+")
        for name, (dtype, shape) in shapes.items()
    }

    def save(end: int) -> None:
        for array in arrays.values():
            array.flush()
        write_meta(folder, key, end, total)

    _fill(prefix, batches, arrays, done, save)


def _memmap(path: Path, dtype: type, shape: tuple[int, ...], mode: str) -> np.ndarray:
    if mode == "r+":
        return np.lib.format.open_memmap(path, mode="r+")
    array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    if hasattr(os, "posix_fallocate"):  # a full disk then says so here, and not by a bus error later
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, array.offset + array.nbytes)
    return array


def _fill(
    prefix: keras.Model,
    batches: tf.data.Dataset,
    arrays: dict[str, np.ndarray],
    start: int,
    save: Callable[[int], None],
) -> None:
    import keras

    run = compiled(prefix, _stored)
    bar = keras.utils.Progbar(len(arrays["targets"]), unit_name="view")
    try:
        for number, (images, target, matrix) in enumerate(batches, start=1):
            end = start + len(target)
            for name, array in {**run(images), "targets": target.numpy(), "matrices": matrix.numpy()}.items():
                # Shorter ones are followed by zeros.
                place = tuple(slice(side) for side in array.shape[1:])
                arrays[name][(slice(start, end), *place)] = array
            bar.update(end)
            start = end
            if number % SAVED_EVERY == 0:
                save(end)
    finally:  # when interrupted, too
        save(start)


def _stored(outputs: dict[str, Any]) -> dict[str, Any]:
    from keras import ops

    dtype = np.dtype(STORED).name
    return {
        n: ops.cast(ops.clip(ops.cast(t, "float32"), -LARGEST, LARGEST), dtype) for n, t in outputs.items()
    }
