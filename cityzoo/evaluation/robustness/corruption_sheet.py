"""Sheet of one held-out image under every corruption and attack, with predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cityzoo import visualize
from cityzoo.evaluation.network_inputs import NetworkInputs
from cityzoo.evaluation.robustness.conditions import ATTACKS, CORRUPTIONS
from cityzoo.sample import ImageExample
from cityzoo.visualize.sheets import image_grid

NAME = "robustness.png"
SHOWN = (0.2, 0.6, 1.0)  # strengths, one column each
CELL_PX = 400  # width of an image on the sheet
CLEAN = "clean"


class Sheet:
    """Versions of one image from all passes, drawn with the predictions for them.

    The image has the median number of boxes, or is the middle one without any. It is drawn at the network's input size
    without padding, enlarged to the size of the sheet.

    Attributes:
        results: predictions for each of `examples`; set before the sheet is written.
    """

    def __init__(self, inputs: NetworkInputs, eps_levels: float) -> None:
        """Choose the image.

        Args:
            inputs: the images of all passes.
            eps_levels: maximum change of a pixel by attacks, gray levels.
        """
        order = np.argsort([len(image.labels) for image in inputs.examples.examples], kind="stable")
        self._row, self._output, self._eps = int(order[len(order) // 2]), inputs.output, eps_levels
        down, across = (np.flatnonzero(inputs.inside[self._row, ..., 0].any(axis=axis)) for axis in (1, 0))
        self._window = slice(down[0], down[-1] + 1), slice(across[0], across[-1] + 1)
        enlarged = CELL_PX / len(across)
        self._size_hw = max(1, round(len(down) * enlarged)), CELL_PX
        # Pixels of the sheet's image -> pixels of the network's input.
        self._matrix = np.array([[1 / enlarged, 0, across[0]], [0, 1 / enlarged, down[0]], [0, 0, 1]])
        original = inputs.examples.examples[self._row]
        self._image = self._transform(original, np.linalg.inv(self._matrix) @ inputs.matrices[self._row])
        self._images: dict[str, np.ndarray] = {}
        self.results: list[Any] = []

    def _transform(self, image: ImageExample, matrix: np.ndarray) -> ImageExample:
        from augment import move_boxes

        boxes = move_boxes(image.boxes_xyxy, matrix.astype(np.float32))
        return ImageExample(image.path, self._size_hw, boxes, image.labels, target=image.target)

    def take(self, name: tuple[str, float], part: slice, images: Any) -> None:
        """Keep the image if it is in this batch and the pass is shown.

        Args:
            name: condition and strength.
            part: rows of the batch.
            images: (B, h, w, 3) float32, 0..255.
        """
        what, strength = name
        if part.start <= self._row < part.stop and (what not in CORRUPTIONS or strength in SHOWN):
            caption = f"{what} {strength:g}" if what in CORRUPTIONS else what if what in ATTACKS else CLEAN
            self._images[caption] = np.asarray(images)[self._row - part.start]

    @property
    def examples(self) -> tuple[ImageExample, ...]:
        """Return the image at the size of the sheet, once for each version."""
        attacks = len(ATTACKS) if self._output.trainable else 0
        return (self._image,) * (1 + attacks + len(CORRUPTIONS) * len(SHOWN))

    def batch(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all versions, (B, h, w, 3) float32, and (B, 3, 3) matrices from the sheet's pixels to theirs."""
        images = np.stack(list(self._images.values()))
        return images, np.repeat(self._matrix[None].astype(np.float32), len(images), axis=0)

    def write(self, folder: Path) -> Path:
        """Write `robustness.png`: clean and attacked, then one row per corruption; return the file."""
        cells_by_caption = {
            caption: self._draw(self._shown(image), result)
            for (caption, image), result in zip(self._images.items(), self.results, strict=True)
        }
        empty = np.full((*self._size_hw, 3), 255, np.uint8)
        captions = [CLEAN, *ATTACKS, *(f"{name} {strength:g}" for name in CORRUPTIONS for strength in SHOWN)]
        cells = [cells_by_caption.get(caption, empty) for caption in captions]
        labels = {
            name: f"{name}, {self._eps:g} of 255 gray levels" if name in cells_by_caption else ""
            for name in ATTACKS
        }
        height = round(CELL_PX * max(len(cell) / cell.shape[1] for cell in cells))
        sheet = image_grid(
            cells, len(SHOWN), (height, CELL_PX), [labels.get(caption, caption) for caption in captions]
        )
        Image.fromarray(sheet).save(folder / NAME)
        return folder / NAME

    def _draw(self, image: np.ndarray, result: Any) -> np.ndarray:
        drawing = visualize.find(self._output)
        return drawing.draw(image, self._image, result, self._output) if drawing else image

    def _shown(self, image: np.ndarray) -> np.ndarray:
        example = Image.fromarray(image[self._window].astype(np.uint8))
        return np.asarray(example.resize(self._size_hw[::-1], Image.Resampling.BICUBIC))
