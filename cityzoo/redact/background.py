"""Only the empty street and drawn boxes: the median of a camera's images, with what a detector finds as outlines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from cityzoo.errors import InputError
from cityzoo.redact.detector import DetectorFinder
from cityzoo.redact.folders import (
    Progress,
    copy_name,
    find_images,
    read_or_none,
    replace_folder,
    write_image,
)
from cityzoo.redact.redactor import Redactor
from cityzoo.redact.regions import Region
from cityzoo.redact.summary import Summary
from cityzoo.redact.videos import Video, write_video

SAMPLES = 41  # frames of the median: what stays for less than half of them is gone
COLORS = ((230, 25, 75), (60, 180, 75), (0, 130, 200), (245, 130, 48), (145, 30, 180), (0, 128, 128))


def estimate_background(frames: Iterable[np.ndarray], count: int) -> np.ndarray:
    """Return the median over up to `SAMPLES` frames at equal distances, (H, W, 3) uint8.

    Args:
        frames: (H, W, 3) uint8, of one fixed camera.
        count: number of frames.

    Raises:
        InputError: fewer than three frames, or sizes differ.
    """
    step = max(count // SAMPLES, 1)
    chosen = [frame.copy() for number, frame in enumerate(frames) if number % step == 0]
    if len(chosen) < 3:
        raise InputError(f"{len(chosen)} images have no background: give a video or 3 images or more")
    if len({frame.shape for frame in chosen}) > 1:
        raise InputError("images of several sizes have no common background: give those of one fixed camera")
    rows = [np.median([frame[y] for frame in chosen], axis=0) for y in range(chosen[0].shape[0])]
    return np.stack(rows).astype(np.uint8)


class BackgroundPainter:
    """Replace frames by their background, itself redacted, and the outlines of what stands in front of it.

    Args:
        background: (H, W, 3) uint8 RGB.
        redactor: covers what stood still; all classes of its detectors are outlined.
    """

    def __init__(self, background: np.ndarray, redactor: Redactor) -> None:
        self.background, _ = redactor.redact(background)
        self.detectors = [each for each in redactor.finders if isinstance(each, DetectorFinder)]

    def paint(self, frame: np.ndarray) -> tuple[np.ndarray, list[Region]]:
        """Return the painted frame and its boxes."""
        if frame.shape != self.background.shape:
            raise InputError(
                "images of several sizes have no common background: give those of one fixed camera"
            )
        regions = [region for detector in self.detectors for region in detector.detect(frame)]
        return draw_boxes(self.background, regions), regions


def draw_boxes(image: np.ndarray, regions: Sequence[Region]) -> np.ndarray:
    """Return a copy of an image with outlines and kinds of regions."""
    import cv2

    drawn = image.copy()
    kinds = sorted({region.kind for region in regions})
    for region in regions:
        x1, y1, x2, y2 = (round(side) for side in region.box_xyxy)
        color = COLORS[kinds.index(region.kind) % len(COLORS)]
        cv2.rectangle(drawn, (x1, y1), (x2, y2), color, 2)
        cv2.putText(drawn, region.kind, (x1, max(y1 - 4, 10)), cv2.FONT_HERSHEY_SIMPLEX, 0.45, color, 1)
    return drawn


def paint_video(
    source: Path, target: Path, redactor: Redactor, progress: Progress = lambda done, total: None
) -> Summary:
    """Write a video of the background and drawn boxes; it is read twice."""
    summary, video = Summary(), Video(source)
    painter = BackgroundPainter(estimate_background(video, video.frames), redactor)
    with write_video(target, video.rate) as write:
        for frame in Video(source):
            painted, regions = painter.paint(frame)
            write(painted)
            summary.count(regions)
            progress(summary.images, max(video.frames, summary.images))
    return summary


def paint_images(
    source: Path, target: Path, redactor: Redactor, progress: Progress = lambda done, total: None
) -> tuple[Summary, list[Path]]:
    """Write images of the background and drawn boxes for a folder; return images that could not be read, too."""
    images, summary, unread = find_images(source), Summary(), list[Path]()
    readable = (image for image in map(read_or_none, images) if image is not None)
    painter = BackgroundPainter(estimate_background(readable, len(images)), redactor)
    with replace_folder(target) as part:
        for done, path in enumerate(images, 1):
            image = read_or_none(path)
            if image is None:
                unread.append(path)
            else:
                painted, regions = painter.paint(image)
                write_image(painted, part / copy_name(path.relative_to(source)))
                summary.count(regions)
            progress(done, len(images))
    return summary, unread
