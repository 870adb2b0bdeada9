"""Kinds of output: what a head's numbers mean, from the training target to the figure in the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    import keras
    import numpy as np

    from cityzoo.sample import Picture, PictureSet


class Kind(Protocol):
    """Tie a head of `heads/` to data and metrics. Made from the class names; a task names its kind.

    Attributes:
        class_names: what labels point to.
        headline: figures of `metrics` that are said first, in this order.
    """

    class_names: tuple[str, ...]
    headline: ClassVar[tuple[str, ...]]

    def columns(self, pictures: Sequence[Picture]) -> dict[str, Sequence[Any]]:
        """Return what `augment.pipeline` moves along with pictures: boxes, labels, masks."""

    def outputs(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Put the head on a backbone's levels."""

    def loss(self, size_hw: tuple[int, int]) -> keras.losses.Loss:
        """Return the loss for inputs of that size."""

    def target(self, batch: dict[str, Any]) -> Any:
        """Return what the loss compares with a batch's outputs, inside a `tf.data` graph; boxes are padded."""

    def results(self, outputs: np.ndarray, matrices: np.ndarray, pictures: Sequence[Picture]) -> list[Any]:
        """Turn the outputs for a batch into results in the original pictures' pixels."""

    def draw(self, image: np.ndarray, truth: Picture, result: Any) -> np.ndarray:
        """Return the upright picture, (H, W, 3) uint8 RGB, with its labels and a result drawn on it."""

    def metrics(self, truth: PictureSet, results: Sequence[Any]) -> dict[str, Any]:
        """Judge results against the labels."""

    def cases(self, truth: PictureSet, results: Sequence[Any], folder: Path) -> dict[str, Any]:
        """Write the results and telling pictures into a folder; return what else a report says of them."""
