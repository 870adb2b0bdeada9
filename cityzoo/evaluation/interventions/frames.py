"""Images at a network's input that are edited and predicted again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cityzoo.backend import compiled
from cityzoo.evaluation.interventions.image_edits import box_mask
from cityzoo.evaluation.network_inputs import NetworkInputs
from cityzoo.sample import ImageExample

if TYPE_CHECKING:
    import keras


class Edited(NamedTuple):
    """An edited image.

    Attributes:
        image: (h, w, 3) uint8.
        kept: (M,) bool, labels that are scored: those whose objects the edit left alone; None: all.
        before, after: examples with the labels that are scored in the image before and after; None: its own.
    """

    image: np.ndarray
    kept: np.ndarray | None = None
    before: ImageExample | None = None
    after: ImageExample | None = None


Edit = Callable[[int], Edited | None]  # row of an image; None: it cannot be edited so


@dataclass(frozen=True)
class Frames:
    """Images without their padding, as the network gets them."""

    inputs: NetworkInputs

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def examples(self) -> tuple[ImageExample, ...]:
        """Return the labeled examples."""
        return self.inputs.examples.examples

    @cached_property
    def windows(self) -> list[tuple[slice, slice]]:
        """Where each image lies in the network's input."""
        found = []
        for inside in self.inputs.inside[..., 0]:
            down, across = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
            found.append((slice(down[0], down[-1] + 1), slice(across[0], across[-1] + 1)))
        return found

    def image(self, row: int) -> np.ndarray:
        """Return an image, (h, w, 3) uint8."""
        return self.inputs.images[row][self.windows[row]]

    def boxes(self, row: int) -> np.ndarray:
        """Return the boxes of an image in its pixels, (M, 4) float32."""
        from augment import move_boxes

        down, across = self.windows[row]
        moved = move_boxes(self.examples[row].boxes_xyxy, self.inputs.matrices[row])
        offset = np.array([across.start, down.start] * 2)
        height, width = self.image(row).shape[:2]
        return (moved - offset).clip(0, [width, height, width, height])

    def restore_boxes(self, row: int, boxes: np.ndarray) -> np.ndarray:
        """Return boxes (M, 4) in pixels of an image as those of its file."""
        from augment import move_boxes

        down, across = self.windows[row]
        return move_boxes(
            np.float32(boxes + np.array([across.start, down.start] * 2)),
            np.linalg.inv(self.inputs.matrices[row]).astype(np.float32),
        )

    def objects(self, row: int) -> np.ndarray:
        """Return which pixels of an image lie in boxes, (h, w) bool."""
        return box_mask(self.boxes(row), self.image(row).shape[:2])

    def find_untouched(self, row: int, mask: np.ndarray) -> np.ndarray | None:
        """Return which boxes of an image have no pixel in a mask, (M,) bool; None for an image without boxes."""
        boxes = self.boxes(row)
        if not len(boxes):
            return None
        return np.array([not (box_mask(box[None], mask.shape) & mask).any() for box in boxes])


class Prediction(NamedTuple):
    """What a model finds in the images before and after an edit, each None where it cannot be applied."""

    edited: list[Edited | None]
    results: list[Any]


def predict_edits(model: keras.Model, frames: Frames, edits: Sequence[Edit]) -> list[Prediction]:
    """Return the predictions for all images under each edit, with a bar of progress.

    Args:
        model: a loaded model; compiled once.
        frames: the images.
        edits: any number; an image that one of them cannot change is predicted as it is.
    """
    import keras

    inputs, run = frames.inputs, compiled(model)
    found = [Prediction([], []) for _ in edits]
    bar = keras.utils.Progbar(len(edits) * len(inputs.parts), unit_name="batch")
    for edit, (kept, results) in zip(edits, found, strict=True):
        for part in inputs.parts:
            images, rows = inputs.images[part].astype(np.float32), range(len(inputs))[part]
            for image, row in zip(images, rows, strict=True):
                edited = edit(row)
                kept.append(edited and edited._replace(image=np.zeros(0)))  # results alone are needed
                if edited:
                    image[frames.windows[row]] = edited.image
            results += inputs.answer(run, images, rows)
            bar.add(1)
    return found
