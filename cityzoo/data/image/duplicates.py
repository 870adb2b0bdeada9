"""Duplicates: equal files or similar images in train and val, and equal files with contradictory labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from cityzoo.data.image.findings import Findings, brief
from cityzoo.data.image.image_info import ImageInfo
from cityzoo.data.image.raw import RawImage
from cityzoo.sample import ImageExample, ImageSet

# Hashes of 64 bits that differ in at most this many are similar. Recompression and scaling change no more; among
# 700 photos of different places the nearest to a given one differs in 7 or more.
SIMILAR_BITS = 3
# A bit is set where brightness falls from left to right. Hashes with fewer than 6 bits set, or unset, come from
# images without texture (night, fog, a covered lens) or with a single gradient. Two of them differ in few bits
# whatever they show, so they are not compared.
FEWEST, MOST = 6, 58
_PAIRS = 1 << 22  # compared at once: 32 MB


def find_duplicates(
    train: Sequence[RawImage], val: Sequence[RawImage], facts: Mapping[str, ImageInfo], findings: Findings
) -> None:
    """Report val images with the same bytes as a train image, and val images that are similar to one."""
    files = {facts[each.path].digest: each.path for each in train if not facts[each.path].defect}
    different = []
    for each in val:
        twin = None if facts[each.path].defect else files.get(facts[each.path].digest)
        if twin:
            findings.add("duplicate", " = ".join(brief(path, findings.source) for path in (each.path, twin)))
        elif facts[each.path].perceptual_hash:
            different.append(each)
    train = [each for each in train if facts[each.path].perceptual_hash]
    hashes = (
        np.array([int(facts[each.path].perceptual_hash, 16) for each in split], np.uint64)
        for split in (train, different)
    )
    for each, position in zip(different, find_similar(*hashes).tolist(), strict=True):
        if position >= 0:
            places = (brief(path, findings.source) for path in (each.path, train[position].path))
            findings.add("near duplicate", " ~ ".join(places))


def find_similar(train: np.ndarray, val: np.ndarray) -> np.ndarray:
    """Return for each of V val hashes, uint64, the position (V,) int64 of the first similar train hash.

    The position is -1 if none differs in at most `SIMILAR_BITS` bits, and for hashes with too few bits set or unset.

    Example:
        >>> train = np.array([0x00FF00FF00FF00FF, 0xF0F0F0F0F0F0F0F0, 1], np.uint64)
        >>> find_similar(train, train[[1, 2]] ^ np.uint64(7)).tolist()
        [1, -1]
    """
    found = np.full(len(val), -1, np.int64)
    positions, queries = (np.flatnonzero(_is_informative(each)) for each in (train, val))
    if not len(positions):
        return found
    step = max(1, _PAIRS // len(positions))
    for start in range(0, len(queries), step):
        rows = queries[start : start + step]
        similar = np.bitwise_count(val[rows, None] ^ train[None, positions]) <= SIMILAR_BITS
        found[rows] = np.where(similar.any(1), positions[similar.argmax(1)], -1)
    return found


def _is_informative(hashes: np.ndarray) -> np.ndarray:
    count = np.bitwise_count(hashes)
    return (count >= FEWEST) & (count <= MOST)


def remove_contradictions(
    train: ImageSet, val: ImageSet, facts: Mapping[str, ImageInfo], findings: Findings
) -> tuple[ImageSet, ImageSet]:
    """Return train and val without images whose copies have different labels; no copy is kept.

    Only labels of whole images are compared, after selection and renaming of classes.
    """
    groups: dict[str, list[tuple[ImageExample, np.ndarray]]] = defaultdict(list)
    for each in (*train.examples, *val.examples):
        if each.target is not None:
            groups[facts[each.path].digest].append((each, each.target))
    bad: set[int] = set()
    for copies in groups.values():
        if len({target.tobytes() for _, target in copies}) > 1:
            bad |= {id(each) for each, _ in copies}
            for each, target in copies:
                names = "+".join(train.class_names[place] for place in np.flatnonzero(target)) or "none"
                findings.add("contradiction", f"{brief(each.path, findings.source)} ({names})")
    good_train, good_val = (
        replace(split, examples=tuple(each for each in split.examples if id(each) not in bad))
        for split in (train, val)
    )
    return good_train, good_val
