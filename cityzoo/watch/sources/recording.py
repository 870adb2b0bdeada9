"""Frames of video files and of folders of images, each with its own time."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cityzoo.data.image.decode import read_image
from cityzoo.errors import DAMAGE, InputError
from cityzoo.redact.folders import find_images
from cityzoo.watch.frames import Frame, Thinner
from cityzoo.watch.sources.base_source import Source
from cityzoo.watch.sources.health import GapFinder

FOLDER_FPS = 1.0  # of a folder, whose images have no times
LOST_END = 2.0  # seconds of a video that its header promises and that are not there


class VideoFile(Source):
    """A video file, read by OpenCV; the times are those of its frames, also where their rate varies.

    Args:
        path: the file.
        camera: name of the camera.
        fps: most frames per second; the others are skipped without being decoded to RGB. None: all.
        start: Unix seconds of the first frame; None: the file's last change minus its duration.
        minutes: read only the beginning.

    Raises:
        InputError: OpenCV cannot open it, or it has no video.
    """

    def __init__(
        self,
        path: Path,
        camera: str,
        fps: float | None = None,
        start: float | None = None,
        minutes: float | None = None,
    ) -> None:
        super().__init__(camera)
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # FFmpeg's complaints; ours are one line
        import cv2

        self.path, self.fps, self.limit = path, fps, 60 * minutes if minutes else float("inf")
        self._capture = cv2.VideoCapture(str(path))
        if not self._capture.isOpened():
            raise InputError(
                f"OpenCV finds no video in '{path}': give a recording, best an MP4 with H.264, a folder of images, "
                "rtsp://HOST/PATH or usb:0"
            )
        self.rate = self._capture.get(cv2.CAP_PROP_FPS) or 25.0
        whole = max(self._capture.get(cv2.CAP_PROP_FRAME_COUNT), 0) / self.rate
        self.seconds: float = min(whole, self.limit)
        self.start = path.stat().st_mtime - whole if start is None else start

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames.

        Raises:
            InputError: no frame can be decoded.
        """
        thinner, gaps = Thinner(self.fps), GapFinder()
        self.health.connections += 1
        self.health.report("connected", self.start)
        end = 0.0
        for index, seconds in self._grab():
            if seconds >= self.limit:
                break
            gap, end = gaps.gap(seconds), seconds
            if gap:
                self.health.report_gap(self.start + gap[0], self.start + gap[1])
            self.health.frames += 1
            if thinner.is_due(seconds):
                is_frame, image = self._capture.retrieve()
                if is_frame:
                    yield Frame(self.camera, index, self.start + seconds, seconds, _rgb(image))
        if not self.health.frames:
            raise InputError(
                f"'{self.path}' has no frame that can be decoded: convert it to an MP4 with H.264"
            )
        elif end < self.seconds - LOST_END:
            span = f"{end:.1f} of {self.seconds:.1f} s can be decoded"
            self.health.report("damaged", self.start + end, span)
        self.health.report("ended", self.start + end)
        self.close()

    def _grab(self) -> Iterator[tuple[int, float]]:
        import cv2

        index, first, last = 0, 0.0, 0.0
        while self._capture.grab():
            at = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if not index:
                first = at
            seconds = at - first
            if index and seconds <= last:  # some containers have no times
                seconds = last + 1 / self.rate
            last = seconds
            yield index, seconds
            index += 1

    def close(self) -> None:
        """Close the file."""
        self._capture.release()


def _rgb(image: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.cvtColor(image, cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB)


class ImageFolder(Source):
    """The images of a folder, or one image, in the order of the numbers in their names.

    Args:
        path: folder or image.
        camera: name of the camera.
        fps: frames per second at which they were taken; None: one.
        start: Unix seconds of the first; None: its file's last change.
        minutes: read only the beginning.

    Raises:
        InputError: there are no images.
    """

    def __init__(
        self,
        path: Path,
        camera: str,
        fps: float | None = None,
        start: float | None = None,
        minutes: float | None = None,
    ) -> None:
        super().__init__(camera)
        self.rate, files = fps or FOLDER_FPS, sorted(find_images(path), key=_natural_order)
        self.files = files[: max(round(minutes * 60 * self.rate), 1)] if minutes else files
        self.seconds = len(self.files) / self.rate
        self.start = self.files[0].stat().st_mtime if start is None else start

    def __iter__(self) -> Iterator[Frame]:
        """Yield the images; one that cannot be read is an event.

        Raises:
            InputError: none can be read.
        """
        self.health.connections += 1
        self.health.report("connected", self.start)
        for index, file in enumerate(self.files):
            seconds = index / self.rate
            try:
                image = read_image(file)
            except (InputError, *DAMAGE) as error:
                self.health.report("damaged", self.start + seconds, f"'{file.name}': {error}")
                continue
            self.health.frames += 1
            yield Frame(self.camera, index, self.start + seconds, seconds, image)
        if not self.health.frames:
            raise InputError(f"none of the {len(self.files)} images of '{self.camera}' can be read")
        self.health.report("ended", self.start + (self.seconds or 0))


def _natural_order(path: Path) -> list[tuple[str, int]]:
    """Return a key that sorts frame_2 before frame_10."""
    parts = re.split(r"(\d+)", str(path))
    return [(text, int(number or 0)) for text, number in zip(parts[::2], [*parts[1::2], "0"], strict=True)]
