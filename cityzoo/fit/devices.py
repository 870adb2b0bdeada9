"""How training is spread over the devices of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cityzoo.backend import gpus, on_jax

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


def strategy() -> tf.distribute.Strategy | keras.distribution.Distribution:
    """Return a strategy that uses every GPU of this machine, or its (logical) CPUs where it has none.

    On JAX the devices of all processes share each batch.
    """
    if on_jax():
        import keras

        return keras.distribution.DataParallel(auto_shard_dataset=False)
    import tensorflow as tf

    output = "GPU" if gpus() else "CPU"
    devices = [f"{output}:{i}" for i in range(len(tf.config.list_logical_devices(output)))]
    return (
        tf.distribute.MirroredStrategy(devices)
        if len(devices) > 1 or output == "GPU"
        else tf.distribute.get_strategy()
    )


def devices_at_once() -> int:
    """Return the number of devices that share a batch: on JAX in equal parts, over all processes."""
    if not on_jax():
        return 1
    import keras

    return len(keras.distribution.list_devices())
