"""Compare the speed of two models side by side, so that what else the machine does slows both down."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cityzoo.backend import compiled

if TYPE_CHECKING:
    import keras

PAIRS, SECONDS = (8, 60), 3.0  # least and most pairs of calls; after this time no more than the least


class SpeedComparison(NamedTuple):
    """The shortest times of one example in two models, in milliseconds, and the second as a share of the first."""

    first_ms: float
    second_ms: float
    ratio: float


def compare_speed(first: keras.Model, second: keras.Model) -> SpeedComparison:
    """Measure one example in two models in turn; the shortest time of each is the least disturbed one.

    Example:
        >>> import keras
        >>> x = keras.Input((2,))
        >>> model = keras.Model(x, keras.layers.Dense(2)(x))
        >>> compare_speed(model, model).ratio > 0
        True
    """
    image = np.random.default_rng(0).uniform(0, 255, (1, *first.inputs[0].shape[1:])).astype("float32")
    runs = compiled(first), compiled(second)
    for run in runs:
        run(image)  # the first call compiles
    seconds: tuple[list[float], list[float]] = ([], [])
    started = time.perf_counter()
    while len(seconds[0]) < PAIRS[0] or (
        len(seconds[0]) < PAIRS[1] and time.perf_counter() - started < SECONDS
    ):
        for run, own in zip(runs, seconds, strict=True):
            own.append(_seconds(run, image))
    one, other = (min(own) * 1000 for own in seconds)
    return SpeedComparison(round(one, 2), round(other, 2), other / one)


def _seconds(run: Any, image: np.ndarray) -> float:
    start = time.perf_counter()
    run(image)
    return time.perf_counter() - start
