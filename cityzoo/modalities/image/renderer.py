"""Draw images with labels and results, and copy them; `cityzoo.visualize` knows how to draw each output."""

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

    def export_annotations(
        self, folder: Path, output: Output, examples: ImageSet, labels: Sequence[Any], layout: str
    ) -> None:
        import numpy as np

        from cityzoo.data.image.export import WRITERS, LabeledImage
        from cityzoo.modalities.annotation_export import copy_name
        from cityzoo.sample import Detections, no_boxes, no_labels

        def labeled(example: ImageExample, label: Any) -> LabeledImage:
            nothing = Detections(no_boxes(), np.zeros(0, np.float32), no_labels())
            found = label if isinstance(label, Detections) else nothing
            names = () if isinstance(label, Detections) else label
            return LabeledImage(
                None,
                found.boxes_xyxy,
                found.labels,
                name="+".join(names),
                file=Path(example.path),
                file_name=copy_name(example.name),
                file_hw=example.size_hw,
            )

        pairs = zip(examples.examples, labels, strict=True)
        images = (("train", number, labeled(*pair)) for number, pair in enumerate(pairs))
        WRITERS[layout](folder, output.class_names, images, {"train": len(examples)})

    def write_preview(self, views: AugmentedViews, path: str) -> None:
        from cityzoo.visualize import augmented

        augmented.write(views, path)

    def log_preview(self, views: AugmentedViews, logs: Path) -> None:
        from cityzoo.visualize import augmented

        augmented.to_tensorboard(views, logs)
