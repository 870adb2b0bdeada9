"""Exponential moving average of a model over its steps, BatchNorm statistics included."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import keras
import numpy as np
from keras import ops

from cityzoo.errors import InputError


class WeightEMA(keras.callbacks.Callback):
    """Exponential moving average of all that changes in training, to evaluate and save.

    After each step average += (1 - m) * (value - average), with m = min(momentum, (1 + n) / (10 + n)) after n
    earlier steps, so that the weights before the first step are soon forgotten (Polyak & Juditsky 1992;
    the ramp is that of TensorFlow 1's ExponentialMovingAverage).

    An optimizer's `use_ema` averages what gradients reach and no more. Averaged kernels then meet the BatchNorm
    statistics of the last step's kernels, which were never theirs, and a model that trains well is evaluated
    badly. Statistics move along here, as buffers do in timm's ModelEmaV2.

    Args:
        model: what trains: the whole model or the part behind a cut. Freeze first: frozen layers are left out.
        momentum: of the average, 0 to below 1; 0.999 looks back over about the last thousand steps.

    Raises:
        InputError: a momentum out of range.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
        >>> model.set_weights([np.array([[1.0]])])
        >>> average = WeightEMA(model, 0.5)
        >>> model.set_weights([np.array([[11.0]])])
        >>> average.on_train_batch_end(0)  # the first momentum is 1 / 10: 1 + 0.9 * 10
        >>> with average.applied():
        ...     lent = model.get_weights()[0].item()
        >>> lent, model.get_weights()[0].item()
        (10.0, 11.0)
    """

    def __init__(self, model: keras.Model, momentum: float = 0.999) -> None:
        super().__init__()
        if not 0 <= momentum < 1:
            raise InputError(
                f"a moving average of momentum {momentum} makes no sense: give 0 or more and less than 1, as 0.999"
            )
        self.momentum, self.steps = momentum, 0
        self._trained, self._values = model, _changing(model)
        self._averages = [
            keras.Variable(ops.convert_to_numpy(v), dtype=v.dtype, trainable=False, name=f"average_{i}")
            for i, v in enumerate(self._values)
        ]
        self._move = compile_step(self._moved)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        _up_to_date(self._trained)
        momentum = min(self.momentum, (1 + self.steps) / (10 + self.steps))
        self._move(ops.convert_to_tensor(1.0 - momentum, dtype="float32"))
        self.steps += 1

    def _moved(self, share: object) -> None:
        for average, value in zip(self._averages, self._values, strict=True):
            average.assign_add(ops.cast(share, average.dtype) * (value - average))

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the average into the model within a context; afterwards the model is unchanged, bit for bit."""
        _up_to_date(self._trained)
        kept = [ops.convert_to_numpy(value) for value in self._values]
        try:
            for value, average in zip(self._values, self._averages, strict=True):
                value.assign(ops.convert_to_numpy(average))
            yield
        finally:
            for value, array in zip(self._values, kept, strict=True):
                value.assign(array)

    def state(self) -> list[np.ndarray]:
        """Return what a resumed run needs: the number of steps, then the averages."""
        return [np.asarray(self.steps), *(ops.convert_to_numpy(average) for average in self._averages)]

    def restore(self, state: Sequence[np.ndarray]) -> None:
        """Continue from what `state` returned, if anything.

        Raises:
            ValueError: it is the state of another model.
        """
        if not len(state):
            return
        shapes = [tuple(np.shape(array)) for array in state[1:]]
        if shapes != [tuple(average.shape) for average in self._averages]:
            raise ValueError("this is the moving average of another model, or of another part of it")
        self.steps = int(state[0])
        for average, array in zip(self._averages, state[1:], strict=True):
            average.assign(array)


def _changing(model: keras.Model) -> list[keras.Variable]:
    # What learns and what merely moves, in layers that are not frozen; no counters, no seeds.
    layers = model._flatten_layers(include_self=False)
    still = {id(weight) for layer in layers if not layer.trainable for weight in layer.weights}
    return [v for v in model.weights if id(v) not in still and "float" in v.dtype]


def compile_step(function: Callable[..., None]) -> Callable[..., None]:
    """Return a function that changes variables as one call: a call for each takes longer than the arithmetic."""
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return tf.function(function, autograph=False)


def _up_to_date(model: keras.Model) -> None:
    if keras.backend.backend() == "jax":  # in `fit` the values are elsewhere until somebody asks
        model.jax_state_sync()
