"""Kinds of output: what a head's numbers mean, from the training target to the figure in the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import keras
    import numpy as np

    from cityzoo.sample import Picture, PictureSet


class Kind(Protocol):
    """Tie a head of `heads/` to data and metrics. Made from the class names; a task names its kind.

    Attributes:
        class_names: what labels point to.
    """

    class_names: tuple[str, ...]

    def outputs(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Put the head on a backbone's levels."""

    def loss(self, size_hw: tuple[int, int]) -> keras.losses.Loss:
        """Return the loss for inputs of that size."""

    def target(self, batch: dict[str, Any]) -> Any:
        """Return what the loss compares with a batch's outputs, inside a `tf.data` graph; boxes are padded."""

    def results(self, outputs: np.ndarray, matrices: np.ndarray, pictures: Sequence[Picture]) -> list[Any]:
        """Turn the outputs for a batch into results in the original pictures' pixels."""

    def metrics(self, truth: PictureSet, results: Sequence[Any]) -> dict[str, Any]:
        """Judge results against the labels."""
