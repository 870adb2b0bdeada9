"""The register of transforms: each is one decorated function that says what its values mean."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Value:
    """Say what one value of a transform may be, and how strength 0..1 becomes it.

    Attributes:
        neutral: the value at strength 0, at which nothing changes (or as little as the transform can).
        full: the value at strength 1, about the most that a person still recognises the scene at.
        low: smallest value allowed.
        high: largest value allowed.
        mirrored: whether strength works both ways: a drawn sign then decides between full and its opposite
            about neutral.

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
        """Return the value at a strength (0..1, a number or a tensor); `sign` (1 or -1) counts if mirrored."""
        way = sign if self.mirrored else 1.0
        return self.neutral + way * strength * (self.full - self.neutral)


STRENGTH = Value(0.0, 1.0, 0.0, 1.0)
SHARE = Value(0.5, 0.5, 0.0, 1.0)  # a place or a moment: strength has no say in it


@dataclass(frozen=True)
class Transform:
    """Hold a registered transform.

    Attributes:
        name: what policies call it.
        stage: "geometric", "colour", "pixels" or "mix"; see the decorator of that name.
        function: does it.
        values: what the function takes by name, drawn for each image.
        seeded: whether the function also takes `seeds`.
        needs: keys of which a batch must hold one; the transform leaves others alone.
    """

    name: str
    stage: str
    function: Callable[..., Any]
    values: dict[str, Value]
    seeded: bool
    needs: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """Return the first line of the function's docstring."""
        return (inspect.getdoc(self.function) or self.name).splitlines()[0]


STAGES = ("geometric", "colour", "pixels", "mix")
TRANSFORMS: dict[str, Transform] = {}


def _register(
    stage: str, values: dict[str, Value], needs: tuple[str, ...] = ()
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
    """Register (canvas, values: (B,)) -> ([B,] 3, 3) float32, canvas pixels to canvas pixels; numpy arrays.

    All geometric steps of a policy become one matrix for each image, which is resampled once.
    """
    return _register("geometric", values)


def colour(**values: Value) -> Callable[[Callable], Callable]:
    """Register (mean_rgb (B, 3), values: (B,)) -> (B, 4, 4) float32, applied to columns (R, G, B, 1), 0..255.

    `mean_rgb` is the mean colour of each image as the steps before have made it. Neighbouring colour steps
    become one matrix, and the pixels are touched once.
    """
    return _register("colour", values)


def pixels(**values: Value) -> Callable[[Callable], Callable]:
    """Register (images (B, H, W, 3) float32 0..255, values: (B,)[, seeds (B, 2) int32]) -> images.

    H and W are static. Results may leave 0..255: whoever calls clips. A function that takes `seeds` draws from
    them alone, each image from its own: what happens to an image must not depend on its batch.
    """
    return _register("pixels", values)


def mix(needs: tuple[str, ...] = (), **values: Value) -> Callable[[Callable], Callable]:
    """Register (batch, happens (B,) bool, values: (B,)) -> batch, where images take parts of their neighbours.

    `needs` are keys of a batch, such as "bounding_boxes": batches that hold none of them are left as they are.
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
