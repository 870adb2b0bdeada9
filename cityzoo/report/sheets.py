"""Sheets of pictures with results drawn on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cityzoo.data.pictures import read_picture
from cityzoo.report.drawing import grid
from cityzoo.sample import PictureSet

COLUMNS, SHOWN = 3, 6
CELL_WIDTH = 400


def write_sheets(
    truth: PictureSet,
    results: Sequence[Any],
    sheets: Mapping[str, Sequence[int]],
    draw: Callable[..., np.ndarray],
    folder: Path,
) -> None:
    """Write `NAME.png` for each sheet, the first pictures of its rows; a sheet without rows is removed.

    Args:
        truth: the pictures.
        results: one a picture.
        sheets: name to rows of the pictures, the most telling first.
        draw: (image, picture, result) -> what is shown.
        folder: where the sheets go.
    """
    for name, rows in sheets.items():
        path, chosen = folder / f"{name}.png", [int(row) for row in rows[:SHOWN]]
        if not chosen:
            path.unlink(missing_ok=True)  # of an evaluation before this one
            continue
        pictures = [truth.pictures[row] for row in chosen]
        drawn = [
            draw(read_picture(each.path, each.window_xyxy), each, results[row])
            for each, row in zip(pictures, chosen, strict=True)
        ]
        shape = float(np.clip(np.median([image.shape[0] / image.shape[1] for image in drawn]), 0.5, 1.25))
        captions = [Path(each.path).name for each in pictures]
        sheet = grid(drawn, COLUMNS, (round(CELL_WIDTH * shape), CELL_WIDTH), captions)
        Image.fromarray(sheet).save(path)
