"""Only the empty street and drawn boxes: the median of a camera's images, with what a detector finds as outlines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from cityzoo.errors import InputError
from cityzoo.redact.detector import DetectorFinder, part_to_cover
from cityzoo.redact.folders import find_images, read_or_none
from cityzoo.redact.redactor import Redactor
from cityzoo.redact.regions import Region
from cityzoo.redact.videos import Video, is_video

SAMPLES = 41  # frames of the median: what stays for less than half of them is gone
COLORS = ((230, 25, 75), (60, 180, 75), (0, 130, 200), (245, 130, 48), (145, 30, 180), (0, 128, 128))


class BackgroundRedactor(Redactor):
    """Replace frames by their background, itself redacted, and the outlines of what stands in front of it.

    Args:
        background: (H, W, 3) uint8 RGB.
        redactor: covers what stood still; all classes of its detectors are outlined.
    """

    def __init__(self, background: np.ndarray, redactor: Redactor) -> None:
        super().__init__(redactor.finders, redactor.drawing, redactor.grow)
        self.detectors = [each for each in self.finders if isinstance(each, DetectorFinder)]
        others = [each for each in self.finders if not isinstance(each, DetectorFinder)]
        # At the threshold of the report: at the low one of single images little of the street would be left.
        still = [part_to_cover(region) for finder in self.detectors for region in finder.detect(background)]
        still += [region for finder in others for region in finder.find(background)]
        size_hw = (background.shape[0], background.shape[1])
        self.background = super().draw(background, [each.grow(self.grow, size_hw) for each in still])
        self.kinds = sorted({name for detector in self.detectors for name in detector.classes})

    def find(self, image: np.ndarray) -> list[Region]:
        """Return what is outlined in a frame.

        Raises:
            InputError: it is of another size than the background.
        """
        if image.shape != self.background.shape:
            raise InputError(
                "images of several sizes have no common background: give those of one fixed camera"
            )
        size_hw = (image.shape[0], image.shape[1])
        return [each.grow(0.0, size_hw, 0.0) for finder in self.detectors for each in finder.detect(image)]

    def draw(self, image: np.ndarray, regions: Sequence[Region]) -> np.ndarray:
        """Return the background with outlines; nothing of the image."""
        import cv2

        drawn = self.background.copy()
        for region in regions:
            x1, y1, x2, y2 = (round(side) for side in region.box_xyxy)
            color = COLORS[self.kinds.index(region.kind) % len(COLORS)]
            cv2.rectangle(drawn, (x1, y1), (x2, y2), color, 2)
            place = (max(x1, 0), max(y1 - 4, 12))
            cv2.putText(drawn, region.kind, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, color, 1)
        return drawn


def estimate_background(source: Path) -> np.ndarray:
    """Return the median of up to `SAMPLES` frames of a video or images of a folder, (H, W, 3) uint8 RGB.

    Raises:
        InputError: fewer than three frames, or sizes differ.
    """
    frames: Iterable[np.ndarray | None]
    if is_video(source):
        video = Video(source)
        frames, count = video, video.frames
    else:
        images = find_images(source)
        frames, count = map(read_or_none, images), len(images)
    step = max(count // SAMPLES, 1)
    some = [frame.copy() for n, frame in enumerate(frames) if frame is not None and n % step == 0]
    if len(some) < 3:
        raise InputError(
            f"'{source}': {len(some)} images have no background: give a video or 3 images or more"
        )
    if len({frame.shape for frame in some}) > 1:
        raise InputError(f"'{source}' has images of several sizes: give those of one fixed camera")
    rows = [np.median([frame[y] for frame in some], axis=0) for y in range(some[0].shape[0])]
    return np.stack(rows).astype(np.uint8)
