"""Compare the speed of two models side by side, so that what else the machine does slows both down."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from cityzoo.backend import compiled
from cityzoo.predict import make_noise

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
    one, other = shortest_milliseconds([first, second])
    return SpeedComparison(round(one, 2), round(other, 2), other / one)


def shortest_milliseconds(models: Sequence[keras.Model]) -> list[float]:
    """Return the shortest time of one example in each model, measured in turn."""
    runs = [(compiled(model), make_noise(model)) for model in models]
    for run, inputs in runs:
        run(inputs)  # the first call compiles
    seconds: list[list[float]] = [[] for _ in runs]
    started = time.perf_counter()
    while len(seconds[0]) < PAIRS[0] or (
        len(seconds[0]) < PAIRS[1] and time.perf_counter() - started < SECONDS
    ):
        for (run, inputs), own in zip(runs, seconds, strict=True):
            start = time.perf_counter()
            run(inputs)
            own.append(time.perf_counter() - start)
    return [min(own) * 1000 for own in seconds]
