"""Redaction of videos, frame by frame: what is found in a frame is covered in those before and after it, too."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.errors import InputError
from cityzoo.redact.folders import Progress
from cityzoo.redact.redactor import Redactor
from cityzoo.redact.regions import Region
from cityzoo.redact.summary import Summary
from cityzoo.replace_file import replace_file

LOG = logging.getLogger(__name__)
SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".m4v", ".webm", ".mpg", ".mpeg", ".ts", ".wmv")
MEMORY = 5  # frames


def is_video(path: Path) -> bool:
    """Return whether a file has a video's suffix."""
    return path.is_file() and path.suffix.lower() in SUFFIXES


class Video:
    """A video file that is read frame by frame.

    Raises:
        InputError: OpenCV cannot open it.

    Attributes:
        frames: number of frames, by its header.
        rate: frames per second.
    """

    def __init__(self, path: Path) -> None:
        import cv2

        self.path = path
        self._capture = cv2.VideoCapture(str(path))
        if not self._capture.isOpened():
            raise InputError(f"OpenCV cannot open the video '{path}': convert it to MP4 with H.264")
        self.frames = max(int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
        self.rate = self._capture.get(cv2.CAP_PROP_FPS) or 25.0

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the frames, (H, W, 3) uint8 RGB.

        Raises:
            InputError: no frame can be decoded.
        """
        done = 0
        while True:
            is_frame, frame = self._capture.read()
            if not is_frame:
                break
            done += 1
            yield frame[..., ::-1]
        self._capture.release()
        if not done:
            raise InputError(f"'{self.path}' has no frame that can be decoded: convert it to MP4 with H.264")
        if done < self.frames:
            LOG.warning("'%s': %d of %d frames could be decoded", self.path, done, self.frames)


def remember(
    frames: Iterable[tuple[np.ndarray, Sequence[Region]]], memory: int
) -> Iterator[tuple[np.ndarray, list[Region]]]:
    """Yield each frame with its own regions and those of up to `memory` frames before and after it.

    At most `memory` + 1 frames are held.

    Example:
        >>> face = Region("face", (0, 0, 9, 9))
        >>> frames = [(np.zeros(1), [face] if number == 3 else []) for number in range(7)]
        >>> [len(regions) for _, regions in remember(frames, 1)]
        [0, 0, 1, 1, 1, 0, 0]
    """
    waiting: deque[np.ndarray] = deque()
    near: deque[Sequence[Region]] = deque()
    for image, regions in frames:
        waiting.append(image)
        near.append(regions)
        if len(waiting) > memory:
            yield waiting.popleft(), [region for each in near for region in each]
            if len(near) > 2 * memory:
                near.popleft()
    while waiting:
        while len(near) > len(waiting) + memory:
            near.popleft()
        yield waiting.popleft(), [region for each in near for region in each]


def redact_video(
    source: Path,
    target: Path,
    redactor: Redactor,
    memory: int = MEMORY,
    progress: Progress = lambda done, total: None,
) -> Summary:
    """Write a redacted copy of a video without sound; it appears when it is whole.

    Args:
        source: the video.
        target: a new .mp4 file.
        redactor: what covers its frames.
        memory: frames before and after one in which a region is found that are covered there, too.
        progress: called with the number of finished frames and of all.

    Raises:
        InputError: the video cannot be read or written.
    """
    video, summary = Video(source), Summary()
    found = ((frame, redactor.find(frame)) for frame in video)
    with write_video(target, video.rate) as write:
        for frame, regions in remember(found, memory):
            write(redactor.draw(frame, regions))
            summary.add((frame.shape[0], frame.shape[1]), regions)
            progress(summary.images, max(video.frames, summary.images))
    return summary


@contextmanager
def write_video(target: Path, rate: float) -> Iterator[Callable[[np.ndarray], None]]:
    """Lend a function that appends a frame, (H, W, 3) uint8 RGB, to a new video.

    Raises:
        InputError: OpenCV has no encoder for it.
    """
    import cv2

    with replace_file(target) as part:
        writer: Any = None

        def write(frame: np.ndarray) -> None:
            nonlocal writer
            if writer is None:
                size = (frame.shape[1], frame.shape[0])
                writer = cv2.VideoWriter(str(part), cv2.VideoWriter.fourcc(*"mp4v"), rate, size)
                if not writer.isOpened():
                    raise InputError(
                        f"OpenCV cannot write the video '{target}': give a name that ends in .mp4"
                    )
            writer.write(np.ascontiguousarray(frame[..., ::-1]))

        try:
            yield write
        finally:
            if writer is not None:
                writer.release()
