"""One held-out picture under every corruption and attack, with what the model says of it drawn on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cityzoo.report.attack import ATTACKS
from cityzoo.report.corruptions import CORRUPTIONS
from cityzoo.report.drawing import grid
from cityzoo.report.inputs import Inputs
from cityzoo.sample import Picture

NAME = "robustness.png"
SHOWN = (0.2, 0.6, 1.0)  # strengths, a column each
CELL_PX = 400  # width of a picture on the sheet
CLEAN = "as it is"


class Sheet:
    """Collect one picture as it comes by in every pass, and draw it when the model has seen it.

    The picture is the one with the median number of boxes; where none has boxes, the middle one. It is drawn as the
    network gets it, without the bars beside it, enlarged: lines and letters are made for the sheet's size.

    Attributes:
        results: what the model says of each of `pictures`; to be set before the sheet is written.
    """

    def __init__(self, inputs: Inputs, eps_levels: float) -> None:
        """Choose the picture.

        Args:
            inputs: the pictures of all passes.
            eps_levels: how far attacks may change a pixel, grey levels.
        """
        order = np.argsort([len(picture.labels) for picture in inputs.pictures.pictures], kind="stable")
        self._row, self._kind, self._eps = int(order[len(order) // 2]), inputs.kind, eps_levels
        down, across = (np.flatnonzero(inputs.inside[self._row, ..., 0].any(axis=axis)) for axis in (1, 0))
        self._window = slice(down[0], down[-1] + 1), slice(across[0], across[-1] + 1)
        enlarged = CELL_PX / len(across)
        self._size_hw = max(1, round(len(down) * enlarged)), CELL_PX
        # Pixels of the sheet's picture -> pixels of the network's input.
        self._matrix = np.array([[1 / enlarged, 0, across[0]], [0, 1 / enlarged, down[0]], [0, 0, 1]])
        original = inputs.pictures.pictures[self._row]
        self._picture = self._moved(original, np.linalg.inv(self._matrix) @ inputs.matrices[self._row])
        self._images: dict[str, np.ndarray] = {}
        self.results: list[Any] = []

    def _moved(self, picture: Picture, matrix: np.ndarray) -> Picture:
        from augment import move_boxes

        boxes = move_boxes(picture.boxes_xyxy, matrix.astype(np.float32))
        return Picture(picture.path, self._size_hw, boxes, picture.labels, target=picture.target)

    def take(self, name: tuple[str, float], part: slice, images: Any) -> None:
        """Keep the picture if it is in a batch of a pass that is shown.

        Args:
            name: what befell the pictures, and its strength.
            part: rows of the batch.
            images: (B, h, w, 3) float32, 0..255.
        """
        what, strength = name
        if part.start <= self._row < part.stop and (what not in CORRUPTIONS or strength in SHOWN):
            caption = f"{what} {strength:g}" if what in CORRUPTIONS else what if what in ATTACKS else CLEAN
            self._images[caption] = np.asarray(images)[self._row - part.start]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Return the picture at the size of the sheet, once for each version."""
        attacks = len(ATTACKS) if self._kind.trains else 0
        return (self._picture,) * (1 + attacks + len(CORRUPTIONS) * len(SHOWN))

    def batch(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all versions, (B, h, w, 3) float32, and (B, 3, 3) matrices from the sheet's pixels to theirs."""
        images = np.stack(list(self._images.values()))
        return images, np.repeat(self._matrix[None].astype(np.float32), len(images), axis=0)

    def write(self, folder: Path) -> Path:
        """Write `robustness.png`: clean and attacked, then a row a corruption at strengths .2, .6 and 1.

        Args:
            folder: where the sheet goes.

        Returns:
            The file.
        """
        drawn = {
            caption: self._kind.draw(self._shown(image), self._picture, result)
            for (caption, image), result in zip(self._images.items(), self.results, strict=True)
        }
        empty = np.full((*self._size_hw, 3), 255, np.uint8)
        captions = [CLEAN, *ATTACKS, *(f"{name} {strength:g}" for name in CORRUPTIONS for strength in SHOWN)]
        cells = [drawn.get(caption, empty) for caption in captions]
        said = {
            name: f"{name}, {self._eps:g} of 255 grey levels" if name in drawn else "" for name in ATTACKS
        }
        height = round(CELL_PX * max(len(cell) / cell.shape[1] for cell in cells))
        sheet = grid(
            cells, len(SHOWN), (height, CELL_PX), [said.get(caption, caption) for caption in captions]
        )
        Image.fromarray(sheet).save(folder / NAME)
        return folder / NAME

    def _shown(self, image: np.ndarray) -> np.ndarray:
        picture = Image.fromarray(image[self._window].astype(np.uint8))
        return np.asarray(picture.resize(self._size_hw[::-1], Image.Resampling.BICUBIC))
