"""The examples of a request, ready for a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from cityzoo.serve.batching import Arrays


@dataclass(frozen=True)
class Examples:
    """The examples of a request.

    Attributes:
        feeds: (rows, ...) by input name.
        images: the images as sent, (H, W, 3) uint8 each; none if tensors or measurements were sent.
        matrices: for each image, its pixels -> pixels of the network's input.
        times: of the last row of each window of measurements.
        texts: the texts, cleaned.
        starts: for each text the tokens that its words begin with, -1 for words that were cut off.
        offsets: for each text the characters of its words.
        owners: (rows,) int, the example of each row, where an example has several; their outputs are averaged.
        notes: what an answer says about its example, "" for nothing.
        is_list: whether the client sent a list, which is answered by one.
    """

    feeds: Arrays
    images: Sequence[np.ndarray] = ()
    matrices: Sequence[np.ndarray] = ()
    times: Sequence[datetime] = ()
    texts: Sequence[str] = ()
    starts: Sequence[np.ndarray] = ()
    offsets: Sequence[Sequence[tuple[int, int]]] = ()
    owners: np.ndarray | None = None
    notes: Sequence[str] = ()
    is_list: bool = False

    @property
    def sizes_hw(self) -> list[tuple[int, int]]:
        """Return height and width of each image."""
        return [image.shape[:2] for image in self.images]

    @property
    def pixels(self) -> int:
        """Return the pixels of all images."""
        return sum(height * width for height, width in self.sizes_hw)

    @property
    def first(self) -> np.ndarray | str | None:
        """Return the first image or text; None for tensors and measurements."""
        for shown in (self.images, self.texts):
            if shown:
                return shown[0]
        return None
