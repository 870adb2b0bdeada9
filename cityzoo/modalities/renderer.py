"""What a modality draws of its examples; by default nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo.errors import InputError
from cityzoo.modalities.annotation_export import AnnotationExport

if TYPE_CHECKING:
    import numpy as np


class ExampleRenderer(AnnotationExport):
    """Draw examples with labels and results."""

    def write_examples(
        self,
        output: Any,
        examples: Any,
        results: Sequence[Any],
        details: Mapping[str, Any],
        folder: Path,
    ) -> dict[str, Any]:
        """Draw informative examples into a folder; return what the report must know of them."""
        return {}

    def render(self, output: Any, example: Any, result: Any, labeled: bool = True) -> np.ndarray | None:
        """Return an example with its label and result as an image, (H, W, 3) uint8 RGB; None if it has no image."""
        return None

    def write_preview(self, views: Any, path: str) -> None:
        """Draw training examples as the network sees them.

        Raises:
            InputError: the modality draws none, or the file cannot be written.
        """
        raise InputError(f"--preview does not support {self.unit}: remove it")

    def log_preview(self, views: Any, logs: Path) -> None:
        """Write a few training examples to TensorBoard."""
