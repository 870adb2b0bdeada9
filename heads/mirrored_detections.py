"""Detections of a mirrored image as those of the image: for answers averaged over both (test-time augmentation)."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops


def mirror_detections(outputs: Any, size_hw: tuple[int, int], strides: tuple[int, ...] = (8, 16, 32)) -> Any:
    """Return a detector's outputs for mirrored inputs as those of the inputs themselves: points and boxes change sides.

    Args:
        outputs: (batch, points, 4 + classes) for images mirrored left to right, as `DetectionHead` returns.
        size_hw: height and width of the network's input in pixels.
        strides: stride of each level in pixels, finest first.

    Example:
        >>> row = np.array([[[0.0, 0, 4, 8, 1], [10, 0, 16, 8, 2]]])  # two points next to each other
        >>> ops.convert_to_numpy(mirror_detections(row, (8, 16), (8,))).tolist()
        [[[0.0, 0.0, 6.0, 8.0, 2.0], [12.0, 0.0, 16.0, 8.0, 1.0]]]
    """
    height, width = size_hw
    places, start = [], 0
    for stride in strides:
        rows, columns = -(-height // stride), -(-width // stride)
        grid = np.arange(start, start + rows * columns).reshape(rows, columns)
        places.append(grid[:, ::-1].ravel())
        start += rows * columns
    moved = ops.take(outputs, np.concatenate(places), axis=1)
    left, top, right, bottom = (moved[..., side : side + 1] for side in range(4))
    return ops.concatenate([width - right, top, width - left, bottom, moved[..., 4:]], axis=-1)
