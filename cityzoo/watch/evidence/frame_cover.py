"""Cover people, plates and privacy zones in the frames of a camera before anything is done with them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cityzoo.redact.detector import VEHICLES, WHOLE, part_to_cover
from cityzoo.redact.regions import FILL, Region, cover
from cityzoo.watch.detector import LARGEST
from cityzoo.watch.evidence.redaction import Redaction
from cityzoo.watch.scene import Scene
from cityzoo.watch.tracking.assignment import compute_overlaps

if TYPE_CHECKING:
    from cityzoo.watch.camera import Observation

SCORE = 0.1  # far below what is tracked: a miss costs more than a covered bush
SURE = 0.3  # of a vehicle that fills the frame: at low scores that is the road itself
GROW = 0.2  # of width and height, on each side
HOLD = 5  # frames that a region stays covered after it was last found, and before it was first found
LONGEST_SIDE = 960  # pixels of what is stored: larger frames are scaled down
SAME = 0.2  # intersection over union of a region and itself in the next frame


class _Held(NamedTuple):
    region: Region
    step_xy: tuple[float, float]  # motion per frame, pixels
    left: int  # frames that it is still covered


class FrameCover:
    """Cover what is found in a frame, also in those right before and after it.

    A region that is not found again stays covered for `HOLD` more frames, along its motion; a new one is covered in
    the `HOLD` frames before it, too. So a frame is given back when the `HOLD` next ones are known.

    Args:
        redaction: the drawing, or nothing but privacy zones.
        class_names: of the detections.
        scene: whose privacy zones are always filled.
    """

    def __init__(self, redaction: Redaction, class_names: Sequence[str], scene: Scene) -> None:
        self.redaction, self.names = redaction, tuple(class_names)
        self.zones = [zone for zone in scene.zones if zone.purpose == "privacy"]
        self._held: list[_Held] = []
        self._waiting: deque[tuple[Observation, np.ndarray, list[Region]]] = deque()
        self._mask = np.zeros((0, 0), bool)

    def push(self, observation: Observation) -> Iterator[tuple[Observation, np.ndarray]]:
        """Take a frame; yield earlier ones with their covered images, (H, W, 3) uint8 RGB, scaled down if large."""
        image = _shrink(observation.frame.image)
        if self._waiting and self._waiting[-1][1].shape != image.shape:
            yield from self.flush()
        regions, new = ([], []) if self.redaction.is_off else self._follow(observation, image)
        for _, _, earlier in self._waiting:
            earlier.extend(new)
        self._waiting.append((observation, image, regions))
        if len(self._waiting) > HOLD:
            yield self._finish()

    def flush(self) -> Iterator[tuple[Observation, np.ndarray]]:
        """Yield the frames that are left, and forget what was found."""
        while self._waiting:
            yield self._finish()
        self._held = []

    def _finish(self) -> tuple[Observation, np.ndarray]:
        observation, image, regions = self._waiting.popleft()
        image = cover(image, regions, self.redaction.drawing)
        if self.zones:
            image[self._privacy_mask((image.shape[0], image.shape[1]))] = FILL
        return observation, image

    def _find(self, observation: Observation, image: np.ndarray) -> list[Region]:
        found = observation.detections.everything or observation.detections
        height, width = image.shape[:2]
        boxes = found.boxes * (height / observation.frame.image.shape[0])
        regions = []
        for box, score, label in zip(
            boxes.tolist(), found.scores.tolist(), found.labels.tolist(), strict=True
        ):
            name = self.names[label].lower()
            is_huge = (box[2] - box[0]) * (box[3] - box[1]) > LARGEST * height * width
            least = SURE if is_huge and name in VEHICLES else SCORE
            if score >= least and name in (*WHOLE, *VEHICLES):
                region = part_to_cover(Region(name, (box[0], box[1], box[2], box[3]), score))
                regions.append(region.grow(GROW, (height, width)))
        return regions

    def _follow(self, observation: Observation, image: np.ndarray) -> tuple[list[Region], list[Region]]:
        """Return all regions of a frame, and those of them that were not known before."""
        found, size_hw = self._find(observation, image), image.shape[:2]
        overlaps = compute_overlaps(_boxes([held.region for held in self._held]), _boxes(found))
        is_kind = [[held.region.kind == region.kind for region in found] for held in self._held]
        is_same = (overlaps >= SAME) & np.array(is_kind, bool).reshape(overlaps.shape)
        now, new = [], []
        for column, region in enumerate(found):
            if is_same[:, column].any():
                source = self._held[int(np.where(is_same[:, column], overlaps[:, column], 0).argmax())]
                now.append(_Held(region, _step(source, region), HOLD))
            else:
                new.append(region)
                now.append(_Held(region, (0.0, 0.0), HOLD))
        regions = list(found)
        for held, again in zip(self._held, is_same, strict=True):
            if held.left and not again.any():
                moved = _move(held.region, held.step_xy).grow(0.0, size_hw, 0.0)
                regions.append(_join(held.region, moved))
                now.append(_Held(moved, held.step_xy, held.left - 1))
        self._held = now
        return regions, new

    def _privacy_mask(self, size_hw: tuple[int, int]) -> np.ndarray:
        if self._mask.shape != size_hw:
            import cv2

            mask = np.zeros(size_hw, np.uint8)
            for zone in self.zones:
                corners = np.array(zone.points) * [size_hw[1], size_hw[0]]
                cv2.fillPoly(mask, [corners.round().astype(np.int32)], 1)
            self._mask = mask.astype(bool)
        return self._mask


def _shrink(image: np.ndarray) -> np.ndarray:
    import cv2

    longest = max(image.shape[:2])
    if longest <= LONGEST_SIDE:
        return image
    height, width = (round(side * LONGEST_SIDE / longest) for side in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def _boxes(regions: Sequence[Region]) -> np.ndarray:
    return np.array([region.box_xyxy for region in regions], float).reshape(-1, 4)


def _step(held: _Held, region: Region) -> tuple[float, float]:
    if held.left < HOLD:
        return held.step_xy
    (x1, y1, x2, y2), (u1, v1, u2, v2) = held.region.box_xyxy, region.box_xyxy
    return (u1 + u2 - x1 - x2) / 2, (v1 + v2 - y1 - y2) / 2


def _move(region: Region, step_xy: tuple[float, float]) -> Region:
    (x1, y1, x2, y2), (x, y) = region.box_xyxy, step_xy
    return replace(region, box_xyxy=(x1 + x, y1 + y, x2 + x, y2 + y))


def _join(first: Region, second: Region) -> Region:
    (x1, y1, x2, y2), (u1, v1, u2, v2) = first.box_xyxy, second.box_xyxy
    return replace(first, box_xyxy=(min(x1, u1), min(y1, v1), max(x2, u2), max(y2, v2)))
