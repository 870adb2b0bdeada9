"""Choose a batch size: the largest that fits a GPU's memory, and a usual one where memory is not the limit."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from typing import Any

import keras

from cityzoo.errors import InputError, is_out_of_memory
from cityzoo.fit.dry_run import dry_run_steps

LOG = logging.getLogger(__name__)
LARGEST, ON_CPU = (
    128,
    16,
)  # images over all devices: larger ones want other learning rates; speed is flat by then
STEPS_AN_EPOCH = 16  # that a batch leaves of the data
FEWEST = 8  # images that a BatchNorm which learns should see, though an epoch has fewer steps then


def auto_batch_size(num_images: int, try_batch: Callable[[int], None] | None = None, devices: int = 1) -> int:
    """Return how many images a step should take over all devices together.

    A power of two for each device, at most 128 in all, small enough for 16 steps an epoch unless that is below
    8 images; halved until it fits.

    Args:
        num_images: images to train on, at least 1.
        try_batch: trains on a batch of that size, or raises for want of memory; see `training_step`. None: memory
            is not the limit, as on CPUs, where 16 is enough to keep all cores at work.
        devices: replicas that share a batch.

    Raises:
        InputError: not even one image for each device fits.

    Example:
        >>> auto_batch_size(5000), auto_batch_size(100), auto_batch_size(3)
        (16, 8, 2)
        >>> def small_gpu(size):
        ...     if size > 40:
        ...         raise MemoryError
        >>> auto_batch_size(5000, small_gpu), auto_batch_size(5000, small_gpu, devices=3)
        (32, 24)
    """
    most = ON_CPU if try_batch is None else LARGEST
    wanted = min(most, max(num_images // STEPS_AN_EPOCH, FEWEST), num_images)
    size = devices
    while size * 2 <= wanted:
        size *= 2
    while try_batch is not None and not _fits(try_batch, size):
        if size == devices:
            raise InputError(
                f"not even a batch of {size} fits into the memory of {devices} device(s): give a smaller --image-size "
                "or --backbone, or freeze more"
            )
        LOG.info("a batch of %d does not fit into memory: trying %d", size, size // 2)
        size //= 2
    return size


def _fits(try_batch: Callable[[int], None], size: int) -> bool:
    import tensorflow as tf

    try:
        try_batch(size)
    except (MemoryError, RuntimeError, tf.errors.OpError) as error:
        if not is_out_of_memory(error):
            raise
        return False
    return True


def training_step(
    model: keras.Model,
    loss: keras.losses.Loss | str,
    make_optimizer: Callable[[], keras.optimizers.Optimizer],
    row: tuple[Any, Any],
) -> Callable[[int], None]:
    """Return a function that tries a batch size: two steps of training, after which nothing has changed.

    Two, because the second holds what the first one left behind.

    Args:
        model: a functional model, frozen as it will be; call this in its strategy's scope.
        loss: what it learns by.
        make_optimizer: builds the run's optimizer, whose slots take memory too.
        row: input and target of one image, without a batch dimension.
    """
    import tensorflow as tf

    def try_batch(size: int) -> None:
        batches = tf.data.Dataset.from_tensors(row).repeat(2 * size).batch(size, drop_remainder=True)
        try:
            with dry_run_steps(model) as twin:
                twin.compile(make_optimizer(), loss)
                twin.fit(batches, steps_per_epoch=2, shuffle=False, verbose=0)
        finally:
            gc.collect()  # a compiled model refers to itself, and its slots hold memory until it is found

    return try_batch
