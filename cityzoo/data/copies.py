"""Files that are the same byte for byte: in train and val at once, or with labels that contradict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from cityzoo.data.facts import PictureFacts
from cityzoo.data.findings import Findings, brief
from cityzoo.data.raw import RawPicture
from cityzoo.sample import Picture, PictureSet


def find_duplicates(
    train: Sequence[RawPicture],
    val: Sequence[RawPicture],
    facts: Mapping[str, PictureFacts],
    findings: Findings,
) -> None:
    """Take note of val pictures whose file is in train too, byte for byte."""
    seen = {facts[each.path].digest: each.path for each in train if not facts[each.path].defect}
    for each in val:
        twin = None if facts[each.path].defect else seen.get(facts[each.path].digest)
        if twin:
            places = (brief(path, findings.source) for path in (each.path, twin))
            findings.add("duplicate", " = ".join(places))


def without_contradictions(
    train: PictureSet, val: PictureSet, facts: Mapping[str, PictureFacts], findings: Findings
) -> tuple[PictureSet, PictureSet]:
    """Return train and val without pictures whose copies are labelled otherwise; none of the copies is kept.

    Only labels of whole pictures are compared, as they are after classes were picked and renamed.
    """
    groups: dict[str, list[Picture]] = defaultdict(list)
    for each in (*train.pictures, *val.pictures):
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
        replace(side, pictures=tuple(each for each in side.pictures if id(each) not in bad))
        for side in (train, val)
    )
