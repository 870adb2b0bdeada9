"""Images of val that look like one of train: frames of one video, or one photograph saved twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cityzoo.data.image.findings import Findings, brief
from cityzoo.data.image.image_info import ImageInfo
from cityzoo.data.image.raw import RawImage

# Of 64 bits. Saving again and scaling change no more; among 700 photographs of other places the nearest to a
# given one differs in 7 or more.
ALIKE = 3
# A bit is set where brightness falls from left to right. Looks with fewer than 6 bits set, or unset, come
# from images without content of their own: flat ones (night, fog, a covered lens) and those with one
# gradient. Two of them differ in few bits whatever they show, so that nothing can be said of them.
FEWEST, MOST = 6, 58
_PAIRS = 1 << 22  # compared at once: 32 MB


def nearest(train: np.ndarray, val: np.ndarray) -> np.ndarray:
    """Return for each val look the position of the first train look that is alike, or -1.

    Args:
        train: (T,) uint64 looks.
        val: (V,) uint64 looks.

    Returns:
        (V,) int64, positions in `train`; -1 where none differs in at most `ALIKE` bits, and for looks with
        too few bits set or unset to tell anything.

    Example:
        >>> train = np.array([0x00FF00FF00FF00FF, 0xF0F0F0F0F0F0F0F0, 1], np.uint64)
        >>> nearest(train, train[[1, 2]] ^ np.uint64(7)).tolist()
        [1, -1]
    """
    found = np.full(len(val), -1, np.int64)
    positions = np.flatnonzero(_telling(train))
    asked = np.flatnonzero(_telling(val))
    if not len(positions):
        return found
    step = max(1, _PAIRS // len(positions))
    for start in range(0, len(asked), step):
        rows = asked[start : start + step]
        alike = np.bitwise_count(val[rows, None] ^ train[None, positions]) <= ALIKE
        found[rows] = np.where(alike.any(1), positions[alike.argmax(1)], -1)
    return found


def find_near_duplicates(
    train: Sequence[RawImage],
    val: Sequence[RawImage],
    facts: Mapping[str, ImageInfo],
    findings: Findings,
) -> None:
    """Take note of val images that look like one of train; copies of one file count elsewhere."""
    train = [each for each in train if facts[each.path].look]
    copies = {facts[each.path].digest for each in train}
    val = [each for each in val if facts[each.path].look and facts[each.path].digest not in copies]
    looks = (np.array([int(facts[each.path].look, 16) for each in side], np.uint64) for side in (train, val))
    for each, position in zip(val, nearest(*looks).tolist(), strict=True):
        if position >= 0:
            places = (brief(path, findings.source) for path in (each.path, train[position].path))
            findings.add("near duplicate", " ~ ".join(places))


def _telling(looks: np.ndarray) -> np.ndarray:
    count = np.bitwise_count(looks)
    return (count >= FEWEST) & (count <= MOST)
