"""The data check: raw annotations and image facts -> examples that are fit for training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cityzoo.data.image import boxes as geometry
from cityzoo.data.image.decode import open_header
from cityzoo.data.image.finding_kinds import KINDS
from cityzoo.data.image.findings import Findings, brief
from cityzoo.data.image.hash_split import scene_of
from cityzoo.data.image.image_info import ImageInfo
from cityzoo.data.image.raw import RawBox, RawImage
from cityzoo.sample import ImageExample


class Checker:
    """Conversion of raw images to examples, which records every problem in the findings.

    Attributes:
        boxes_seen: number of boxes of the selected classes so far, good and bad.
    """

    def __init__(
        self,
        label_of: Mapping[str, int | str],
        exif: str,
        findings: Findings,
        root: str,
        labeled: bool = False,
    ) -> None:
        """Set up the check.

        Args:
            label_of: label of each class name of the data, or the kind of finding for which it is skipped.
            exif: "auto", "stored" or "upright", see `boxes.is_annotated_as_stored`.
            findings: receives the problems.
            root: folder to which reported places are relative.
            labeled: whether images have labels of the whole image; images without a label are then skipped.
        """
        self._label_of, self._exif, self._findings, self._root = label_of, exif, findings, root
        self._labeled = labeled
        self._classes = 1 + max((each for each in label_of.values() if isinstance(each, int)), default=-1)
        self.boxes_seen = 0

    def examples(self, raw: Sequence[RawImage], facts: Mapping[str, ImageInfo]) -> tuple[ImageExample, ...]:
        """Return the readable images with their good boxes or their target."""
        checked = (self._image(each, facts[each.path]) for each in raw)
        return tuple(each for each in checked if each is not None)

    def _image(self, raw: RawImage, facts: ImageInfo) -> ImageExample | None:
        name = brief(raw.path, self._root)
        if facts.defect:
            self._findings.add(facts.defect, f"{name} ({facts.reason})" if facts.reason else name)
            return None
        for kind in ("contradiction", "unreadable label"):
            if kind in raw.remarks:
                self._findings.add(kind, f"{name} ({brief(raw.source, self._root)})")
                return None
        target = self._target(raw, name) if self._labeled else None
        if self._labeled and target is None:
            return None
        for kind in (*raw.remarks, *(kind for kind in facts.kinds if kind in KINDS)):
            self._findings.add(kind, name)
        if raw.declared_hw and raw.declared_hw not in (facts.stored_hw, facts.size_hw):
            sizes = [f"{width} x {height}" for height, width in (facts.stored_hw, raw.declared_hw)]
            self._findings.add("other size", f"{name} ({sizes[0]}, declared {sizes[1]})")
        boxes, labels = self._boxes(raw, facts, name)
        mask, scene = self._mask(raw, facts), scene_of(raw.path)
        return ImageExample(
            raw.path, facts.size_hw, boxes, labels, facts.plain, target, scene=scene, mask=mask, name=name
        )

    def _target(self, raw: RawImage, name: str) -> np.ndarray | None:
        """Return the target (C,) float32 of an image, or None, with a finding, if the image is skipped."""
        if raw.names is None:
            self._findings.add("no label", name)
            return None
        labels = [self._label_of.get(each, "unknown label") for each in raw.names]
        if "unknown label" in labels:
            strange = "+".join(each for each in raw.names if each not in self._label_of)
            self._findings.add("unknown label", f"{name} (class '{strange}')")
            return None
        kept = [each for each in labels if isinstance(each, int)]
        if labels and not kept:
            self._findings.add("class left out", name)
            return None
        target = np.zeros(self._classes, np.float32)
        target[kept] = 1
        return target

    def _mask(self, raw: RawImage, facts: ImageInfo) -> str:
        if not raw.mask:
            return ""
        try:
            with open_header(raw.mask) as mask:
                if mask.size[::-1] == facts.size_hw:
                    return raw.mask
                reason = f"{mask.size[0]} x {mask.size[1]}"
        except (OSError, ValueError) as error:
            reason = "not an image" if "identify" in str(error) else str(error)
        self._findings.add("bad mask", f"{brief(raw.mask, self._root)} ({reason})")
        return ""

    def _boxes(self, raw: RawImage, facts: ImageInfo, name: str) -> tuple[np.ndarray, np.ndarray]:
        kept, labels = self._select(raw)
        numbers = np.array([box.numbers for box in kept]).reshape(-1, 4)
        boxes = self._to_upright_pixels(numbers, raw, facts, name)
        good = self._find_good(boxes, kept, raw, facts)
        return geometry.clip(boxes[good], facts.size_hw), np.array(labels, np.int32)[good]

    def _select(self, raw: RawImage) -> tuple[list[RawBox], list[int]]:
        kept: list[RawBox] = []
        labels: list[int] = []
        for box in raw.boxes:
            # A malformed row may lack its class too; it counts as malformed, and its label is never used.
            label = self._label_of.get(box.name, 0 if box.problem == "malformed" else "unknown class")
            kind = box.problem if box.problem in ("crowd", "unknown class") else label
            if isinstance(kind, str):
                self._report(kind, box, raw)
                continue
            if box.problem == "difficult":
                self._report("difficult", box, raw)
            kept.append(box)
            labels.append(kind)
        return kept, labels

    def _to_upright_pixels(
        self, numbers: np.ndarray, raw: RawImage, facts: ImageInfo, name: str
    ) -> np.ndarray:
        if facts.orientation == 1:
            return geometry.to_pixels(numbers, raw.kind, facts.size_hw)
        self._findings.add("rotated", name)
        if not geometry.is_annotated_as_stored(self._exif, raw.declared_hw, facts.stored_hw, facts.size_hw):
            return geometry.to_pixels(numbers, raw.kind, facts.size_hw)
        self._findings.add("stored frame", name)
        stored = geometry.to_pixels(numbers, raw.kind, facts.stored_hw)
        return geometry.to_upright(stored, facts.orientation, facts.stored_hw)

    def _find_good(
        self, boxes: np.ndarray, kept: list[RawBox], raw: RawImage, facts: ImageInfo
    ) -> np.ndarray:
        self.boxes_seen += len(kept)
        kinds = geometry.find_problems(boxes, facts.size_hw)
        for number, box in enumerate(kept):
            kinds[number] = "malformed" if box.problem == "malformed" else kinds[number]
            if kinds[number]:
                self._report(kinds[number], box, raw)
        return np.array([kind in ("", "clipped") for kind in kinds], bool)

    def _report(self, kind: str, box: RawBox, raw: RawImage) -> None:
        detail = f" (class '{box.name}')" if kind == "unknown class" else ""
        self._findings.add(kind, f"{brief(raw.source, self._root)}{box.mark}{detail}")
