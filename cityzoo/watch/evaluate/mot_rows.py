"""Boxes with ids, frame by frame, as files of MOTChallenge have them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cityzoo.errors import InputError

COLUMNS = 8  # frame from 1, id, left, top, width, height, score, class from 1


class MotRows:
    """The rows of a file, by frame.

    Args:
        rows: (N, 8 or more): frame from 1, id, left, top, width, height in pixels, score, class from 1.

    Example:
        >>> rows = MotRows(np.array([[2, 7, 10, 20, 5, 5, 1, 1], [1, 7, 0, 0, 5, 5, 1, 3]]))
        >>> [(frame, ids.tolist(), boxes.tolist(), labels.tolist()) for frame, ids, boxes, labels in rows]
        [(1, [7], [[0.0, 0.0, 5.0, 5.0]], [2]), (2, [7], [[10.0, 20.0, 15.0, 25.0]], [0])]
    """

    def __init__(self, rows: np.ndarray) -> None:
        ordered = rows[np.argsort(rows[:, 0], kind="stable")]
        self.frames = ordered[:, 0].astype(int)
        self.ids, self.labels = ordered[:, 1].astype(int), ordered[:, 7].astype(int) - 1
        self.boxes = np.concatenate([ordered[:, 2:4], ordered[:, 2:4] + ordered[:, 4:6]], axis=1).astype(
            float
        )

    def __iter__(self) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
        """Yield the frames that have boxes: number, ids (M,), boxes (M, 4) xyxy, labels (M,)."""
        for frame in np.unique(self.frames).tolist():
            ids, boxes, labels = self.select(frame)
            yield frame, ids, boxes, labels

    def select(self, frame: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return ids (M,), boxes (M, 4) xyxy and labels (M,) of a frame."""
        first, last = np.searchsorted(self.frames, (frame, frame + 1))
        return self.ids[first:last], self.boxes[first:last], self.labels[first:last]


def read_mot_rows(path: Path) -> MotRows:
    """Read a file.

    Raises:
        InputError: not such rows.
        OSError: not there.
    """
    text = path.read_text(encoding="utf-8")
    try:
        rows = [[float(cell) for cell in line.split(",")] for line in text.splitlines() if line.strip()]
        table = np.array(rows, float).reshape(len(rows), -1)
        if table.shape[1] < COLUMNS - 2:
            raise ValueError
    except ValueError as error:
        raise InputError(
            f"'{path}' has no rows of MOTChallenge: expected frame, id, left, top, width, height, ..."
        ) from error
    return MotRows(np.pad(table, ((0, 0), (0, max(0, COLUMNS - table.shape[1]))), constant_values=1))
