"""Train a model for a few steps and restore it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
from keras import ops


@contextmanager
def dry_run_steps(model: keras.Model) -> Iterator[keras.Model]:
    """Lend a twin that shares the layers of a functional model and may be compiled and trained.

    The model's own optimizer and compilation are never touched. Afterwards, also after an error, every variable
    is what it was, bit for bit: weights, moving statistics, states of random layers.

    Args:
        model: a functional model, compiled or not.

    Example:
        >>> inputs = keras.Input((1,))
        >>> model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(inputs))
        >>> before = model.get_weights()[0].item()
        >>> with dry_run_steps(model) as twin:
        ...     twin.set_weights([ops.ones((1, 1)) * 7])
        ...     model.get_weights()[0].item()
        7.0
        >>> model.get_weights()[0].item() == before
        True
    """
    variables = model.variables
    kept = [ops.convert_to_numpy(variable).copy() for variable in variables]
    try:
        yield keras.Model(model.input, model.output)
    finally:
        for variable, value in zip(variables, kept, strict=True):
            variable.assign(value)
