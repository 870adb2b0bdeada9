"""Files that are the same byte for byte: in train and val at once, or with labels that contradict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from cityzoo.data.image.findings import Findings, brief
from cityzoo.data.image.image_info import ImageInfo
from cityzoo.data.image.raw import RawImage
from cityzoo.sample import ImageExample, ImageSet


def find_duplicates(
    train: Sequence[RawImage],
    val: Sequence[RawImage],
    facts: Mapping[str, ImageInfo],
    findings: Findings,
) -> None:
    """Take note of val images whose file is in train too, byte for byte."""
    seen = {facts[each.path].digest: each.path for each in train if not facts[each.path].defect}
    for each in val:
        twin = None if facts[each.path].defect else seen.get(facts[each.path].digest)
        if twin:
            places = (brief(path, findings.source) for path in (each.path, twin))
            findings.add("duplicate", " = ".join(places))


def without_contradictions(
    train: ImageSet, val: ImageSet, facts: Mapping[str, ImageInfo], findings: Findings
) -> tuple[ImageSet, ImageSet]:
    """Return train and val without images whose copies are labelled otherwise; none of the copies is kept.

    Only labels of whole images are compared, as they are after classes were picked and renamed.
    """
    groups: dict[str, list[ImageExample]] = defaultdict(list)
    for each in (*train.examples, *val.examples):
        if each.target is not None:
            groups[facts[each.path].digest].append(each)
    bad: set[int] = set()
    for copies in groups.values():
        if len({each.target.tobytes() for each in copies}) > 1:
            bad |= {id(each) for each in copies}
            for each in copies:
                said = "+".join(train.class_names[place] for place in np.flatnonzero(each.target)) or "none"
                findings.add("contradiction", f"{brief(each.path, findings.source)} ({said})")
    return tuple(
        replace(side, examples=tuple(each for each in side.examples if id(each) not in bad))
        for side in (train, val)
    )
