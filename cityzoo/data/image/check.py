"""The data check: raw records and the facts of their images -> images fit for training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from cityzoo.data.image import boxes as geometry
from cityzoo.data.image.findings import KINDS, Findings, brief
from cityzoo.data.image.hash_split import scene_of
from cityzoo.data.image.image_info import ImageInfo
from cityzoo.data.image.raw import RawBox, RawImage
from cityzoo.sample import ImageExample


class Checker:
    """Turn raw images into checked ones, and take note of everything on the way."""

    def __init__(
        self,
        label_of: Mapping[str, int | str],
        exif: str,
        findings: Findings,
        root: str,
        labelled: bool = False,
    ) -> None:
        """Prepare to check images.

        Args:
            label_of: for each class name of the data its label, or the kind of finding that leaves it out.
            exif: "auto", "stored" or "upright", see `boxes.is_annotated_as_stored`.
            findings: where notes go.
            root: folder that places are written relative to.
            labelled: whether images carry labels of the whole image: those without one are then left out.
        """
        self._label_of, self._exif, self._findings, self._root = label_of, exif, findings, root
        self._labelled = labelled
        self._classes = 1 + max((each for each in label_of.values() if isinstance(each, int)), default=-1)
        self.boxes_seen = 0  # of the classes asked for, good and bad

    def examples(self, raw: Sequence[RawImage], facts: Mapping[str, ImageInfo]) -> tuple[ImageExample, ...]:
        """Return the images that can be opened, with their good boxes or their target."""
        checked = (self._image(each, facts[each.path]) for each in raw)
        return tuple(each for each in checked if each is not None)

    def _image(self, raw: RawImage, facts: ImageInfo) -> ImageExample | None:
        name = brief(raw.path, self._root)
        if facts.defect:
            self._findings.add(facts.defect, f"{name} ({facts.reason})")
            return None
        if "contradiction" in raw.remarks:
            self._findings.add("contradiction", f"{name} ({brief(raw.source, self._root)})")
            return None
        target = self._target(raw, name) if self._labelled else None
        if self._labelled and target is None:
            return None
        for kind in (*raw.remarks, *(kind for kind in facts.kinds if kind in KINDS)):
            self._findings.add(kind, name)
        if raw.declared_hw and raw.declared_hw not in (facts.stored_hw, facts.size_hw):
            sizes = [f"{width} x {height}" for height, width in (facts.stored_hw, raw.declared_hw)]
            self._findings.add("other size", f"{name} ({sizes[0]}, declared {sizes[1]})")
        boxes, labels = self._boxes(raw, facts, name)
        return ImageExample(
            raw.path,
            facts.size_hw,
            boxes,
            labels,
            facts.plain,
            target,
            scene=scene_of(raw.path),
            mask=self._mask(raw, facts),
        )

    def _target(self, raw: RawImage, name: str) -> np.ndarray | None:
        """What is true of the whole image, (C,) float32; None: it is left out, which is noted."""
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
            with Image.open(raw.mask) as mask:
                if mask.size[::-1] == facts.size_hw:
                    return raw.mask
                reason = f"{mask.size[0]} x {mask.size[1]}"
        except OSError as error:
            reason = "not an image" if "identify" in str(error) else str(error)
        self._findings.add("bad mask", f"{brief(raw.mask, self._root)} ({reason})")
        return ""

    def _boxes(self, raw: RawImage, facts: ImageInfo, name: str) -> tuple[np.ndarray, np.ndarray]:
        kept, labels = self._pick(raw)
        boxes = self._place(np.array([box.numbers for box in kept]).reshape(-1, 4), raw, facts, name)
        good = self._sift(boxes, kept, raw, facts)
        return geometry.clip(boxes[good], facts.size_hw), np.array(labels, np.int32)[good]

    def _pick(self, raw: RawImage) -> tuple[list[RawBox], list[int]]:
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

    def _place(self, numbers: np.ndarray, raw: RawImage, facts: ImageInfo, name: str) -> np.ndarray:
        if facts.orientation == 1:
            return geometry.to_pixels(numbers, raw.kind, facts.size_hw)
        self._findings.add("rotated", name)
        if not geometry.is_annotated_as_stored(self._exif, raw.declared_hw, facts.stored_hw, facts.size_hw):
            return geometry.to_pixels(numbers, raw.kind, facts.size_hw)
        self._findings.add("stored frame", name)
        stored = geometry.to_pixels(numbers, raw.kind, facts.stored_hw)
        return geometry.to_upright(stored, facts.orientation, facts.stored_hw)

    def _sift(self, boxes: np.ndarray, kept: list[RawBox], raw: RawImage, facts: ImageInfo) -> np.ndarray:
        self.boxes_seen += len(kept)
        kinds = geometry.find_problems(boxes, facts.size_hw)
        for number, box in enumerate(kept):
            kinds[number] = "malformed" if box.problem == "malformed" else kinds[number]
            if kinds[number]:
                self._note(kinds[number], box, raw)
        return np.array([kind in ("", "clipped") for kind in kinds], bool)

    def _note(self, kind: str, box: RawBox, raw: RawImage) -> None:
        detail = f" (class '{box.name}')" if kind == "unknown class" else ""
        self._findings.add(kind, f"{brief(raw.source, self._root)}{box.mark}{detail}")
