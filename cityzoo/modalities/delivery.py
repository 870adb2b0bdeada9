"""What an exported file's users must know of its inputs; by default what the file says itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np


class DeliveredInput:
    """The part of a modality that export asks.

    Attributes:
        companions: files of a run folder that its exported files need next to them, as far as a run has them.
    """

    companions: ClassVar[tuple[str, ...]] = ()

    def describe_input(self, model: Any, output: Any, shape: Sequence[int | None]) -> dict[str, Any]:
        """Return what preprocessing.json says of an input besides its name, shape and dtype.

        Args:
            model: a Keras model that was loaded from its run folder.
            output: of the run.
            shape: of the input in the exported file.
        """
        return {}

    def fixed_shape(self, model: Any) -> dict[str, tuple[int, ...]]:
        """Return sizes of dynamic axes for formats without them: input -> its shape without the batch axis."""
        return {}

    def sources(self, examples: Any) -> np.ndarray | None:
        """Return what clients send for each example, (N,) str; None where it is what the network takes."""
        return None

    def feeding_order(self, model: Any, examples: Any, output: Any) -> Sequence[int]:
        """Return the example of each row that `predict` feeds to a model, in its order."""
        return range(len(examples))
