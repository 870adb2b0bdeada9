"""Held-out images as the network gets them, kept in memory: decoded once, evaluated many times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.data.image.views import AugmentedViews
from cityzoo.errors import InputError
from cityzoo.outputs import Output
from cityzoo.sample import ImageSet

if TYPE_CHECKING:
    import keras

BATCH = 20  # images at a time


@dataclass(frozen=True)
class NetworkInputs:
    """Images at the size of a network's input.

    Attributes:
        examples: the images, with their labels.
        output: what the network's outputs mean.
        images: (N, h, w, 3) uint8 RGB.
        targets: (N, ...) targets of the output's loss.
        matrices: (N, 3, 3) float32, original pixels -> pixels of the network's input.
        inside: (N, h, w, 1) bool, False on the padding of an image of another shape.
        seeds: (N, 2) int32, of each image; they depend on the seed and its row in its set alone.
    """

    examples: ImageSet
    output: Output
    images: np.ndarray
    targets: np.ndarray
    matrices: np.ndarray
    inside: np.ndarray
    seeds: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    @property
    def parts(self) -> list[slice]:
        """Return the slices that the images are worked on in, `BATCH` at a time."""
        return [slice(start, start + BATCH) for start in range(0, len(self), BATCH)]

    @property
    def size_hw(self) -> tuple[int, int]:
        """Return height and width of the network's input."""
        return self.images.shape[1:3]

    @property
    def mirrored(self) -> bool:
        """Return whether predictions are averaged over each image and its mirror image."""
        return getattr(self.output, "flips", False)

    def answer(self, run: Callable[[Any], Any], images: np.ndarray, rows: Sequence[int]) -> list[Any]:
        """Return the results for changed images.

        Args:
            run: a model, as `cityzoo.backend.compiled` returns it.
            images: (B, h, w, 3) float32 of 0..255.
            rows: of these images.
        """
        outputs = run(images)
        outputs = (outputs + run(images[:, :, ::-1])) / 2 if self.mirrored else outputs
        return self.output.decode(outputs, self.matrices[rows], [self.examples.examples[row] for row in rows])


def spread_indices(count: int, most: int) -> list[int]:
    """Return at most `most` rows of `count`, evenly spread, first and last among them.

    Example:
        >>> spread_indices(9, 3), spread_indices(3, 100)
        ([0, 4, 8], [0, 1, 2])
    """
    return np.unique(np.linspace(0, count - 1, min(most, count)).round()).astype(int).tolist()


def prepare(
    model: keras.Model, output: Output, truth: ImageSet, rows: Sequence[int], seed: int = 0
) -> NetworkInputs:
    """Bring some images of a set to a model's input, as `predict.all_of` does.

    Args:
        model: a whole, loaded model.
        output: what its outputs mean.
        truth: the set, with labels.
        rows: of the images that are wanted, in this order.
        seed: of later corruptions.

    Raises:
        InputError: no rows.
    """
    from augment.placement import sample_parameters
    from augment.policy import NONE

    if not len(rows):
        raise InputError("there is no held-out image to test the model on: give labeled images by --data")
    chosen = tuple(truth.examples[row] for row in rows)
    examples = ImageSet(truth.split, truth.class_names, chosen)
    size_hw = tuple(model.inputs[0].shape[1:3])
    most_boxes = max(1, *(len(image.labels) for image in chosen), 1)
    views = AugmentedViews(examples, output, "none", size_hw, most_boxes, seed=0)
    batches = views.batches(lambda: ((row, 0) for row in range(len(chosen))), BATCH)
    columns = zip(*([part.numpy() for part in batch] for batch in batches), strict=True)
    images, targets, matrices = (np.concatenate(column) for column in columns)
    _, seeds = sample_parameters(NONE, np.array([(seed, row, 0) for row in rows]))
    inside = _inside(matrices, np.array([image.size_hw for image in chosen]), size_hw)
    return NetworkInputs(examples, output, images, targets, matrices, inside, seeds)


def _inside(matrices: np.ndarray, images_hw: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    # Images are not rotated: rows and columns can be checked on their own.
    (first_y, first_x), spans = matrices[:, [1, 0], 2].T, matrices[:, [1, 0], [1, 0]] * images_hw
    y, x = (np.arange(side) + 0.5 for side in size_hw)
    rows = (y > first_y[:, None]) & (y < (first_y + spans[:, 0])[:, None])
    columns = (x > first_x[:, None]) & (x < (first_x + spans[:, 1])[:, None])
    return (rows[:, :, None] & columns[:, None, :])[..., None]
