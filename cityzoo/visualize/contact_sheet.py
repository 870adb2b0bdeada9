"""Contact sheets of images with results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cityzoo.data.image.decode import read_image
from cityzoo.sample import ImageSet
from cityzoo.visualize.boxes import image_grid

COLUMNS, SHOWN = 3, 6
CELL_WIDTH = 400


def write_sheets(
    truth: ImageSet,
    results: Sequence[Any],
    sheets: Mapping[str, Sequence[int]],
    draw: Callable[..., np.ndarray],
    folder: Path,
) -> None:
    """Write `NAME.png` for each sheet, of its first images; remove the file of a sheet without images.

    Args:
        truth: the images.
        results: one per image.
        sheets: name -> rows of the images, the most important first.
        draw: (image, example, result) -> image to show.
        folder: of the sheets.
    """
    for name, rows in sheets.items():
        path, chosen = folder / f"{name}.png", [int(row) for row in rows[:SHOWN]]
        if not chosen:
            path.unlink(missing_ok=True)  # of an earlier evaluation
            continue
        images = [truth.examples[row] for row in chosen]
        cells = [
            draw(read_image(each.path, each.window_xyxy), each, results[row])
            for each, row in zip(images, chosen, strict=True)
        ]
        shape = float(np.clip(np.median([image.shape[0] / image.shape[1] for image in cells]), 0.5, 1.25))
        captions = [Path(each.path).name for each in images]
        sheet = image_grid(cells, COLUMNS, (round(CELL_WIDTH * shape), CELL_WIDTH), captions)
        Image.fromarray(sheet).save(path)
