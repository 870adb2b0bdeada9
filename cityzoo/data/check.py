"""The data check: raw records and the facts of their pictures -> pictures fit for training."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np

from cityzoo.data import boxes as geometry
from cityzoo.data.facts import PictureFacts
from cityzoo.data.findings import BAD_BOXES, BAD_PICTURES, KINDS, Findings
from cityzoo.data.raw import RawBox, RawPicture
from cityzoo.errors import InputError
from cityzoo.sample import Picture, no_boxes

TOLERATED = 0.01  # share of bad boxes that is left out and said; beyond it somebody must look


class Checker:
    """Turn raw pictures into checked ones, and take note of everything on the way."""

    def __init__(self, label_of: Mapping[str, int | str], exif: str, findings: Findings, root: str) -> None:
        """Prepare to check pictures.

        Args:
            label_of: for each class name of the data its label, or the kind of finding that leaves it out.
            exif: "auto", "stored" or "upright", see `boxes.drawn_as_stored`.
            findings: where notes go.
            root: folder that places are written relative to.
        """
        self._label_of, self._exif, self._findings, self._root = label_of, exif, findings, root
        self.boxes_seen = 0  # of the classes asked for, good and bad

    def pictures(self, raw: Sequence[RawPicture], facts: Mapping[str, PictureFacts]) -> tuple[Picture, ...]:
        """Return the pictures that can be opened, with their good boxes."""
        checked = (self._picture(each, facts[each.path]) for each in raw)
        return tuple(each for each in checked if each is not None)

    def _picture(self, raw: RawPicture, facts: PictureFacts) -> Picture | None:
        name = brief(raw.path, self._root)
        if facts.defect:
            self._findings.add(facts.defect, f"{name} ({facts.reason})")
            return None
        for kind in (*raw.remarks, *(kind for kind in facts.kinds if kind in KINDS)):
            self._findings.add(kind, name)
        if raw.declared_hw and raw.declared_hw not in (facts.stored_hw, facts.size_hw):
            sizes = [f"{width} x {height}" for height, width in (facts.stored_hw, raw.declared_hw)]
            self._findings.add("other size", f"{name} ({sizes[0]}, declared {sizes[1]})")
        kept, labels = self._pick(raw)
        boxes = self._place(np.array([box.numbers for box in kept]).reshape(-1, 4), raw, facts, name)
        good = self._sift(boxes, kept, raw, facts)
        if not good.any():
            return Picture(raw.path, facts.size_hw, no_boxes(), np.zeros(0, np.int32), facts.plain)
        boxes = geometry.clip(boxes[good], facts.size_hw)
        return Picture(raw.path, facts.size_hw, boxes, np.array(labels, np.int32)[good], facts.plain)

    def _pick(self, raw: RawPicture) -> tuple[list[RawBox], list[int]]:
        kept, labels = [], []
        for box in raw.boxes:
            # A malformed row may lack its class too; it counts as malformed, and its label is never used.
            label = self._label_of.get(box.name, 0 if box.problem == "malformed" else "unknown class")
            kind = box.problem if box.problem in ("crowd", "unknown class") else label
            if isinstance(kind, str):
                self._note(kind, box, raw)
                continue
            if box.problem == "difficult":
                self._note("difficult", box, raw)
            kept.append(box)
            labels.append(label)
        return kept, labels

    def _place(self, numbers: np.ndarray, raw: RawPicture, facts: PictureFacts, name: str) -> np.ndarray:
        if facts.orientation == 1:
            return geometry.to_pixels(numbers, raw.kind, facts.size_hw)
        self._findings.add("rotated", name)
        if not geometry.drawn_as_stored(self._exif, raw.declared_hw, facts.stored_hw, facts.size_hw):
            return geometry.to_pixels(numbers, raw.kind, facts.size_hw)
        self._findings.add("stored frame", name)
        stored = geometry.to_pixels(numbers, raw.kind, facts.stored_hw)
        return geometry.to_upright(stored, facts.orientation, facts.stored_hw)

    def _sift(
        self, boxes: np.ndarray, kept: list[RawBox], raw: RawPicture, facts: PictureFacts
    ) -> np.ndarray:
        self.boxes_seen += len(kept)
        kinds = geometry.problems(boxes, facts.size_hw)
        for number, box in enumerate(kept):
            kinds[number] = "malformed" if box.problem == "malformed" else kinds[number]
            if kinds[number]:
                self._note(kinds[number], box, raw)
        return np.array([kind in ("", "clipped") for kind in kinds], bool)

    def _note(self, kind: str, box: RawBox, raw: RawPicture) -> None:
        detail = f" (class '{box.name}')" if kind == "unknown class" else ""
        self._findings.add(kind, f"{brief(raw.source, self._root)}{box.mark}{detail}")


def brief(path: str, root: str) -> str:
    """Return a path relative to the data's folder where it lies within.

    Example:
        >>> brief("roads/train/a.jpg", "roads"), brief("roads/train/a.jpg", "roads/data.yaml")
        ('train/a.jpg', 'train/a.jpg')
    """
    folder = root if os.path.isdir(root) or not os.path.splitext(root)[1] else os.path.dirname(root)
    relative = os.path.relpath(path, folder or ".") if os.path.isabs(path) == os.path.isabs(folder) else path
    return path if relative.startswith("..") else relative


def find_duplicates(
    train: Sequence[RawPicture],
    val: Sequence[RawPicture],
    facts: Mapping[str, PictureFacts],
    findings: Findings,
    root: str,
) -> None:
    """Take note of val pictures whose file is in train too, byte for byte."""
    seen = {facts[each.path].digest: each.path for each in train if not facts[each.path].defect}
    for each in val:
        twin = None if facts[each.path].defect else seen.get(facts[each.path].digest)
        if twin:
            findings.add("duplicate", f"{brief(each.path, root)} = {brief(twin, root)}")


def judge(findings: Findings, labels: str, boxes_seen: int) -> None:
    """Raise InputError when a finding must not be passed over; `load` says what `labels` means."""
    if labels == "drop":
        return
    for kind in (*BAD_PICTURES, "unknown class"):
        if findings.counts[kind]:
            raise InputError(f"{findings.line(kind)}; correct the data, or leave them out with --labels drop")
    bad = findings.total(BAD_BOXES)
    if bad > (TOLERATED * boxes_seen if labels == "clip" else 0):
        each = "; ".join(findings.line(k) for k in BAD_BOXES if findings.counts[k])
        turned = findings.counts["rotated"] - findings.counts["stored frame"]
        hint = " (were EXIF-rotated pictures labelled as stored? --exif stored)" if turned else ""
        raise InputError(
            f"{bad} of {boxes_seen} boxes are bad ({bad / boxes_seen:.1%}): {each}; "
            f"correct the data{hint}, or leave them out with --labels drop"
        )
