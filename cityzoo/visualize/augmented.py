"""Sheets of augmented training images with their labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from cityzoo import visualize
from cityzoo.data.image.views import AugmentedViews
from cityzoo.errors import InputError
from cityzoo.visualize.sheets import image_grid

IMAGES, VERSIONS = 6, 5
CELL_PX = 400  # width of an image on the sheet


def contact_sheet(views: AugmentedViews, examples: int = IMAGES, versions: int = VERSIONS) -> np.ndarray:
    """Return a sheet, (H, W, 3) uint8 RGB: some images, one per row, in several augmented versions with labels."""
    chosen = np.unique(np.linspace(0, len(views.examples) - 1, examples).round()).astype(int).tolist()
    # Version by version, so that neighbors in a batch, which mixes take from, are different images.
    rows = [(row, version) for version in range(versions) for row in chosen]
    drawn: dict[tuple[int, int], np.ndarray] = {}
    drawing = visualize.find(views.output)
    if drawing is None:
        raise InputError("examples of this task cannot be drawn: remove --preview")
    for start in range(0, len(rows), len(chosen)):
        images, targets, _ = views.load_batch(rows[start : start + len(chosen)])
        for image, target in zip(images.numpy(), targets.numpy(), strict=True):
            drawn[rows[len(drawn)]] = drawing.draw_target(image, target, views.output)
    names = [Path(views.examples.examples[row].path).name for row in chosen]
    cells = [drawn[row, version] for row in chosen for version in range(versions)]
    captions = [f"{name}, {version + 1}" for name in names for version in range(versions)]
    cell_hw = round(CELL_PX * views.size_hw[0] / views.size_hw[1]), CELL_PX
    return image_grid(cells, versions, cell_hw, captions)


def write(views: AugmentedViews, path: str) -> None:
    """Write the sheet as an image file.

    Raises:
        InputError: the file cannot be written.
    """
    try:
        Image.fromarray(contact_sheet(views)).save(path)
    except (OSError, ValueError) as error:
        raise InputError(
            f"--preview '{path}' cannot be written ({error}): give a file such as preview.png"
        ) from error


def to_tensorboard(views: AugmentedViews, logs: Path) -> None:
    """Write a small sheet as the first of the run's images in TensorBoard, if the task's targets can be drawn."""
    import tensorflow as tf

    if visualize.find(views.output) is None:
        return
    with tf.summary.create_file_writer(str(logs / "images")).as_default():
        tf.summary.image("train/augmented", contact_sheet(views, examples=3, versions=3)[None], step=0)
