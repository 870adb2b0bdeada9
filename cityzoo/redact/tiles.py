"""Tiles of an image at full resolution, in which a detector finds what is too small in the whole image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

OVERLAP = 0.2  # of neighboring tiles: what a border cuts is whole in the next one


def tile_windows(size_hw: tuple[int, int], tile_hw: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """Yield x1, y1, x2, y2 of overlapping tiles that cover an image; none if it is not larger than one.

    Example:
        >>> list(tile_windows((100, 150), (100, 100)))
        [(0, 0, 100, 100), (50, 0, 150, 100)]
        >>> list(tile_windows((100, 100), (100, 100)))
        []
    """
    if size_hw[0] <= tile_hw[0] and size_hw[1] <= tile_hw[1]:
        return
    for top in _starts(size_hw[0], tile_hw[0]):
        for left in _starts(size_hw[1], tile_hw[1]):
            yield left, top, min(left + tile_hw[1], size_hw[1]), min(top + tile_hw[0], size_hw[0])


def _starts(length: int, tile: int) -> list[int]:
    if length <= tile:
        return [0]
    steps = int(np.ceil((length - tile) / (tile * (1 - OVERLAP))))
    return [round(step * (length - tile) / steps) for step in range(steps + 1)]
