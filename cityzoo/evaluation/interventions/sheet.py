"""Sheet of images before and after interventions, with their scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cityzoo.evaluation.interventions.changes import Change
from cityzoo.evaluation.interventions.frames import Frames
from cityzoo.visualize.sheets import cell_size, save_grid

NAME = "interventions.png"
COLUMNS = 4  # two pairs


def write_sheet(
    folder: Path, frames: Frames, shown: Sequence[tuple[Change, np.ndarray, np.ndarray, np.ndarray]]
) -> None:
    """Write `interventions.png`: for each change the image in which it costs most beyond the control.

    Args:
        folder: of the file.
        frames: the images.
        shown: changes, with the scores before and after and the costs, (N,) each.
    """
    cells, captions = [], []
    for change, before, after, cost in shown:
        if not np.isfinite(cost).any():
            continue
        row = int(np.nanargmax(cost))
        edited = change.edit(row)
        if edited is None:
            continue
        cells += [frames.image(row), edited.image]
        captions += [f"unchanged: {before[row]:.2f}", f"{change.name}: {after[row]:.2f}"]
    save_grid(folder / NAME, cells, captions, cell_size([each.shape[:2] for each in cells]), COLUMNS)
