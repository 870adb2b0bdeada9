"""Compare the speed of two models side by side, so that what else the machine does slows both down."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cityzoo.predict import shortest_milliseconds

if TYPE_CHECKING:
    import keras


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
