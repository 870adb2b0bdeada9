"""Draw images with labels and results; `cityzoo.visualize` knows how for each output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo.modalities.renderer import ExampleRenderer

if TYPE_CHECKING:
    import numpy as np

    from cityzoo.data.image.views import AugmentedViews
    from cityzoo.outputs import Output
    from cityzoo.sample import ImageExample, ImageSet


class ImageRenderer(ExampleRenderer):
    """Draw images."""

    def write_examples(
        self,
        output: Output,
        examples: ImageSet,
        results: Sequence[Any],
        details: Mapping[str, Any],
        folder: Path,
    ) -> dict[str, Any]:
        from cityzoo import visualize

        drawing = visualize.find(output)
        if drawing:
            drawing.write_examples(examples, results, output, details, folder)
        return {}

    def render(
        self, output: Output, example: ImageExample, result: Any, labeled: bool = True
    ) -> np.ndarray | None:
        from cityzoo import visualize
        from cityzoo.data.image.decode import read_image

        drawing = visualize.find(output)
        image = read_image(example.path, example.window_xyxy)
        return drawing.draw(image, example if labeled else None, result, output) if drawing else image

    def write_preview(self, views: AugmentedViews, path: str) -> None:
        from cityzoo.visualize import augmented

        augmented.write(views, path)

    def log_preview(self, views: AugmentedViews, logs: Path) -> None:
        from cityzoo.visualize import augmented

        augmented.to_tensorboard(views, logs)
