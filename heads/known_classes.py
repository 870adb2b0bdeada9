"""What a model says of some of its classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops


def select_classes(outputs: Any, places: Sequence[int], count: int) -> Any:
    """Return outputs in which only some of the classes are left.

    Args:
        outputs: (..., D + `count`) float32, the last axis ends with a number for each class.
        places: positions of the classes that are left, in the order that is wanted.
        count: number of classes.

    Returns:
        (..., D + len(places)) float32.

    Example:
        >>> import numpy as np
        >>> rows = np.array([[9.0, 1.0, 2.0, 3.0]])  # one column before the classes
        >>> np.asarray(select_classes(rows, [2, 0], 3)).tolist()
        [[9.0, 3.0, 1.0]]
    """
    before = outputs.shape[-1] - count
    return ops.take(outputs, [*range(before), *(before + place for place in places)], axis=-1)
