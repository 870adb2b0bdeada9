"""How models of one output teach each other, and how their outputs are averaged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import keras


class CombinedModels:
    """The part of an output that distillation and ensembles need."""

    class_names: tuple[str, ...]
    answers_by_class: ClassVar[bool] = True  # whether a new class leaves the numbers of the others alone

    def distillation_loss(self, size_hw: Any) -> keras.losses.Loss:
        """Return the loss of a student's outputs against its teacher's, which have the same shape."""
        raise TypeError(f"{type(self).__name__} has no distillation loss")

    def resample_outputs(self, outputs: Any, from_hw: tuple[int, int], to_hw: tuple[int, int]) -> Any:
        """Return outputs for images of `from_hw` pixels as they would be for images of `to_hw` pixels."""
        return outputs

    def select_classes(self, class_names: Sequence[str], outputs: Any) -> Any:
        """Return what a model of this output says of some of its classes, as a model of those alone would.

        Args:
            class_names: some of the output's, in the order that is wanted.
            outputs: of the model, a symbolic tensor or an array whose last axis ends with the classes.
        """
        from heads.known_classes import select_classes

        places = [self.class_names.index(name) for name in class_names]
        return select_classes(outputs, places, len(self.class_names))

    def average_outputs(self, outputs: Sequence[Any], weights: Sequence[float]) -> Any:
        """Return what one model would output that is the weighted mean of several.

        Args:
            outputs: of each model for the same inputs, symbolic tensors or arrays.
            weights: of each model, above 0; their sum is 1.
        """
        from heads.averaging import weighted_mean

        return weighted_mean(outputs, weights)
