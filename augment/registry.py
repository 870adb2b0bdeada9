"""The registry of transforms: each is one decorated function that declares its values."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np


@dataclass(frozen=True)
class Value:
    """Allowed range of one value of a transform, and its mapping from strength 0..1.

    Attributes:
        neutral: the value at strength 0, at which nothing changes (or as little as possible).
        full: the value at strength 1, about the limit at which a person still recognises the scene.
        low: smallest value allowed.
        high: largest value allowed.
        mirrored: whether a random sign decides between full and its opposite about neutral.

    Example:
        >>> degrees = Value(0.0, 30.0, -180.0, 180.0, mirrored=True)
        >>> degrees.at(0.5), degrees.at(0.5, sign=-1.0)
        (15.0, -15.0)
    """

    neutral: float
    full: float
    low: float
    high: float
    mirrored: bool = False

    def at(self, strength: Any, sign: Any = 1.0) -> Any:
        """Return the value at a strength (0..1, a number or a tensor); `sign` (1 or -1) is used if mirrored."""
        direction = sign if self.mirrored else 1.0
        return self.neutral + direction * strength * (self.full - self.neutral)


Stage = Literal["geometric", "color", "pixels", "mix"]
STRENGTH = Value(0.0, 1.0, 0.0, 1.0)
SHARE = Value(0.5, 0.5, 0.0, 1.0)  # a position or a time, independent of strength


@dataclass(frozen=True)
class Transform:
    """A registered transform.

    Attributes:
        name: its name in policies.
        stage: the decorator that registered it.
        function: the decorated function.
        values: its arguments by name, sampled for each image.
        seeded: whether the function also takes `seeds`.
        needs: keys of which a batch must contain one; other batches are not changed.
    """

    name: str
    stage: Stage
    function: Callable[..., Any]
    values: dict[str, Value]
    seeded: bool
    needs: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """Return the first line of the function's docstring."""
        return (inspect.getdoc(self.function) or self.name).splitlines()[0]


MODULES = ("color", "geometric", "mixing", "pasting", "pixels", "weather")
TRANSFORMS: dict[str, Transform] = {}


def load_transforms() -> dict[str, Transform]:
    """Import all `MODULES` of transforms, with TensorFlow, and return the filled `TRANSFORMS`."""
    for name in MODULES:
        importlib.import_module(f"augment.{name}")
    return TRANSFORMS


def _register(
    stage: Stage, values: dict[str, Value], needs: tuple[str, ...] = ()
) -> Callable[[Callable], Callable]:
    def register(function: Callable) -> Callable:
        taken = inspect.signature(function).parameters
        missing = [name for name in values if name not in taken]
        if missing:
            raise ValueError(
                f"transform '{function.__name__}': values {missing} are declared but not taken, it takes {list(taken)}"
            )
        name = function.__name__
        TRANSFORMS[name] = Transform(name, stage, function, values, "seeds" in taken, needs)
        return function

    return register


def geometric(**values: Value) -> Callable[[Callable], Callable]:
    """Register (canvas, values: (B,)) -> ([B,] 3, 3) float32, canvas pixels to canvas pixels; NumPy arrays.

    All geometric steps of a policy become one matrix per image, which is resampled once.
    """
    return _register("geometric", values)


def color(**values: Value) -> Callable[[Callable], Callable]:
    """Register (mean_rgb (B, 3), values: (B,)) -> (B, 4, 4) float32, applied to columns (R, G, B, 1), 0..255.

    All are NumPy arrays. `mean_rgb` is the mean color of each image after the previous steps. Consecutive color steps
    are combined into one matrix.
    """
    return _register("color", values)


def pixels(**values: Value) -> Callable[[Callable], Callable]:
    """Register (images (B, H, W, 3) float32 0..255, values: (B,)[, seeds (B, 2) int32]) -> images.

    H and W are static. Results may leave 0..255 and are clipped afterwards. A function that takes `seeds` samples
    from them only, each image from its own: the result of an image must not depend on its batch.
    """
    return _register("pixels", values)


def mix(needs: tuple[str, ...] = (), **values: Value) -> Callable[[Callable], Callable]:
    """Register (batch, happens (B,) bool, values: (B,)) -> batch, where images take parts of their neighbors.

    `needs` are keys of a batch, such as "bounding_boxes"; batches with none of them are not changed.
    """
    return _register("mix", values, needs)


def at_strength(transform: Transform, strength: Any, sign: Any = 1.0) -> dict[str, np.ndarray]:
    """Return a transform's values at a strength of 0..1.

    Args:
        transform: a member of `TRANSFORMS`.
        strength: number or tensor, 0..1.
        sign: 1 or -1, for mirrored values.
    """
    return {name: value.at(strength, sign) for name, value in transform.values.items()}
